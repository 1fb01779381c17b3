"""What the real Traefik makes of files of users, and `homelab-tui users` in front of it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import sys
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from hashlib import sha1
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
from living import eventually, place
from passlib.hash import apr_md5_crypt, md5_crypt

from homelab.access.htpasswd import notes, users
from homelab.access.model import HashKind
from homelab.access.users import SECRET
from homelab.adapters.kubernetes import KubernetesCluster
from homelab.adapters.passwords import LibpassPasswords
from homelab.adapters.web import HttpWeb
from homelab.lab.process import Attached, attach
from homelab.observe.snapshot import KINDS
from homelab.ports import Kind, Raw, Ref
from tui.cli import run

SPACE = "whoami"
DOMAIN = "internal.domain.com"
AUTH = "traefik.ingress.kubernetes.io/router.middlewares"
MIDDLEWARE, INGRESS, SERVICE = (KINDS[name].kind for name in ("middlewares", "ingresses", "services"))
SAMPLE = Ref(INGRESS, SPACE, "whoami")
UNREAD = (b"nonsense", b"# a comment", b"a:b:c", b"  ")
UNKNOWN = (b"$6$salt$" + b"a" * 86, b"plain", b"", b" {SHA}jQnGvVMm1V6b1dvXWCPGcW9FHl0=")
MD5 = (apr_md5_crypt, md5_crypt)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attached]:
    """With the stack."""
    folder = tmp_path_factory.mktemp("run")
    with place(folder), pytest.MonkeyPatch.context() as patch, attach() as joined:
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        quick = folder / "config" / "homelab-tui" / "settings.toml"
        quick.parent.mkdir(parents=True)
        quick.write_text("bcrypt_cost = 4\n")
        joined.deployed(lambda _: None)
        yield joined


@pytest.fixture
async def cluster(lab: Attached) -> AsyncIterator[KubernetesCluster]:
    connected = await KubernetesCluster.connect(lab.kubeconfig)
    yield connected
    await connected.close()


def thing(kind: Kind, name: str, **parts: Any) -> Raw:
    meta = {"namespace": SPACE, "name": name, **parts.pop("metadata", {})}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": meta, **parts}


async def guarded(cluster: KubernetesCluster, name: str, content: bytes) -> None:
    """A route of its own for one file of users."""
    await cluster.create(thing(SECRET, name, data={"users": b64encode(content).decode()}))
    await cluster.create(thing(MIDDLEWARE, name, spec={"basicAuth": {"secret": name}}))
    sample = await cluster.get(SAMPLE)
    assert sample
    spec = {**sample["spec"], "rules": [{**sample["spec"]["rules"][0], "host": f"{name}.{DOMAIN}"}]}
    annotations = {AUTH: f"{SPACE}-{name}@kubernetescrd"}
    await cluster.create(thing(INGRESS, name, spec=spec, metadata={"annotations": annotations}))


async def port(cluster: KubernetesCluster) -> int:
    service = await cluster.get(Ref(SERVICE, "homelab", "traefik-internal"))
    assert service
    return int(service["metadata"]["annotations"]["homelab-tui/loopback"].rpartition(":")[2])


async def says(cluster: KubernetesCluster, host: str, user: str, password: str) -> int:
    url = f"http://{host}.{DOMAIN}:{await port(cluster)}/"
    return (await HttpWeb().get(url, IPv4Address("127.0.0.1"), (user, password))).status


async def becomes(cluster: KubernetesCluster, host: str, wanted: list[int], *known: tuple[str, str]) -> None:
    async def is_so() -> bool:
        return [await says(cluster, host, *one) for one in known] == wanted

    await eventually(is_so)


async def test_traefik_takes_the_hashes_and_lines_that_are_said_to_be_taken(cluster: KubernetesCluster) -> None:
    bcrypt = (await LibpassPasswords().hash("geheim", 4)).encode()
    kinds = [bcrypt, *(bcrypt.replace(b"2y", one) for one in (b"2a", b"2b", b"2x")), bcrypt + b" "]
    kinds += [b"{SHA}" + b64encode(sha1(b"geheim").digest()), *(scheme.hash("geheim").encode() for scheme in MD5)]
    good = [b"good%d:%s" % (at, one) for at, one in enumerate(kinds)]
    bad = [b"bad%d:%s" % (at, one) for at, one in enumerate(UNKNOWN)]
    twice = [b"twice:" + (await LibpassPasswords().hash("before", 4)).encode(), b"twice:" + bcrypt]
    content = b"\r\n".join([*good, b"", b"# by: nobody", *bad, "käthe:".encode() + bcrypt, *twice])

    await guarded(cluster, "kinds", content)

    unknown = {user.name for user in users(content) if user.kind is HashKind.UNKNOWN}
    assert unknown == {f"bad{at}" for at in range(len(UNKNOWN))}
    assert notes(content) == ()
    asked = [(user.name, "geheim") for user in users(content)] + [("twice", "before")]
    wanted = [401 if name in unknown or password == "before" else 200 for name, password in asked]
    await becomes(cluster, "kinds", wanted, *asked)


async def test_one_line_that_traefik_cannot_read_shuts_everybody_out(cluster: KubernetesCluster) -> None:
    good = b"anna:" + (await LibpassPasswords().hash("geheim", 4)).encode()

    for at, line in enumerate(UNREAD):
        await guarded(cluster, f"unread-{at}", good + b"\n" + line)
        assert "404" in notes(good + b"\n" + line)[0]
    await guarded(cluster, "read", good)

    await becomes(cluster, "read", [200], ("anna", "geheim"))
    assert [await says(cluster, f"unread-{at}", "anna", "geheim") for at in range(len(UNREAD))] == [404] * len(UNREAD)


def tui(*arguments: str, typed: str = "", code: int = 0) -> str:
    """What the command prints, without and with its errors."""
    with io.StringIO() as told, io.TextIOWrapper(io.BytesIO(typed.encode())) as stdin:
        with redirect_stdout(told), redirect_stderr(told), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", stdin)
            found = run(["--lab", "users", *arguments])
        assert found == code, told.getvalue()
        return told.getvalue()


@contextmanager
def hammered(port: int) -> Iterator[Counter[int]]:
    """Somebody who knows the password asks all the time; what they are answered."""
    seen, over = Counter[int](), threading.Event()

    def ask() -> None:
        with httpx.Client(
            trust_env=False, auth=("anna", "geheimnis 1"), headers={"Host": f"whoami.{DOMAIN}"}
        ) as client:
            while not over.wait(0.02):
                seen[client.get(f"http://127.0.0.1:{port}/").status_code] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


async def opened_by_the_home(lab: Attached) -> int:
    """Let the sample ask for a password of the home's own file; the port that it is asked at."""
    cluster = await KubernetesCluster.connect(lab.kubeconfig)
    try:
        sample = await cluster.get(SAMPLE)
        assert sample
        meta = {**sample["metadata"], "annotations": {AUTH: "homelab-auth@kubernetescrd"}}
        await cluster.replace({**sample, "metadata": meta})
        return await port(cluster)
    finally:
        await cluster.close()


def test_users_come_and_go_by_the_command_line(lab: Attached, tmp_path: Path) -> None:
    story(asyncio.run(opened_by_the_home(lab)), tmp_path)


def story(at: int, folder: Path) -> None:
    """The same file through every command; the routes are asked after each."""
    fine = f"✓ http://whoami.{DOMAIN}:{at}/: 401 without a password"
    assert "homelab/ingress-auth (not there yet" in tui("list")
    assert f"anna was added: Secret homelab/ingress-auth\n{fine}, 200 as anna" in tui(
        "add", "anna", typed="geheimnis 1\n"
    )
    with hammered(at) as seen:
        made = re.search(r"shown this once: (\S+)", tui("add", "berta", "--generate"))
        assert made
        assert f"{fine}, 200 as berta" in tui("passwd", "berta", typed="another one\n")
        assert "✗ this is not the password" in tui("verify", "berta", typed=made[1], code=1)
        assert f"{fine}, 200 as bert" in tui("rename", "berta", "bert") + tui("verify", "bert", typed="another one")
        assert fine in tui("remove", "bert", "--yes")
    assert set(seen) == {200}
    assert "anna is the last user" in tui("remove", "anna", "--yes", code=2)
    _files(folder)
    (found,) = [one for one in json.loads(tui("list", "--json"))["files"] if one["secret"] == "homelab/ingress-auth"]
    assert [user["name"] for user in found["users"]] == ["anna", "carla"]
    _journal()
    assert "content" not in found and "$2y$" not in json.dumps(found)


def _journal() -> None:
    """The same lines as the console's, without passwords; the hash has the cost that the settings say."""
    (path,) = Path(os.environ["XDG_RUNTIME_DIR"]).rglob("journal.jsonl")
    text = path.read_text()
    told = [json.loads(line) for line in text.splitlines()]
    first = next(one for one in told if one["event"] == "users")
    assert {"file": "homelab/ingress-auth", "verb": "add", "about": "anna"}.items() <= first.items()
    assert "berta, now bert" in {one.get("about") for one in told}
    assert {"users", "users-written"} <= {one["event"] for one in told}
    assert "geheimnis" not in text and "another one" not in text and "$2" not in text


def _files(folder: Path) -> None:
    """Out into a file and in again, with somebody new."""
    out = folder / "users"
    assert "1 user of homelab/ingress-auth" in tui("export", str(out))
    assert out.stat().st_mode & 0o777 == 0o600
    assert out.read_bytes().startswith(b"anna:$2y$04$")
    assert "is there already" in tui("export", str(out), code=2)
    out.write_bytes(out.read_bytes() + b"carla:{SHA}" + b64encode(sha1(b"x").digest()) + b"\n")
    assert "import asks before it changes anything" in tui("import", str(out), code=2)
    assert "after the import:\ncarla was added\n" in tui("import", str(out), "--yes")
    out.write_bytes(b"# home\n" + out.read_bytes())
    told = tui("import", str(out), "--yes")
    assert "nothing to import" in told and "line 1 of the other file stays out" in told


async def written(lab: Attached, name: str, content: bytes, **more: Any) -> None:
    """A file of users that no route has."""
    cluster = await KubernetesCluster.connect(lab.kubeconfig)
    try:
        await cluster.create(thing(SECRET, name, data={"users": b64encode(content).decode()}, **more))
        await cluster.create(thing(MIDDLEWARE, name, spec={"basicAuth": {"secret": name}}))
    finally:
        await cluster.close()


def test_a_file_that_traefik_cannot_read_is_said_after_a_change_too(lab: Attached) -> None:
    asyncio.run(written(lab, "odd", b"nonsense\nanna:{SHA}jQnGvVMm1V6b1dvXWCPGcW9FHl0=\n"))

    told = tui("add", "bert", "--secret", f"{SPACE}/odd", typed="geheimnis 1\n", code=1)

    assert "bert was added" in told and "line 1 cannot be read by Traefik" in told


def test_what_cannot_be_edited_says_so_before_all_else(lab: Attached) -> None:
    asyncio.run(written(lab, "fixed", b"anna:{SHA}jQnGvVMm1V6b1dvXWCPGcW9FHl0=\n", immutable=True))

    for arguments in (("remove", "nobody", "--yes"), ("rename", "nobody", "bert"), ("passwd", "anna", "--generate")):
        told = tui(*arguments, "--secret", f"{SPACE}/fixed", code=1)
        assert "is immutable" in told and "password" not in told


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("add", "a:b"), "colon"),
        (("add", "anna", "--read-only"), "--read-only is set"),
        (("add", "nobody"), "there is no password"),
        (("passwd", "nobody", "--generate"), "there is no user nobody"),
        (("rename", "anna", "a", "--secret", "no/where"), "no Middleware names a Secret no/where; there are: homelab/"),
        (("import", "/dev/null", "--yes"), "has no users"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(lab: Attached, arguments: tuple[str, ...], why: str) -> None:
    assert why in tui(*arguments, code=2)
