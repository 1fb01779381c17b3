"""Answers that break off, an environment that lacks something, a fault of the program: a line of JSON, no traceback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import certificates
import pytest
from programs import dynamic, kube, loader


@contextmanager
def answering(raw: bytes) -> Iterator[str]:
    """A server that says that and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(raw)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


KILLED = [
    b"",
    b"HTTP/1.1 2",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[",
    b"HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\nno",
]


@pytest.mark.parametrize("raw", KILLED)
def test_a_consul_that_is_killed_in_mid_answer_is_away(raw: bytes) -> None:
    with answering(raw) as address, pytest.raises(loader.Away):
        loader.Consul(address, "token").ask("GET", "kv/any")


@pytest.mark.parametrize("raw", KILLED)
def test_a_kubernetes_api_that_is_killed_in_mid_answer_is_trouble(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("token")
    (tmp_path / "ca.crt").symlink_to(certificates.lineage(tmp_path) / "cert.pem")
    with answering(raw) as address, pytest.raises(dynamic.Trouble) as said:
        kube.Kubernetes(address, "homelab", "homelab", tmp_path).ask("GET", "/any")
    assert str(said.value).startswith("the Kubernetes API")


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr()
    assert not said.err
    return str(json.loads(said.out.splitlines()[-1])["error"])


def test_what_the_environment_lacks_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CONSUL_HTTP_ADDR", raising=False)
    assert loader.main() == 1
    assert last_line(capsys).startswith("the environment lacks 'CONSUL_HTTP_ADDR'")


def test_a_fault_of_the_program_is_one_line_with_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text("t-secret")
    for name, value in (("ADDR", "127.0.0.1:1"), ("TOKEN_FILE", f"{tmp_path}/token")):
        monkeypatch.setenv(f"CONSUL_HTTP_{name}", value)
    monkeypatch.setenv("HOMELAB_CONFIG", "config")
    monkeypatch.setenv("HOMELAB_PATIENCE", "long")

    assert loader.main() == 1

    assert "ValueError at loader.py:" in last_line(capsys)


def test_half_a_character_of_somebody_s_words_can_be_told(capfd: pytest.CaptureFixture[str]) -> None:
    loader.tell("failed", error="a\ud800b ü")
    assert json.loads(capfd.readouterr().out) == {"event": "failed", "error": "a?b ü"}
