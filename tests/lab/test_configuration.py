"""The dynamic configuration as a person changes it: their own lines, and what somebody wrote into Consul by hand."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from living import place, until

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.process import Folder, attach
from homelab.plan.file import initial, read
from homelab.ports import Kind, Raw, Ref
from homelab.stack.access import CONSOLE, MANAGEMENT, token
from homelab.stack.backup import TOKENS, bare
from tui.cli import run

HOST = "mine.cloud.domain.com"
LINES = f"""\
# Nothing is behind it, so that the middleware alone answers.
http/routers/mine/rule = Host(`{HOST}`)
http/routers/mine/service = noop@internal
http/routers/mine/middlewares = elsewhere
http/routers/mine/tls = true
http/middlewares/elsewhere/redirectRegex/regex = .*
http/middlewares/elsewhere/redirectRegex/replacement = https://elsewhere.example.test/
"""
RULE = "traefik-external/http/routers/mine/rule"
BOGUS = "traefik-external/http/routers/mine/bogus"
STRANGE = ("tcp/blah/x", f"tls/certificates/{HOST}/nonsense", "tls/stores/default/defaultCertificate/certFile")
HALF = f"traefik-external/tls/certificates/{HOST}/certFile"
Type = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    with place(tmp_path_factory.mktemp("run")) as folder, attach() as joined:
        joined.deployed(lambda _: None)
        yield folder


@pytest.fixture(scope="module")
def plan(lab: Folder) -> Path:
    """The lab's, with lines of one's own."""
    (lab.path / "mine.conf").write_text(LINES)
    path = lab.path / "mine.yaml"
    path.write_text(read(initial()).with_value("ingress.external.config", str(lab.path / "mine.conf")))
    return path


@pytest.fixture
def typed(plan: Path, capsys: pytest.CaptureFixture[str]) -> Type:
    """How a command of `homelab-tui` ends, and what it prints."""

    def told(*arguments: str) -> tuple[int, str]:
        code = run(["--lab", "--plan", str(plan), *arguments])
        return code, capsys.readouterr().out

    return told


def by_hand(
    lab: Folder, method: Literal["GET", "PUT", "DELETE"], key: str, value: str = "", holder: str = MANAGEMENT
) -> int:
    """What Consul answers to somebody who writes into KV."""

    async def asked() -> int:
        cluster = await KubernetesCluster.connect(lab.kubeconfig)
        try:
            headers = {"X-Consul-Token": await token(cluster, holder)}
            path = f"/v1/kv/{key}"
            answer = await cluster.ask_pod(
                "homelab", "consul-0", 8500, path, method=method, headers=headers, body=value.encode()
            )
            return answer.status
        finally:
            await cluster.close()

    return asyncio.run(asked())


@contextmanager
def without(lab: Folder, ref: Ref) -> Iterator[None]:
    """An object is gone for as long as the block."""

    async def done(secret: Raw | None) -> Raw:
        cluster = await KubernetesCluster.connect(lab.kubeconfig)
        try:
            if secret:
                return await cluster.create(secret)
            found = await cluster.get(ref) or {}
            await cluster.delete(ref, uid=found["metadata"]["uid"])
            return bare(found)
        finally:
            await cluster.close()

    kept = asyncio.run(done(None))
    try:
        yield
    finally:
        asyncio.run(done(kept))


def https_port(lab: Folder) -> int:
    """Where this machine reaches the external ingress."""

    async def asked() -> int:
        cluster = await KubernetesCluster.connect(lab.kubeconfig)
        try:
            found = await cluster.get(Ref(Kind("v1", "Service"), "homelab", "traefik-external")) or {}
            return int(found["metadata"]["annotations"]["homelab-tui/loopback"].rpartition(":")[2])
        finally:
            await cluster.close()

    return asyncio.run(asked())


def leads_to(port: int) -> str | None:
    """Where the external ingress sends who asks for the host; the default certificate will do."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": HOST})
        return connection.getresponse().getheader("Location")
    finally:
        connection.close()


def status(typed: Type) -> dict[str, object]:
    """What is told of the configuration as JSON."""
    found: dict[str, object] = json.loads(typed("status", "--json")[1])["configuration"]
    return found


def test_lines_of_ones_own_are_compared_and_applied_and_every_replica_serves_them(lab: Folder, typed: Type) -> None:
    code, said = typed("config", "diff")
    assert code == 1
    assert f"+ http/routers/mine/rule = Host(`{HOST}`)" in said
    assert "~ ConfigMap homelab/traefik-external-config: change" in said

    code, said = typed("config", "apply", "--yes")

    assert code == 0
    assert said.endswith("✓ homelab/traefik-external-0 serves it\n✓ homelab/traefik-external-1 serves it\n")
    assert leads_to(https_port(lab)) == "https://elsewhere.example.test/"
    assert typed("config", "diff")[0] == 0
    code, said = typed("config", "apply", "--yes")
    assert (code, "done:" in said) == (0, False), "nothing differs, so nothing is written"
    assert status(typed)["state"] == "loaded"


def test_a_key_that_traefik_does_not_know_is_named_and_taken_back(lab: Folder, typed: Type) -> None:
    typed("config", "apply", "--yes")
    by_hand(lab, "PUT", BOGUS, "1")

    assert "\nConfiguration: ✗ refused\n    http/routers/mine/bogus was written by hand" in typed("status")[1]
    assert typed("config", "diff") == (
        1,
        "- http/routers/mine/bogus = 1   (by hand; Traefik knows no 'bogus' here)\n",
    )
    assert typed("config", "apply", "--yes")[0] == 0

    assert typed("config", "diff")[0] == 0
    assert status(typed)["state"] == "loaded"


def test_whatever_else_is_written_by_hand_is_named_and_taken_back(lab: Folder, typed: Type) -> None:
    typed("config", "apply", "--yes")
    for key in STRANGE:
        by_hand(lab, "PUT", f"traefik-external/{key}", "x")
    by_hand(lab, "PUT", HALF, "x")
    assert typed("config", "diff") == (
        1,
        "".join(f"- {key}   (by hand; Traefik may refuse all that is new because of it)\n" for key in STRANGE),
    )

    code, said = typed("config", "apply", "--yes")

    assert code == 0
    assert "done: 3 objects written" in said
    assert said.endswith(
        "✓ homelab/traefik-external-0 serves it\n✓ homelab/traefik-external-1 serves it\n"
        "If a replica refused what was by hand, it reads Consul again within a minute and a half.\n"
    )
    assert [by_hand(lab, "GET", f"traefik-external/{key}") for key in STRANGE] == [404] * 3
    assert by_hand(lab, "GET", HALF) == 200, "half a pair is the issuer's"
    assert typed("config", "diff")[0] == 0
    by_hand(lab, "DELETE", HALF)


def test_any_apply_takes_back_what_is_by_hand_and_says_what(
    lab: Folder, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand(lab, "PUT", f"traefik-external/{STRANGE[0]}", "x")

    assert run(["--lab", "--plan", str(plan), "apply", "--yes", "--stage", "config"]) == 0

    assert f"{STRANGE[0]} was written by hand and is deleted" in capsys.readouterr().err
    assert by_hand(lab, "GET", f"traefik-external/{STRANGE[0]}") == 404


def test_without_the_token_that_sees_every_key_nothing_is_said_to_be_well(lab: Folder, typed: Type) -> None:
    with without(lab, TOKENS[0]):
        assert typed("config", "diff") == (2, "")


def test_a_key_that_is_gone_comes_back_with_any_apply(lab: Folder, typed: Type) -> None:
    typed("config", "apply", "--yes")
    by_hand(lab, "DELETE", RULE)
    assert status(typed)["keys"] == ["http/routers/mine/rule"]

    assert typed("apply", "--yes", "--stage", "config")[0] == 0

    assert typed("config", "diff")[0] == 0
    assert until(lambda: leads_to(https_port(lab))) == "https://elsewhere.example.test/"


def test_the_console_sees_what_the_loader_owns_and_no_certificate(lab: Folder) -> None:
    by_hand(lab, "PUT", "traefik-external/tls/certificates/x/keyFile", "key")

    assert by_hand(lab, "GET", "traefik-external/http/routers/acme-challenge/rule", holder=CONSOLE) == 200
    assert by_hand(lab, "GET", "traefik-external/tls/certificates/x/keyFile", holder=CONSOLE) == 403
