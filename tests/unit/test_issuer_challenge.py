"""The challenge server and the check of the way to it, over real sockets of the loopback."""

from __future__ import annotations

from http.client import HTTPConnection
from pathlib import Path

import pytest
from programs import challenge
from realconsul import free_ports

HOST = "a.cloud.example.test"


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Server and replica are one: the replica's part is to pass on."""
    (free,) = free_ports(1)
    monkeypatch.setattr(challenge, "PORT", free)
    monkeypatch.setattr(challenge, "REPLICA_PORT", free)
    monkeypatch.setattr(challenge, "CHECK_SECONDS", 0.0)
    return free


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_token_is_answered_and_nothing_beside_it(tmp_path: Path, port: int) -> None:
    folder = tmp_path / ".well-known/acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token-1_a").write_text("token-1_a.thumbprint")
    (tmp_path / "secret").write_text("secret")

    with challenge.answering(tmp_path, lambda: True):
        assert get(port, challenge.PATH + "token-1_a") == (200, b"token-1_a.thumbprint")
        assert get(port, "/ready") == (200, b"ready")
        for path in ("../../secret", "%2e%2e/secret", "", "other", "token-1_a/"):
            assert get(port, challenge.PATH + path) == (404, b"")
        assert get(port, "/secret") == (404, b"")
    with pytest.raises(ConnectionRefusedError):
        get(port, "/ready")


def test_without_the_lock_it_knows_nothing(tmp_path: Path, port: int) -> None:
    with challenge.answering(tmp_path, lambda: False):
        assert get(port, "/ready") == (404, b"")


def test_every_replica_has_to_lead_here(tmp_path: Path, port: int) -> None:
    replicas = {"traefik-external-0": "127.0.0.1", "traefik-external-1": "127.0.0.2"}

    with challenge.answering(tmp_path, lambda: True):
        assert challenge.astray(replicas, HOST, tmp_path) is None
    assert not list((tmp_path / ".well-known/acme-challenge").iterdir())

    trouble = challenge.astray(replicas, HOST, tmp_path) or ""
    assert "traefik-external-0 cannot be asked" in trouble
    assert "traefik-external-1 cannot be asked" in trouble


def test_a_replica_that_answers_something_else_is_named(tmp_path: Path, port: int) -> None:
    with challenge.answering(tmp_path / "other", lambda: True):
        trouble = challenge.astray({"traefik-external-0": "127.0.0.1"}, HOST, tmp_path)
    assert trouble == "traefik-external-0 answers 404 to the challenge path, not the issuer's token"


def test_without_a_replica_nobody_could_reach_the_challenge(tmp_path: Path) -> None:
    assert "no replica of the external Traefik is ready" in (challenge.astray({}, HOST, tmp_path) or "")
