"""Which kubeconfig is used, what is said of one that cannot be, and that its keys lie nowhere afterwards."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from loopback import certificate, found, kubeconfig, serving
from shell import program

from homelab.adapters import kubeconfig as adapter
from homelab.adapters.kubeconfig import KubeconfigError, client, contexts, find
from homelab.adapters.kubernetes import KubernetesCluster


def file(path: Path, text: str = "kind: Config\n") -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any kubeconfig, on a machine without k3s."""
    monkeypatch.setattr(adapter, "K3S", tmp_path / "k3s.yaml")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


# Which one


def test_the_best_named_file_wins(home: Path, tmp_path: Path) -> None:
    k3s = file(tmp_path / "k3s.yaml")
    assert find(None, {}, home) == k3s

    usual = file(home / ".kube" / "config")
    assert find(None, {}, home) == usual

    listed = file(tmp_path / "listed")
    assert find(None, {"KUBECONFIG": str(listed)}, home) == listed

    wanted = file(tmp_path / "wanted")
    assert find(str(wanted), {"KUBECONFIG": str(listed)}, home) == wanted


def test_of_several_listed_files_the_first_that_exists_is_used(home: Path, tmp_path: Path) -> None:
    second, third = file(tmp_path / "second"), file(tmp_path / "third")

    assert find(None, {"KUBECONFIG": f"{tmp_path}/first::{second}:{third}"}, home) == second


def test_an_empty_variable_is_as_good_as_none(home: Path) -> None:
    usual = file(home / ".kube" / "config")

    assert find(None, {"KUBECONFIG": ""}, home) == usual


def test_a_tilde_is_the_home(home: Path) -> None:
    usual = file(home / "pi.yaml")

    assert find("~/pi.yaml", {}, home) == usual
    assert find(None, {"KUBECONFIG": "~/pi.yaml"}, home) == usual


# None


def test_without_any_file_the_places_and_the_option_are_named(home: Path, tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError) as missing:
        find(None, {}, home)

    for named in (f"{home}/.kube/config", f"{tmp_path}/k3s.yaml", "--kubeconfig FILE"):
        assert named in str(missing.value)


@pytest.mark.parametrize("name", ["nowhere", "~nobody-of-that-name/config"])
def test_a_named_file_that_is_missing_is_never_replaced_by_another(name: str, home: Path) -> None:
    file(home / ".kube" / "config")

    with pytest.raises(KubeconfigError, match=f"kubeconfig {name} does not exist"):
        find(name, {}, home)
    with pytest.raises(KubeconfigError, match=f"kubeconfig {name} does not exist"):
        find(None, {"KUBECONFIG": name}, home)


def test_a_folder_is_no_kubeconfig(home: Path, tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match=f"kubeconfig {tmp_path} cannot be read: Is a directory"):
        find(str(tmp_path), {}, home)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_k3s_s_own_file_that_only_root_may_read_comes_with_the_command_that_copies_it(
    home: Path, tmp_path: Path
) -> None:
    k3s = file(tmp_path / "k3s.yaml")
    k3s.chmod(0)

    with pytest.raises(KubeconfigError, match=f"cannot be read: Permission denied; .*sudo install .* {k3s}"):
        find(None, {}, home)


# One that cannot be used


async def refused(path: Path, context: str | None = None) -> str:
    """What is said of a file; one line that names it."""
    with pytest.raises(KubeconfigError) as failure:
        await client(path, context)
    assert str(failure.value).startswith(f"kubeconfig {path}")
    assert "\n" not in str(failure.value)
    return str(failure.value)


@pytest.mark.parametrize(
    "text",
    ["", "- a\n- list\n", "just words", "a: [\n", "a:\tb:\n\t- c", "\x00", "contexts: 5\ncurrent-context: home\n"],
    ids=["empty", "list", "words", "no YAML", "tabs", "NUL", "numbers"],
)
async def test_a_file_that_is_something_else_is_told(text: str, tmp_path: Path) -> None:
    said = await refused(file(tmp_path / "config", text))

    assert "--kubeconfig" in said


async def test_a_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(b"\xff\xfe\x00kind")

    assert "is not a kubeconfig" in await refused(path)
    assert contexts(path) == []


async def test_a_plan_is_not_taken_for_a_kubeconfig(tmp_path: Path) -> None:
    said = await refused(file(tmp_path / "homelab.yaml", "version: 1\nnetwork: {lan: 192.168.1.0/24}\n"))

    assert "current-context" in said
    assert "name another with --kubeconfig" in said


async def test_an_unknown_context_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:6443")
    document = yaml.safe_load(path.read_text())
    document["contexts"].append({**document["contexts"][0], "name": "cellar"})
    path.write_text(yaml.safe_dump(document))

    assert await refused(path, "attic") == f"kubeconfig {path}: it has no context 'attic'; it has: home, cellar"


async def test_a_context_whose_cluster_is_missing_is_told(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:6443")
    path.write_text(path.read_text().replace("name: pi", "name: other"))

    assert "Expected object with name pi in" in await refused(path, "home")


def in_base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def keys(folder: Path, **instead: str) -> dict[str, Any]:
    """A kubeconfig's user with certificate and key, some of it replaced."""
    cert, key = certificate(folder)
    return {"client-certificate-data": in_base64(cert), "client-key-data": in_base64(key)} | {
        name.replace("_", "-"): value for name, value in instead.items()
    }


@pytest.mark.parametrize("broken", ["client_certificate_data", "client_key_data", "certificate_authority_data"])
@pytest.mark.parametrize("data", ["YWJj", "abc"], ids=["no certificate", "no base64"])
async def test_broken_certificates_and_keys_are_told_as_such(broken: str, data: str, tmp_path: Path) -> None:
    user, instead = keys(tmp_path), {broken.replace("_", "-"): data}
    authority = instead if broken.startswith("certificate") else {}
    path = kubeconfig(tmp_path, "https://127.0.0.1:6443", user=user | ({} if authority else instead), **authority)

    said = await refused(path)

    assert "its certificate or key cannot be loaded" in said
    assert said.endswith("fetch the file anew")


async def test_a_token_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:6443", user={"tokenFile": f"{tmp_path}/token"})

    assert f"{tmp_path}/token" in await refused(path)


async def test_a_token_that_cannot_stand_in_a_header_is_told_but_not_shown(tmp_path: Path) -> None:
    said = await refused(kubeconfig(tmp_path, "https://127.0.0.1:6443", user={"token": "first\nsecond"}))

    assert "its token is damaged" in said
    assert "first" not in said


PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh"}


def plugin(said: str, command: str = "/bin/sh") -> dict[str, Any]:
    """A user whose credentials a program gives."""
    return {"exec": {**PLUGIN, "command": command, "args": ["-c", said]}}


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (plugin("", "/no/such/prog"), "No such file or directory"),
        (plugin("", "/bin/false"), "process returned 1"),
        (plugin("echo 'log in' >&2; echo again >&2; exit 3"), "process returned 3"),
        (plugin("echo hello"), "failed to decode"),
        (plugin(f"""echo '{{"apiVersion": "{PLUGIN["apiVersion"]}", "kind": "", "status": {{}}}}'"""), "missing token"),
    ],
    ids=["missing", "failing", "failing with words", "no JSON", "no token"],
)
async def test_a_program_that_gives_no_credentials_is_told_and_nobody_goes_on_without(
    user: dict[str, Any], reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = await refused(kubeconfig(tmp_path, "https://127.0.0.1:6443", user=user))

    assert f"`{user['exec']['command']}`" in said
    assert reason in said
    assert "run it by hand" in said
    assert capfd.readouterr() == ("", "")


async def test_a_failing_program_writes_nothing_past_its_error(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:6443", user=plugin("", "/bin/false"))

    told = program("status", "--kubeconfig", str(path))

    assert (told.code, told.out) == (1, "")
    assert told.err.count("\n") == 1


# One that can


async def test_the_token_that_a_program_gives_is_used(tmp_path: Path) -> None:
    given = json.dumps({"apiVersion": PLUGIN["apiVersion"], "kind": "ExecCredential", "status": {"token": "a-token"}})
    async with serving() as server:
        server.script("GET /version", found({"gitVersion": "v1.37.2"}))
        path = kubeconfig(tmp_path, server.url, user=plugin(f"echo '{given}'"))
        cluster = await KubernetesCluster.connect(path)
        await cluster.version()
        await cluster.close()

    assert server.asked[0].headers["Authorization"] == "Bearer a-token"


async def test_the_newline_at_the_end_of_a_token_file_is_no_part_of_the_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token\n")
    async with serving() as server:
        server.script("GET /version", found({"gitVersion": "v1.37.2"}))
        path = kubeconfig(tmp_path, server.url, user={"tokenFile": f"{tmp_path}/token"})
        cluster = await KubernetesCluster.connect(path)
        await cluster.version()
        await cluster.close()

    assert server.asked[0].headers["Authorization"] == "Bearer a-token"


async def test_no_key_lies_in_the_temporary_folder_once_the_client_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    path = kubeconfig(tmp_path, "https://127.0.0.1:6443", user=keys(tmp_path))

    await (await client(path, None)).close()

    assert list(temporary.iterdir()) == []


async def test_no_key_lies_in_the_temporary_folder_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    user = keys(tmp_path, client_certificate_data="YWJj")

    await refused(kubeconfig(tmp_path, "https://127.0.0.1:6443", user=user))

    assert list(temporary.iterdir()) == []


async def test_the_same_file_serves_for_a_second_client(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:6443", user=keys(tmp_path))

    for _ in range(2):
        await (await client(path, None)).close()


async def test_many_at_once_do_not_take_each_other_s_keys_away(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:6443", user=keys(tmp_path))

    async def connected() -> None:
        await (await client(path, None)).close()

    await asyncio.gather(*(connected() for _ in range(10)))
    await asyncio.gather(*(asyncio.to_thread(asyncio.run, connected()) for _ in range(40)))


async def test_a_program_that_fails_is_no_fault_of_another_that_runs_meanwhile(tmp_path: Path) -> None:
    (well := tmp_path / "well").mkdir()
    given = json.dumps({"apiVersion": PLUGIN["apiVersion"], "kind": "ExecCredential", "status": {"token": "a-token"}})
    good = kubeconfig(well, "https://127.0.0.1:6443", user=plugin(f"sleep 0.1; echo '{given}'"))
    bad = kubeconfig(tmp_path, "https://127.0.0.1:6443", user=plugin("", "/bin/false"))

    made, said = await asyncio.gather(client(good, None), refused(bad))

    await made.close()
    assert "/bin/false" in said
