"""What goes wrong at the external ingress by a person's hand: told in `status` with its cure, while all else works.

Every case mends what it broke, so that the next one meets a lab that is well.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from living import eventually, place
from test_external import over

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.process import attach
from homelab.observe.consul import SET
from homelab.observe.live import Observer
from homelab.observe.snapshot import ISSUER_LABEL
from homelab.observe.text import lines
from homelab.ports import Kind, Raw, Ref, Rejected
from homelab.stack.access import CONSOLE, MANAGEMENT, SECRET, grants, token
from homelab.stack.journal import Journal
from homelab.stack.made import Unusable
from homelab.stack.outcome import Outcome, awaited, outcome, tries
from homelab.stack.renewal import ISSUER, JOB, Unfit, fit, has_ended, job, renew
from tui import wiring

APP = "whoami"
GOOD = "good.cloud.domain.com"
LONG = "a" * 64 + ".cloud.domain.com"
CONFIG = Ref(Kind("v1", "ConfigMap"), "homelab", "traefik-external-config")
NODE, POD = Kind("v1", "Node"), Kind("v1", "Pod")
MIDDLEWARE, INGRESS_ROUTE = (Kind("traefik.io/v1alpha1", name) for name in ("Middleware", "IngressRoute"))
INGRESS = Kind("networking.k8s.io/v1", "Ingress")
ROUTER = "traefik.ingress.kubernetes.io/router."
WRONG = "99999999-9999-4999-8999-999999999999"


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a lab whose stack is deployed."""
    with place(tmp_path_factory.mktemp("run")), attach() as joined:
        joined.deployed(lambda _: None)
        yield joined.kubeconfig


@pytest.fixture
async def cluster(kubeconfig: Path) -> AsyncIterator[KubernetesCluster]:
    connected = await KubernetesCluster.connect(kubeconfig)
    yield connected
    await connected.close()


def ingress(name: str, host: str | None, value: str = "external", **router: str) -> Raw:
    """A way to the sample app."""
    backend = {"service": {"name": APP, "port": {"number": 80}}}
    rule = {"http": {"paths": [{"path": f"/{name}", "pathType": "Prefix", "backend": backend}]}}
    meta = {"labels": {"traffic-type": value}, "annotations": {ROUTER + key: router[key] for key in router}}
    return thing(INGRESS, name, {"rules": [rule | ({"host": host} if host else {})]}, **meta)


def thing(kind: Kind, name: str, spec: Raw, **meta: Any) -> Raw:
    """An object beside the sample app."""
    metadata = {"name": name, "namespace": APP, **meta}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}


@asynccontextmanager
async def there(cluster: KubernetesCluster, *objects: Raw) -> AsyncIterator[None]:
    """Objects for the length of a block."""
    for one in objects:
        await cluster.apply(one)
    yield
    for one in objects:
        made = await cluster.get(Ref.of(one))
        assert made
        await cluster.delete(Ref.of(one), uid=made["metadata"]["uid"])


@asynccontextmanager
async def changed(cluster: KubernetesCluster, ref: Ref, **parts: Raw) -> AsyncIterator[None]:
    """An object with other parts for the length of a block."""
    before = await cluster.get(ref)
    assert before
    await cluster.replace(before | {part: before[part] | parts[part] for part in parts})
    yield
    after = await cluster.get(ref)
    assert after
    await cluster.replace(after | {part: before[part] for part in parts})


async def anew(cluster: KubernetesCluster, pod: str) -> None:
    """Delete a pod, whose workload then makes another."""
    ref = Ref(POD, "homelab", pod)
    found = await cluster.get(ref)
    assert found
    await cluster.delete(ref, uid=found["metadata"]["uid"])


@asynccontextmanager
async def closed(cluster: KubernetesCluster) -> AsyncIterator[None]:
    """Every node takes no more pods for the length of a block."""
    taint = {"taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}
    async with AsyncExitStack() as around:
        for name in ("master1", "node1", "node2"):
            await around.enter_async_context(changed(cluster, Ref(NODE, None, name), spec=taint))
        yield


async def idle(cluster: KubernetesCluster) -> bool:
    """Whether no run of the issuer goes on."""
    return all(map(has_ended, await cluster.list(JOB, namespace="homelab", labels=ISSUER_LABEL)))


async def status(cluster: KubernetesCluster) -> str:
    """What `homelab-tui status` prints, on one line."""
    return " ".join(" ".join(lines(await Observer(cluster, wiring.store(cluster)).once())).split())


async def says(cluster: KubernetesCluster, *parts: str) -> str:
    """What it prints once it says all of this."""

    async def look() -> str | None:
        told = await status(cluster)
        return told if all(part in told for part in parts) else None

    return await eventually(look)


async def issued(cluster: KubernetesCluster) -> bool:
    """Whether a run of the issuer now ends well."""
    issuer = await cluster.get(ISSUER)
    assert issuer
    run = Ref.of(await cluster.create(job(issuer, [GOOD])))
    return bool((await over(cluster, run.name)).get("succeeded"))


async def renewed(cluster: KubernetesCluster, folder: Path, told: list[str] | None = None) -> Outcome:
    """What a run brings to the good host, as `homelab-tui renew` tells it; `told`: what was said meanwhile."""
    open_store = wiring.store(cluster)
    before = await tries(cluster, open_store)
    with Journal(folder) as journal:
        run = await renew(cluster, journal, [GOOD])
    trouble = await awaited(cluster, run, ([] if told is None else told).append)
    return outcome(GOOD, before, await tries(cluster, open_store), trouble)


async def test_a_renewal_is_told_host_by_host_whether_it_was_ordered_or_why_not(
    cluster: KubernetesCluster, tmp_path: Path
) -> None:
    async with there(cluster, ingress("good", GOOD)):
        assert await fit(cluster, [GOOD.upper(), GOOD]) == (GOOD,)
        with pytest.raises(Unfit, match=r"^nobody\S+ is not public: .*\n\*\.\S+ can have no certificate: a wildcard"):
            await fit(cluster, ["nobody.cloud.domain.com", GOOD, "*.cloud.domain.com"])

        ordered = await renewed(cluster, tmp_path)
        wrong = {"token": b64encode(WRONG.encode()).decode()}
        async with changed(cluster, Ref(SECRET, "homelab", "consul-issuer"), data=wrong):
            untried = await renewed(cluster, tmp_path)

    assert ordered.is_issued
    assert ordered.said.startswith("issued by homelab-tui lab CA, valid until 20")
    assert not untried.is_issued
    assert untried.said.startswith("it was not tried: Consul refuses the token for PUT session/create: ACL not found")


async def test_a_renewal_that_does_not_begin_says_why_and_is_not_waited_for_for_ever(
    cluster: KubernetesCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homelab.stack.outcome.LONGEST_SECONDS", 1.0)
    told: list[str] = []
    async with there(cluster, ingress("good", GOOD)):
        async with closed(cluster):
            found = await renewed(cluster, tmp_path, told)
        assert await eventually(lambda: idle(cluster))

    assert any(one.startswith("its pod finds no node: ") for one in told)
    assert "has not ended within" in found.said


async def test_hosts_that_can_have_no_certificate_are_named_and_the_others_go_on(cluster: KubernetesCluster) -> None:
    bad = [("elsewhere", "a.elsewhere.test"), ("wild", "*.cloud.domain.com"), ("long", LONG), ("nameless", None)]

    async with there(cluster, ingress("good", GOOD), *(ingress(*one) for one in bad)):
        assert await issued(cluster)

        told = await says(cluster, f"{GOOD} ▰▰▰▰▰▰▰▰ 89 d ✓ served by 2 of 2")

    for said in (
        "outside the external domain cloud.domain.com; change the host in Ingress whoami/elsewhere",
        "it takes each host by name; change the host in Ingress whoami/wild",
        "each part 1 to 63 letters, digits and inner hyphens; change the host in Ingress whoami/long",
        "whoami/nameless - ▲ passed over the Ingress names no host, so there is nothing to certify; give its rules",
        "no host: takes every name that reaches the external ingress",
    ):
        assert said in told


async def test_a_token_of_the_issuer_that_is_refused_is_told_at_once_and_until_it_is_mended(
    cluster: KubernetesCluster,
) -> None:
    for holder in ("issuer", "loader"):
        wrong = {"token": b64encode(WRONG.encode()).decode()}
        async with changed(cluster, Ref(SECRET, "homelab", f"consul-{holder}"), data=wrong):
            assert not await issued(cluster)
            told = await says(cluster, "issuer failed")
        assert "the issuer's last run failed: " in told
        assert "ACL not found; `homelab-tui apply` creates missing tokens" in told

    assert await issued(cluster)
    assert "issuer failed" not in await status(cluster)


async def test_a_token_of_the_console_that_is_refused_is_no_lost_leader(cluster: KubernetesCluster) -> None:
    wrong = {"token": b64encode(WRONG.encode()).decode()}
    async with changed(cluster, Ref(SECRET, "homelab", "consul-console"), data=wrong):
        told = await status(cluster)

    assert "Consul: leader not known" in told
    assert "apply gives the token of Secret homelab/consul-console its rights again" in told
    assert "no leader" not in told


async def test_a_suspended_issuer_is_told_with_the_command_that_resumes_it(cluster: KubernetesCluster) -> None:
    async with changed(cluster, ISSUER, spec={"suspend": True}):
        told = await status(cluster)

    assert """kubectl -n homelab patch cronjob issuer -p '{"spec":{"suspend":false}}'""" in told


async def test_a_configuration_that_is_too_long_is_told_and_hosts_still_get_their_certificates(
    cluster: KubernetesCluster,
) -> None:
    long = "".join(f"http/middlewares/m{at}/addPrefix/prefix = /m{at}\n" for at in range(70))
    async with there(cluster, ingress("good", GOOD)), changed(cluster, CONFIG, data={"config": long}):
        assert not await issued(cluster)

        told = await says(cluster, f"{GOOD} staging ▰▰▰▰▰▰▰▰ 89 d")

    assert "the issuer's last run failed: configuration: " in told
    assert "Consul takes it in one transaction, and it has 14 keys too many; write lists with commas" in told


async def test_middlewares_that_the_external_traefik_cannot_use_are_told_apart(cluster: KubernetesCluster) -> None:
    prefix = thing(MIDDLEWARE, "prefix", {"addPrefix": {"prefix": "/x"}})
    unseen = ingress("unseen", GOOD, middlewares=f"{APP}-prefix@kubernetescrd")
    unknown = ingress("unknown", GOOD, middlewares="homelab-auth@kubernetescrd")

    async with there(cluster, prefix, unseen, unknown):
        told = await says(cluster, "Ingress whoami/unseen: homelab/", "Ingress whoami/unknown: homelab/")

    assert "kubectl -n whoami label --overwrite middleware prefix traffic-type=external" in told
    assert "Secret homelab/ingress-auth is missing or has no user: key 7, or `homelab-tui users add NAME`, adds" in told


async def test_labels_that_mean_something_else_than_one_may_think_are_told(cluster: KubernetesCluster) -> None:
    service = {"name": APP, "port": 80}
    match = {"match": "Host(`crd.cloud.domain.com`)", "kind": "Rule", "services": [service]}
    route = thing(INGRESS_ROUTE, "crd", {"routes": [match]}, labels={"traffic-type": "external"})

    async with there(cluster, ingress("odd", "odd.cloud.domain.com", "public"), route):
        await says(
            cluster,
            "internal, since its label is traffic-type=public",
            "public by the label of IngressRoute whoami/crd; the issuer reads Ingresses alone",
        )


async def test_one_server_of_consul_without_room_is_told_and_the_others_go_on(cluster: KubernetesCluster) -> None:
    async with closed(cluster):
        await anew(cluster, "consul-2")
        told = await says(cluster, "its pod finds no node: ")

    assert "leader consul-" in told
    assert "2/3 servers, none may fail" in told
    assert "make room on a node, or open a closed one (kubectl uncordon NODE)" in told
    await says(cluster, "3/3 servers, 1 may fail")


async def test_a_token_by_hand_that_is_no_token_is_told_with_its_secret_and_nothing_is_made_anew(
    cluster: KubernetesCluster,
) -> None:
    def console(value: bytes) -> Any:
        return changed(cluster, Ref(SECRET, "homelab", "consul-console"), data={"token": b64encode(value).decode()})

    good = await token(cluster, CONSOLE)
    async with console(good.encode() + b"\n"):
        assert "leader consul-" in await status(cluster)
    async with console(b"\xff"):
        told = await status(cluster)
        with pytest.raises(Unusable, match="homelab/consul-console has no usable token"):
            await grants(cluster)

    assert "kubectl -n homelab delete secret consul-console, then homelab-tui apply makes another" in told
    assert await token(cluster, CONSOLE) == good


async def test_a_consul_that_was_scaled_down_has_failed_and_what_is_served_is_told_on(
    cluster: KubernetesCluster, tmp_path: Path
) -> None:
    async with there(cluster, ingress("good", GOOD)):
        assert await issued(cluster)
        await says(cluster, f"{GOOD} staging ▰▰▰▰▰▰▰▰ 89 d", "in 59 d ✓ served by 2 of 2")
        async with changed(cluster, SET, spec={"replicas": 0}):
            told = await says(cluster, f"{GOOD} unknown", "0/3 servers", "▲ consul failed")
            with Journal(tmp_path) as journal, pytest.raises(Rejected, match="no server of Consul is ready"):
                await renew(cluster, journal, [GOOD])

    assert "2 of 2 replicas serve one; no more is known until Consul can be read" in told
    assert "StatefulSet homelab/consul is scaled to 0 of 3 servers; homelab-tui apply brings it back" in told
    await says(cluster, "3/3 servers, 1 may fail")


async def test_a_key_by_hand_that_traefik_does_not_know_is_seen_on_its_routes(cluster: KubernetesCluster) -> None:
    async def by_hand(method: Literal["PUT", "DELETE"]) -> None:
        headers = {"X-Consul-Token": await token(cluster, MANAGEMENT)}
        path = "/v1/kv/traefik-external/tls/certificates/x/bogus"
        await cluster.ask_pod("homelab", "consul-0", 8500, path, method=method, headers=headers, body=b"x")

    await by_hand("PUT")
    for number in range(2):
        await anew(cluster, f"traefik-external-{number}")

    await says(cluster, "nothing is taken from Consul, no certificate either: one key that Traefik does not know")
    await by_hand("DELETE")
    await says(cluster, "/.well-known/acme-challenge/ external - - ✓ served by 2 of 2")
