"""A home with a public host is lost, and comes back on a bare cluster: the same certificate, and no order for it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from stat import S_IMODE
from typing import TypeVar

import pexpect
import pytest
from living import eventually, place
from test_external import HOST, get, https_port, ingress, issue

from homelab.adapters.consul import ProxiedConsul
from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.process import attach
from homelab.ports import Ref
from homelab.stack.access import CONSOLE, MANAGEMENT, POLICIES, SECRET, token
from homelab.stack.backup import MIRRORS, PASSWORDS, ROOTS
from homelab.stack.configuration import POD
from homelab.stack.ownership import labels
from homelab.stack.renewal import ISSUER

T = TypeVar("T")
PASSPHRASE = "correct horse"
ANOTHER = "11111111-2222-4333-8444-555555555555"
REPLICA = Ref(POD, "homelab", "traefik-external-0")
PASSWORD = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": PASSWORDS.name, "namespace": PASSWORDS.namespace},
    "data": {"users": b64encode(b"anna:hash").decode()},
}


@dataclass(frozen=True)
class Home:
    """A lab, and what somebody does there."""

    folder: Path
    kubeconfig: Path

    @staticmethod
    def tui(*arguments: str, code: int = 0) -> str:
        """What the program prints, with the passphrase on its standard input."""
        command = [sys.executable, "-m", "tui", *arguments, "--lab"]
        done = subprocess.run(command, input=PASSPHRASE + "\n", capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def do(self, work: Callable[[KubernetesCluster], Awaitable[T]]) -> T:
        """Something with the cluster."""

        async def done() -> T:
            cluster = await KubernetesCluster.connect(self.kubeconfig)
            try:
                return await work(cluster)
            finally:
                await cluster.close()

        return asyncio.run(done())

    @property
    def orders(self) -> int:
        """How many certificates the CA has signed."""
        log = self.folder / "issuer.log"
        said = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return sum(line["event"] in ("issued", "renewed") for line in said)


@dataclass(frozen=True)
class Lost:
    """What is left of a home."""

    file: Path
    authority: Path
    """What a browser trusts."""
    fingerprint: str
    """Of the certificate that was served."""
    values: Mapping[str, str]
    mirrors: Mapping[str, object]


async def stored(cluster: KubernetesCluster) -> dict[str, str]:
    """Digests of all that the store has, but for the issuer's lock."""
    store = ProxiedConsul(cluster, "homelab", "consul-0", await token(cluster, MANAGEMENT))
    found = [await store.values(root) for root in ROOTS]
    return {key: digest(one.data) for part in found for key, one in part.items() if key != "homelab/acme/lock"}


def digest(value: bytes) -> str:
    """What may be printed of a secret."""
    return sha256(value).hexdigest()


async def wipe(cluster: KubernetesCluster) -> None:
    """Empty the store."""
    headers = {"X-Consul-Token": await token(cluster, MANAGEMENT)}
    for root in ROOTS:
        where = f"/v1/kv/{root}?recurse=1"
        await cluster.ask_pod("homelab", "consul-0", 8500, where, method="DELETE", headers=headers)


async def rest(cluster: KubernetesCluster) -> None:
    """Let no run of the issuer begin by its schedule."""
    cron = await cluster.get(ISSUER)
    assert cron
    await cluster.replace({**cron, "spec": {**cron["spec"], "suspend": True}})


async def mirrored(cluster: KubernetesCluster) -> dict[str, object]:
    """Data, labels and writers of every mirror: what somebody else wrote the issuer could not drop."""
    found = [await cluster.get(Ref.of(one)) or one for one in await cluster.list(SECRET, namespace=MIRRORS)]
    writers = [{(entry["manager"], entry["operation"]) for entry in one["metadata"]["managedFields"]} for one in found]
    return {
        one["metadata"]["name"]: (digest(json.dumps(one["data"]).encode()), labels(one), by)
        for one, by in zip(found, writers, strict=True)
    }


async def accepted(cluster: KubernetesCluster, token: str) -> bool:
    """Whether Consul knows a token."""
    headers = {"X-Consul-Token": token}
    return (await cluster.ask_pod("homelab", "consul-0", 8500, "/v1/acl/token/self", headers=headers)).status == 200


async def held(cluster: KubernetesCluster) -> dict[str, str]:
    """All tokens by holder."""
    return {holder: await token(cluster, holder) for holder in (MANAGEMENT, *POLICIES)}


async def served(cluster: KubernetesCluster, authority: Path) -> str:
    """The fingerprint of the certificate that a browser gets for the host, once it trusts what it gets."""
    port = await https_port(cluster)

    def met() -> str:
        context = ssl.create_default_context(cafile=str(authority))
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as connection,
        ):
            return digest(connection.getpeercert(binary_form=True) or b"")
        return ""

    return await eventually(lambda: asyncio.to_thread(met))


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    """A backup of a home with a public host and a password, which is no more."""
    left = tmp_path_factory.mktemp("left")
    file, authority = left / "home.sealed", left / "authority.pem"

    async def live(cluster: KubernetesCluster) -> tuple[str, dict[str, str], dict[str, object]]:
        await cluster.create(PASSWORD)
        await cluster.apply(ingress(HOST))
        assert (await issue(cluster, "first")).get("succeeded") == 1
        return await served(cluster, authority), await stored(cluster), await mirrored(cluster)

    with place(tmp_path_factory.mktemp("run")) as folder, attach() as joined:
        joined.deployed(lambda _: None)
        home = Home(folder.path, joined.kubeconfig)
        authority.write_bytes((folder.path / "account" / "authority.pem").read_bytes())
        found = Lost(file, authority, *home.do(live))
        home.tui("backup", str(file))
        assert home.orders == 1
    return found


@pytest.fixture(scope="module")
def home(lost: Lost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Another cluster, with nothing on it."""
    with place(tmp_path_factory.mktemp("run")) as folder, attach(bare=True) as joined:
        yield Home(folder.path, joined.kubeconfig)


def test_the_file_is_its_owner_s_alone_and_tells_nothing(lost: Lost) -> None:
    assert S_IMODE(os.stat(lost.file).st_mode) == 0o600
    assert list(lost.file.parent.glob(".*")) == []
    assert HOST.encode() not in lost.file.read_bytes()


def test_on_a_bare_cluster_the_secrets_come_back(lost: Lost, home: Home) -> None:
    first = home.tui("restore", str(lost.file), "--yes")
    second = home.tui("restore", str(lost.file), "--yes")

    assert "would create Secret homelab/consul-management\n" in first
    assert "Consul does not answer yet" in first
    assert "nothing to restore\n" in second
    assert home.do(mirrored) == lost.mirrors
    assert (home.do(lambda cluster: cluster.get(PASSWORDS)) or {})["data"] == PASSWORD["data"]
    begun = [json.loads(line) for line in (home.folder / "journal" / "journal.jsonl").read_text().splitlines()]
    assert [line["event"] for line in begun] == ["restoring", "restored"]


def test_the_apply_after_it_keeps_them_and_the_store_comes_back_as_it_was(lost: Lost, home: Home) -> None:
    before = home.do(lambda cluster: token(cluster, MANAGEMENT))

    home.tui("apply", "--yes")
    home.do(rest)
    home.tui("restore", str(lost.file), "--yes")

    assert home.do(lambda cluster: token(cluster, MANAGEMENT)) == before
    assert home.do(stored) == lost.values
    assert home.do(lambda cluster: served(cluster, lost.authority)) == lost.fingerprint
    home.tui("diff")


def test_the_app_answers_by_https_and_the_issuer_has_nothing_to_order(lost: Lost, home: Home) -> None:
    async def publish(cluster: KubernetesCluster) -> str:
        await cluster.apply(ingress(HOST))
        assert (await issue(cluster, "again")).get("succeeded") == 1
        port = await https_port(cluster)
        return await eventually(lambda: asyncio.to_thread(get, port, lost.authority))

    assert "Hostname: whoami-" in home.do(publish)
    assert home.do(stored) == lost.values
    assert home.orders == 0


def test_an_emptied_store_is_filled_and_a_second_restore_writes_nothing(lost: Lost, home: Home) -> None:
    home.do(wipe)

    told = home.tui("restore", str(lost.file), "--yes")
    assert "done: " in told
    assert "homelab/acme/lock" not in told
    assert home.do(stored) == lost.values
    assert "nothing to restore\n" in home.tui("restore", str(lost.file), "--yes")
    assert home.do(lambda cluster: served(cluster, lost.authority)) == lost.fingerprint


def test_only_the_word_itself_restores(lost: Lost, home: Home) -> None:
    home.do(wipe)

    command = ["-m", "tui", "--lab", "restore", str(lost.file)]
    terminal = pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=20)
    terminal.expect_exact("Passphrase: ")
    terminal.sendline(PASSPHRASE)
    terminal.expect_exact("Type restore to go on: ")
    asked = terminal.before
    terminal.sendline("yes")
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert f"would write traefik-external/tls/certificates/{HOST}/keyFile\r\n" in asked
    assert "nothing was restored" in terminal.before
    assert terminal.exitstatus == 1
    assert home.do(stored) == {}


def test_without_it_the_issuer_fills_the_store_from_the_mirrors_that_came_back(lost: Lost, home: Home) -> None:
    home.do(wipe)

    assert home.do(lambda cluster: issue(cluster, "mirrors")).get("succeeded") == 1

    assert home.do(lambda cluster: served(cluster, lost.authority)) == lost.fingerprint
    assert home.orders == 0


def test_a_token_that_leaked_is_rotated_away_and_the_backup_still_counts(lost: Lost, home: Home) -> None:
    """Also the one of Traefik, which reads it only when it starts; a token of somebody else's stays."""

    async def leak(cluster: KubernetesCluster) -> tuple[dict[str, str], object]:
        """Delete two Secrets; all tokens as they were, and the uid of a replica."""
        old, replica = await held(cluster), await cluster.get(REPLICA)
        headers = {"X-Consul-Token": old[MANAGEMENT]}
        body = json.dumps({"SecretID": ANOTHER, "Description": "mine", "Policies": [{"Name": "homelab-console"}]})
        where = "/v1/acl/token"
        await cluster.ask_pod("homelab", "consul-0", 8500, where, method="PUT", headers=headers, body=body.encode())
        for holder in (CONSOLE, "traefik"):
            secret = await cluster.get(Ref(SECRET, "homelab", f"consul-{holder}"))
            assert secret
            await cluster.delete(Ref.of(secret), uid=secret["metadata"]["uid"])
        return old, (replica or {})["metadata"]["uid"]

    async def known(cluster: KubernetesCluster) -> tuple[dict[str, str], set[str], object]:
        """All tokens, those of the old ones that are accepted by holder, and the uid of the replica."""
        good = {holder for holder, one in {**old, "mine": ANOTHER}.items() if await accepted(cluster, one)}
        return await held(cluster), good, ((await cluster.get(REPLICA)) or {})["metadata"]["uid"]

    old, before = home.do(leak)
    home.tui("apply", "--yes")
    home.do(wipe)

    told = home.tui("restore", str(lost.file), "--yes")

    now, good, replica = home.do(known)
    assert good == {*old, "mine"} - {CONSOLE, "traefik"}
    assert {holder for holder in old if old[holder] != now[holder]} == {CONSOLE, "traefik"}
    assert replica != before
    assert "Secret homelab/consul-console: another token than in the backup, made since; it stays\n" in told
    assert home.do(stored) == lost.values
    assert home.do(lambda cluster: served(cluster, lost.authority)) == lost.fingerprint
    home.tui("diff")
    assert "nothing to restore\n" in home.tui("restore", str(lost.file), "--yes")


def test_a_stack_made_anew_on_the_same_volumes_keeps_who_manages_it_and_has_other_tokens(
    lost: Lost, home: Home
) -> None:
    async def outlived(_: KubernetesCluster) -> list[str]:
        return [holder for holder, one in old.items() if await accepted(_, one)]

    old = home.do(held)

    home.tui("delete", "--yes")
    home.tui("apply", "--yes")

    assert "leader consul-" in home.tui("status")
    assert home.do(outlived) == [MANAGEMENT]
    told = home.tui("restore", str(lost.file), "--yes")
    assert "Secret homelab/consul-issuer: another token than in the backup, made since; it stays\n" in told
