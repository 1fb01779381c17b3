"""Runs of the issuer that need no order, with a real Consul and the lab's Kubernetes API."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import certificates
import pytest
import realconsul
import yaml
from certificates import HOST
from programs import challenge, decisions, dynamic, issuer, kube, lineage, loader, locking

from homelab.lab.process import attach

pytestmark = realconsul.needed
OTHER = "b.cloud.example.test"
SERVER = "https://acme.example.test/dir"
CA = decisions.ca_name(SERVER)


@dataclass(frozen=True)
class World:
    """A home with Consul and Kubernetes, in which nothing was ever issued."""

    settings: issuer.Settings
    consul: loader.Consul
    everything: loader.Consul
    cluster: kube.Kubernetes

    def publish(self, name: str, *hosts: str) -> None:
        """An Ingress for the world outside."""
        metadata = {"name": name, "namespace": "homelab", "labels": {"traffic-type": "external"}}
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        rules = [
            {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
            for host in hosts
        ]
        body = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": {"rules": rules}}
        self.cluster.ask("POST", "/apis/networking.k8s.io/v1/namespaces/homelab/ingresses", body)

    def mirror(self, host: str) -> bytes:
        """A certificate that only its Secret still has; the chain."""
        live = certificates.lineage(self.settings.state / "before", host)
        text = lineage.packed(self.settings.state / "before", lineage.files(self.settings.state / "before", host))
        name = decisions.mirror_name(host, SERVER)
        self.cluster.mirror(name, {"20260101T000000Z.tar.gz": text}, (issuer.LABEL, CA), host)
        return (live / "fullchain.pem").read_bytes()

    def run(self, **changes: Any) -> None:
        """One run, as the CronJob starts it."""
        issuer.run(replace(self.settings, **changes), self.consul, self.cluster)

    def kept(self) -> dict[str, loader.Pair]:
        """All of KV but the lock, which every run takes."""
        return {key: pair for key, pair in self.everything.below("").items() if key not in ("ready", locking.LOCK)}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with realconsul.consul(tmp_path) as clients, attach(bare=True) as joined:
        found = yaml.safe_load(joined.kubeconfig.read_text())
        there = found["clusters"][0]["cluster"]
        (tmp_path / "ca.crt").write_bytes(base64.b64decode(there["certificate-authority-data"]))
        (tmp_path / "token").write_text(found["users"][0]["user"]["token"])
        cluster = kube.Kubernetes(there["server"], "homelab", "homelab", tmp_path)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "homelab"}}
        cluster.ask("POST", "/api/v1/namespaces", namespace)
        settings = issuer.Settings(SERVER, "cloud.example.test", "homelab", "homelab", "a=b", state=tmp_path / "state")
        yield World(settings, clients["issuer"], clients["management"], cluster)


def test_one_holds_the_lock_and_the_other_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    first = locking.Lock(world.consul)
    assert first.take("issuer-1")

    world.run()
    assert '"holder": "issuer-1"' in capsys.readouterr().out

    first.leave()
    world.run()
    assert "busy" not in capsys.readouterr().out


def test_who_was_asked_to_renew_waits_for_the_lock(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.publish("web", HOST)
    world.mirror(HOST)
    first = locking.Lock(world.consul)
    assert first.take("issuer-1")
    asked = replace(world.settings, renew=(OTHER,))

    waiting = threading.Thread(target=issuer.run, args=(asked, world.consul, world.cluster))
    waiting.start()
    said = ""
    while '"holder": "issuer-1"' not in said:
        said += capsys.readouterr().out
        assert waiting.is_alive()
    first.leave()
    waiting.join(30)

    assert '"restored"' in said + capsys.readouterr().out


def test_who_lost_the_lock_writes_nothing(world: World) -> None:
    lock = locking.Lock(world.consul)
    lock.take("issuer-1")
    world.everything.ask("PUT", f"session/destroy/{lock.session}")

    with pytest.raises(loader.Outrun, match="the lock is lost"):
        lock.commit(loader.write(issuer.ACME + "any", b"1"))

    assert not world.kept()
    assert locking.holder(world.consul).startswith("nobody")


def test_a_wiped_store_is_filled_from_the_mirrors_without_an_order(world: World) -> None:
    world.publish("web", HOST)
    chain = world.mirror(HOST)

    world.run()

    kept = world.kept()
    assert kept[f"{issuer.SERVED}{HOST}/certFile"].value == chain
    state = decisions.State.parse(kept[f"homelab/acme/{CA}/{HOST}/state"].value)
    assert state
    assert state.issuer == "Example CA R11"
    assert not (world.settings.state / "logs").exists()
    world.run()
    assert world.kept() == kept


def test_a_spoiled_certificate_is_mended(world: World) -> None:
    world.publish("web", HOST)
    chain = world.mirror(HOST)
    world.run()
    spoiled = [f"{issuer.SERVED}{HOST}/certFile", f"homelab/acme/private/{CA}/{HOST}/lineage"]
    world.everything.commit([loader.write(key, b"spoiled") for key in spoiled])

    world.run()

    assert world.kept()[spoiled[0]].value == chain
    assert world.kept()[spoiled[1]].value != b"spoiled"


def test_a_host_is_forgotten_only_after_its_time_and_never_all_of_them(world: World) -> None:
    for name in (HOST, OTHER):
        world.publish(name, name)
        world.mirror(name)
    world.run()
    path = "/apis/networking.k8s.io/v1/namespaces/homelab/ingresses/"

    world.cluster.ask("DELETE", path + OTHER)
    world.run()
    assert f"{issuer.SERVED}{OTHER}/keyFile" in world.kept()
    assert b'"unseen_since": "' in world.kept()[f"homelab/acme/{CA}/{OTHER}/state"].value

    world.publish(OTHER, OTHER)
    world.run(keep_days=0)
    assert b'"unseen_since": null' in world.kept()[f"homelab/acme/{CA}/{OTHER}/state"].value

    world.cluster.ask("DELETE", path + OTHER)
    world.run(keep_days=0)
    assert not [key for key in world.kept() if OTHER in key]
    assert not world.cluster.copies(decisions.mirror_name(OTHER, SERVER))

    world.cluster.ask("DELETE", path + HOST)
    before = world.kept()
    world.run(keep_days=0)
    assert world.kept() == before


def test_the_account_is_copied_to_where_it_is_missing(world: World) -> None:
    accounts = world.settings.config / "accounts"
    accounts.mkdir(parents=True)
    (accounts / "regr.json").write_text("{}")
    lock = locking.Lock(world.consul)
    lock.take("issuer-1")
    issuer.Run(world.settings, world.consul, world.cluster, lock).save_account()
    lock.leave()
    account = world.kept()[f"homelab/acme/private/{CA}/account"].value
    assert world.cluster.copies(f"acme-account-{CA}") == {"account": account.decode()}

    world.everything.ask("DELETE", "kv/homelab/acme?recurse")
    world.run()

    assert world.kept()[f"homelab/acme/private/{CA}/account"].value == account


def test_more_than_the_newest_two_are_not_mirrored(world: World) -> None:
    world.publish("web", HOST)
    world.mirror(HOST)
    name = decisions.mirror_name(HOST, SERVER)
    older = {f"2026010{day}T000000Z.tar.gz": text for text in world.cluster.copies(name).values() for day in (1, 2)}
    world.cluster.mirror(name, older, (issuer.LABEL, CA), HOST)

    world.run()

    assert len(world.cluster.copies(name)) == issuer.VERSIONS
    assert "20260101T000000Z.tar.gz" not in world.cluster.copies(name)


class Answered(issuer.Run):
    """A run whose certbot was given a chain by the CA that is too long for Consul, for one of the hosts."""

    def _certbot(self, host: str) -> tuple[str, int]:
        live = certificates.lineage(self.settings.config, host)
        if host == HOST:
            with (live / "fullchain.pem").open("ab") as file:
                file.write(b"\n" * issuer.TXN_BYTES)
        return "", 0


def test_what_consul_does_not_take_fails_its_host_and_the_others_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer, "Run", Answered)
    monkeypatch.setattr(challenge, "astray", lambda *_: None)
    world.publish("web", HOST, OTHER)

    world.run()

    kept = world.kept()
    states = [decisions.State.parse(kept[f"homelab/acme/{CA}/{host}/state"].value) for host in (HOST, OTHER)]
    assert [(state.error_class, bool(state.fingerprint)) for state in states if state] == [
        ("too-large", False),
        (None, True),
    ]
    assert [key for key in kept if key.startswith(issuer.SERVED) and HOST in key] == []


class Unanswered(issuer.Run):
    """A run whose CA cannot be reached."""

    def _certbot(self, host: str) -> tuple[str, int]:
        with (self.settings.state.parent / "asked").open("a") as file:
            file.write(host)
        return "ConnectionError: Max retries exceeded with url: /dir (Caused by [Errno 111] Connection refused)", 1


def test_a_ca_that_cannot_be_reached_is_asked_once_and_told_of_every_host(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer, "Run", Unanswered)
    monkeypatch.setattr(challenge, "astray", lambda *_: None)
    world.publish("web", HOST, OTHER)

    world.run()

    states = [decisions.State.parse(world.kept()[f"homelab/acme/{CA}/{host}/state"].value) for host in (HOST, OTHER)]
    assert [(state.error_class, state.error) for state in states if state] == [
        ("ca-unreachable", "Connection refused")
    ] * 2
    assert (world.settings.state.parent / "asked").read_text() == HOST


def refusal(kind: str, detail: str = "no") -> str:
    """What certbot's log has of a CA's answer."""
    return f'{{"type": "urn:ietf:params:acme:error:{kind}", "detail": "{detail}"}}'


ODD = {
    "window": '"suggestedWindow": {"start": "2026-11-23T23:59:60Z"}',
    "pause": f"HTTP 429\nRetry-After: Mon, 01 Jan 2035 00:00:00 -0000\n\n{refusal('rateLimited')}",
    "words": refusal("dns", r"a\x"),
    "closed": refusal("accountDoesNotExist"),
    "closed-again": refusal("accountDoesNotExist"),
}
"""What the CA says of hosts of these names."""


class Odd(issuer.Run):
    """A run with a CA whose answers are odd; one host is more than the program can bear."""

    def _certbot(self, host: str) -> tuple[str, int]:
        name, logs = host.partition(".")[0], self.settings.state / "logs" / host
        logs.mkdir(parents=True)
        (logs / "letsencrypt.log").write_text(ODD.get(name, ""))
        if name == "fault":
            raise RuntimeError("never foreseen")
        certificates.lineage(self.settings.config, host)
        return "", int("error" in ODD.get(name, ""))


def test_whatever_befalls_one_host_the_others_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(issuer, "Run", Odd)
    monkeypatch.setattr(challenge, "astray", lambda *_: None)
    names = (*ODD, "fault", "copied", "cut", "by-hand", "zone", "last")
    hosts = {name: f"{name}.cloud.example.test" for name in names}
    world.publish("web", *hosts.values())
    for name in ("cut", "by-hand"):
        world.mirror(hosts[name])
    mirrors = {name: decisions.mirror_name(hosts[name], SERVER) for name in names}
    good = world.cluster.copies(mirrors["cut"])["20260101T000000Z.tar.gz"]
    world.cluster.mirror(mirrors["cut"], {"1": good, "2": good[:400]}, (issuer.LABEL, CA), hosts["cut"])
    sealed = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": mirrors["copied"]}, "immutable": True}
    world.cluster.ask("POST", "/api/v1/namespaces/homelab/secrets", sealed)
    accounts = world.settings.state / "before" / "accounts"
    accounts.mkdir()
    (accounts / "regr.json").write_text("{}")
    account = lineage.packed(accounts.parent, accounts.rglob("*"))
    world.cluster.mirror(f"acme-account-{CA}", {"account": account}, (issuer.LABEL, CA))
    by_hand = {"by-hand": b'"failures": "many"', "zone": b'"next_try": "2026-11-23T00:00:00"'}
    spoiled = {
        f"homelab/acme/private/{CA}/account": account[:40].encode(),
        f"homelab/acme/private/{CA}/{hosts['cut']}/lineage": b"\xff",
    } | {
        f"homelab/acme/{CA}/{hosts[name]}/state": f'{{"host": "{hosts[name]}", "server": "{SERVER}", '.encode()
        + words
        + b"}"
        for name, words in by_hand.items()
    }
    world.everything.commit([loader.write(key, value) for key, value in spoiled.items()])

    with pytest.raises(dynamic.Trouble, match=r"^copied\.cloud\.example\.test: the Kubernetes API answers 4"):
        world.run()

    kept = world.kept()
    states = {name: decisions.State.parse(kept[f"homelab/acme/{CA}/{hosts[name]}/state"].value) for name in names}
    assert {name: state.error_class for name, state in states.items() if state} == dict.fromkeys(names) | {
        "pause": "rate-limited",
        "words": "challenge",
        "closed": "account",
        "closed-again": "account",
        "fault": "internal",
    }
    served = {name for name in names if f"{issuer.SERVED}{hosts[name]}/keyFile" in kept}
    assert served == {"window", "copied", "cut", "by-hand", "zone", "last"}
    pause = states["pause"]
    assert pause and pause.next_try and pause.last_attempt
    assert pause.next_try - pause.last_attempt == decisions.LONGEST_WAIT
    said = capsys.readouterr().out
    assert '"unusable", "name": "account"' in said
    assert "RuntimeError at test_issuer_live.py" in said
    assert said.count('"event": "issued"') == 4
    assert said.count('"event": "restored"') == 2
