"""Apps put on show, changed and taken off in a lab: written for real, and refused where somebody else was there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from living import eventually, place

from homelab.access import publishing
from homelab.access.around import INGRESS, look
from homelab.access.expose import app_of, exposed, ingresses, propose, zoned
from homelab.access.model import ZONES, App
from homelab.access.publishing import as_diff, on_show, order, preview, publish, withdraw
from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.process import attach
from homelab.lab.upstream import StandIns
from homelab.plan.file import initial, read
from homelab.plan.model import Plan
from homelab.ports import Conflict, Exists, Forbidden, Kind, NotFound, Outdated, Raw, Ref, Rejected
from homelab.stack.compare import applied, compare
from homelab.stack.delete import survey
from homelab.stack.facts import facts
from homelab.stack.journal import Journal
from homelab.stack.render import render
from homelab.stack.renewal import JOB, has_ended

READ = read(initial()).plan
assert READ
PLAN: Plan = READ
APP = App("whoami", "whoami", "web", {"internal": "demo.internal.domain.com"}, name="demo")
MANAGER = "kubectl-edit"
USER = "anna:$2y$05$" + "a" * 53 + "\n"


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


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path) as found:
        yield found


async def shown(cluster: KubernetesCluster, app: App = APP) -> App | None:
    """The app as the cluster has it."""
    found = exposed(await cluster.list(INGRESS))
    return next((one for one in found if one.key == app.key and not one.foreign), None)


async def writers(cluster: KubernetesCluster) -> list[tuple[str, str]]:
    """Who the cluster says has written the app's internal Ingress, and how."""
    found = await cluster.get(Ref(INGRESS, "whoami", "demo-internal"))
    assert found
    return [(one["manager"], one["operation"]) for one in found["metadata"]["managedFields"]]


Act = Callable[[], Awaitable[object]]


@pytest.fixture
def meddle(cluster: KubernetesCluster, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Somebody else acts once, right before something is written in one of these ways."""

    def meddled(act: Act, *ways: str) -> None:
        waiting = [act]

        def patched(real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def write(what: Any, **how: Any) -> Any:
                if waiting and not how.get("dry_run"):
                    await waiting.pop()()
                return await real(what, **how)

            return write

        for way in ways:
            monkeypatch.setattr(cluster, way, patched(getattr(cluster, way)))

    return meddled


async def test_an_app_comes_changes_and_goes_without_traces(cluster: KubernetesCluster, journal: Journal) -> None:
    before = await cluster.list(INGRESS)
    both = replace(zoned(APP, ZONES, PLAN, await look(cluster)), auth="homelab/auth")

    looked = await preview(cluster, APP)
    assert ([one.action for one in looked], await cluster.list(INGRESS)) == (["new"], before)
    made = await publish(cluster, journal, APP)
    assert made == await shown(cluster)
    assert await writers(cluster) == [("homelab-tui", "Apply")]
    wider = await publish(cluster, journal, both, made)
    assert (wider, wider.zones) == (await shown(cluster), ZONES)
    narrow = replace(wider, hosts={"external": wider.hosts["external"]}, auth=None)
    text = as_diff(await preview(cluster, narrow, wider))
    assert "Ingress whoami/demo-internal: remove" in text
    assert "-    traefik.ingress.kubernetes.io/router.middlewares: homelab-auth@kubernetescrd" in text
    found = await publish(cluster, journal, narrow, wider)
    assert (found.auth, found.zones) == (None, ("external",))
    assert [one["metadata"].get("annotations") for one in await cluster.list(INGRESS) if app_of(one)] == [None]
    said = await withdraw(cluster, journal, found)

    assert said[0] == "Ingress whoami/demo-external is deleted"
    assert "the issuer forgets it 30 days from now" in said[1]
    assert await cluster.list(INGRESS) == before
    events = [json.loads(line)["event"] for line in journal.path.read_text().splitlines()]
    assert events == ["exposing", "exposed"] * 3 + ["hiding", "hidden"]
    with pytest.raises(NotFound, match="nothing of whoami/demo is on show"):
        await withdraw(cluster, journal, found)


async def test_a_change_by_somebody_else_is_said_and_not_overwritten(
    cluster: KubernetesCluster, journal: Journal
) -> None:
    made = await publish(cluster, journal, APP)
    (theirs,) = ingresses(replace(APP, path="/theirs"))
    await cluster.apply(theirs, force=True, manager=MANAGER)

    with pytest.raises(Outdated, match=f"whoami/demo was changed since .*{MANAGER}"):
        await preview(cluster, APP, made)
    with pytest.raises(Outdated, match="look at it again"):
        await publish(cluster, journal, APP, made)
    now = await shown(cluster)
    assert now
    taken_back = as_diff(await preview(cluster, APP, now))
    assert f"from {MANAGER}" in taken_back
    with pytest.raises(Exists, match="is on show already"):
        await publish(cluster, journal, APP)

    await withdraw(cluster, journal, now)
    with pytest.raises(Outdated, match="was taken off meanwhile"):
        await publish(cluster, journal, APP, now)


async def test_an_ingress_of_others_is_neither_written_over_nor_withdrawn(
    cluster: KubernetesCluster, journal: Journal
) -> None:
    (obj,) = ingresses(APP)
    bare = {**obj, "metadata": {"name": "demo-internal", "namespace": "whoami"}}
    theirs = await cluster.apply(bare, manager=MANAGER)

    (blocked,) = await preview(cluster, APP)
    assert (blocked.action, MANAGER in blocked.note) == ("blocked", True)
    with pytest.raises(Rejected, match=MANAGER):
        await publish(cluster, journal, APP)
    foreign = next(one for one in exposed(await cluster.list(INGRESS)) if one.name == "demo-internal")
    with pytest.raises(Rejected, match="is not ours to withdraw"):
        await withdraw(cluster, journal, foreign)
    assert propose("whoami", "demo", PLAN, await look(cluster)).name == "demo-2"

    await cluster.delete(Ref.of(theirs), uid=theirs["metadata"]["uid"])


async def test_of_two_who_show_a_new_app_one_is_told_that_it_is_there(
    cluster: KubernetesCluster, journal: Journal, meddle: Callable[..., None]
) -> None:
    theirs = replace(APP, hosts={"internal": "theirs.internal.domain.com"}, auth="homelab/auth")
    meddle(partial(publish, cluster, journal, theirs), "create", "apply")

    with pytest.raises(Exists, match=r"Ingress whoami/demo-internal was made by somebody else meanwhile"):
        await publish(cluster, journal, APP)

    now = await shown(cluster)
    assert now
    assert (now.hosts, now.auth) == (theirs.hosts, theirs.auth)
    await withdraw(cluster, journal, now)


async def test_of_two_who_change_an_app_one_is_told_to_look_again(
    cluster: KubernetesCluster, journal: Journal, meddle: Callable[..., None]
) -> None:
    made = await publish(cluster, journal, APP)
    meddle(partial(publish, cluster, journal, replace(made, path="/theirs"), made), "apply")

    with pytest.raises(Outdated, match="was changed or deleted by somebody else meanwhile"):
        await publish(cluster, journal, replace(made, path="/mine"), made)

    now = await shown(cluster)
    assert now
    assert now.path == "/theirs"
    await withdraw(cluster, journal, now)


@pytest.mark.parametrize("auth", [None, "homelab/auth"])
async def test_an_app_that_was_withdrawn_meanwhile_does_not_come_back(
    cluster: KubernetesCluster, journal: Journal, meddle: Callable[..., None], auth: str | None
) -> None:
    made = await publish(cluster, journal, APP)
    wider = replace(made, hosts={**made.hosts, "external": "demo.cloud.domain.com"}, auth=auth)
    meddle(partial(withdraw, cluster, journal, made), "create", "apply")

    with pytest.raises(Outdated, match="by somebody else"):
        await publish(cluster, journal, wider, made)

    assert await shown(cluster) is None


async def test_an_app_whose_making_was_cut_can_be_changed_all_the_same(
    cluster: KubernetesCluster, journal: Journal
) -> None:
    await cluster.create(ingresses(replace(APP, auth="homelab/auth"))[0])
    now = await shown(cluster)
    assert now

    found = await publish(cluster, journal, replace(now, auth=None), now)

    assert found.auth is None
    assert await writers(cluster) == [("homelab-tui", "Apply")]
    await withdraw(cluster, journal, found)


async def test_what_is_put_on_show_while_it_is_withdrawn_is_said(
    cluster: KubernetesCluster, journal: Journal, meddle: Callable[..., None]
) -> None:
    made = await publish(cluster, journal, APP)
    wider = replace(made, hosts={**made.hosts, "external": "demo.cloud.domain.com"})
    meddle(partial(publish, cluster, journal, wider, made), "delete")

    with pytest.raises(Outdated, match="Ingress whoami/demo-external was made by somebody else meanwhile"):
        await withdraw(cluster, journal, made)

    now = await shown(cluster)
    assert now
    await withdraw(cluster, journal, now)


async def test_nothing_is_written_where_a_part_of_it_would_be_refused(
    cluster: KubernetesCluster, journal: Journal
) -> None:
    wrong = replace(APP, hosts={**APP.hosts, "external": "a_b.cloud.domain.com"})

    with pytest.raises(Rejected, match="a_b"):
        await publish(cluster, journal, wrong)

    assert await shown(cluster) is None
    assert journal.path.read_text() == ""


async def test_an_app_that_a_hand_has_made_more_of_is_not_written(cluster: KubernetesCluster, journal: Journal) -> None:
    await publish(cluster, journal, APP)
    (more,) = ingresses(APP)
    (rule,) = more["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    rule["http"]["paths"] = [path, {**path, "path": "/more"}]
    await cluster.apply(more, force=True, manager=MANAGER)
    now = await shown(cluster)
    assert now

    with pytest.raises(Rejected, match="has 2 paths"):
        await publish(cluster, journal, APP, now)

    assert await shown(cluster) == now
    await withdraw(cluster, journal, now)


async def test_nothing_is_forced_on_what_came_meanwhile(cluster: KubernetesCluster) -> None:
    (obj,) = ingresses(APP)
    other = replace(APP, hosts={"internal": "theirs.internal.domain.com"})
    theirs = await cluster.apply(ingresses(other)[0], manager=MANAGER)

    with pytest.raises(Conflict):
        await applied(cluster, obj, None)

    assert await cluster.get(Ref.of(obj)) == theirs
    await cluster.delete(Ref.of(obj), uid=theirs["metadata"]["uid"])


async def test_what_a_finalizer_holds_is_said_by_everybody(
    cluster: KubernetesCluster, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "GONE_SECONDS", 0.0)
    made = await publish(cluster, journal, APP)
    live = await cluster.get(Ref(INGRESS, "whoami", "demo-internal"))
    assert live
    await cluster.replace({**live, "metadata": {**live["metadata"], "finalizers": ["keeper.test/f"]}})

    for again in (made, made):
        with pytest.raises(Rejected, match=r"is being deleted, and held by keeper\.test/f"):
            await withdraw(cluster, journal, again)
    held = await shown(cluster)
    assert held
    for before in (None, held):
        with pytest.raises(Rejected, match=r"is being deleted, and held by keeper\.test/f"):
            await preview(cluster, APP, before)

    dying = await cluster.get(Ref(INGRESS, "whoami", "demo-internal"))
    assert dying
    await cluster.replace({**dying, "metadata": {**dying["metadata"], "finalizers": []}})
    assert await shown(cluster) is None


async def test_of_what_may_not_be_read_nothing_is_concluded(
    cluster: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    every, real = await on_show(cluster), cluster.list
    forbidden = "Middleware"

    async def listed(kind: Kind, **more: Any) -> tuple[Raw, ...]:
        if kind.name == forbidden:
            raise Forbidden(f"you may not list {kind}")
        return await real(kind, **more)

    monkeypatch.setattr(cluster, "list", listed)
    assert every
    assert await on_show(cluster) == every
    forbidden = "Ingress"
    with pytest.raises(Forbidden, match="you may not list Ingress"):
        await on_show(cluster)


async def test_the_stack_neither_claims_nor_prunes_an_app(cluster: KubernetesCluster, journal: Journal) -> None:
    made = await publish(cluster, journal, APP)
    stack = render(PLAN, await facts(cluster, PLAN), StandIns())

    assert [one for one in await compare(cluster, stack) if one.changes] == []
    assert "demo-internal" not in {entry.ref.name for entry, _ in (await survey(cluster, frozenset())).gone}
    await withdraw(cluster, journal, made)


async def test_a_new_public_host_has_its_certificate_ordered_at_once(
    cluster: KubernetesCluster, journal: Journal
) -> None:
    app = replace(APP, hosts={"external": "demo.cloud.domain.com"})
    made = await publish(cluster, journal, app)

    said = await order(cluster, journal, made)
    assert said
    assert "was started and orders the certificate of demo.cloud.domain.com" in said
    assert await order(cluster, journal, made, made) is None
    assert await order(cluster, journal, APP) is None

    async def ended() -> bool:
        return all(map(has_ended, await cluster.list(JOB, namespace="homelab")))

    await eventually(ended)
    await withdraw(cluster, journal, made)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "is missing"),
        ({}, "has no user"),
        ({"users": "\n"}, "has no user"),
        ({"users": USER, "more": USER}, "has 2 keys (more, users)"),
        ({"users": USER}, None),
    ],
)
async def test_a_list_of_users_that_lets_nobody_in_is_known_before(
    cluster: KubernetesCluster, data: dict[str, str] | None, said: str | None
) -> None:
    made = None
    if data is not None:
        meta = {"name": "ingress-auth", "namespace": "homelab"}
        made = await cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data})

    found = (await look(cluster)).userless.get("homelab/auth")

    assert said in found.what if said and found else said is None and found is None
    if made:
        await cluster.delete(Ref.of(made), uid=made["metadata"]["uid"])


async def test_headlamp_is_taken_as_it_is_by_the_validation(cluster: KubernetesCluster) -> None:
    wished = replace(PLAN, apps=("whoami", "headlamp"))
    found = [
        one for one in render(wished, await facts(cluster, wished), StandIns(), ["apps"]) if one.component == "headlamp"
    ]
    space, *others = [one.obj for one in found]

    made = await cluster.apply(space)
    for one in others:
        await cluster.apply(one, dry_run=True)

    assert (space["kind"], len(others)) == ("Namespace", 6)
    await cluster.delete(Ref.of(made), uid=made["metadata"]["uid"])
