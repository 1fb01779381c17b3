"""`pods/log` of the lab: what real programs say, and refusals in the words of a real server."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from apiserver import TOKEN, write_kubeconfig
from test_kubectl import KUBECTL, Kubectl

from homelab.lab.api import serving
from homelab.lab.api.logs import Said
from homelab.lab.certificate import identity
from homelab.lab.programs.words import Lives
from homelab.lab.store import Store
from homelab.ports import Kind, Raw, Ref

pytest_plugins = ["servers"]

POD = Kind("v1", "Pod")
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}


def put(store: Store, *containers: str, **state: object) -> Raw:
    """A pod that runs."""
    ref = Ref(POD, "default", "web")
    spec = {"containers": [{"name": one, "image": "example.test/web"} for one in containers]}
    meta = {"name": "web", "namespace": "default"}
    store.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    seen = [{"name": one, "state": state or {"running": {}}, "lastState": {}} for one in containers]
    store.set_status(ref, {"phase": "Running", "containerStatuses": seen})
    found = store.get(ref)
    assert found
    return found


def saying(known: Lives) -> Said:
    """What the pods of these lives say."""
    return lambda pod, container, previous: known.of(pod["metadata"]["uid"], container, previous)


@pytest.fixture
async def lives(store: Store, tmp_path: Path) -> AsyncIterator[tuple[str, Lives, Path]]:
    """The address of a pod's log, and what it says."""
    known = Lives()
    async with serving(store, TOKEN, said=saying(known)) as url:
        yield f"{url}/api/v1/namespaces/default/pods/web/log", known, tmp_path / "web.log"


async def asked(url: str, **query: str) -> tuple[int, str]:
    """Status and text."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.get(url, params=query) as answer,
    ):
        return answer.status, await answer.text()


async def test_the_end_of_what_was_said_by_lines_and_bytes(store: Store, lives: tuple[str, Lives, Path]) -> None:
    url, known, path = lives
    pod = put(store, "web")
    path.write_text("of a life before\none\ntwo\nthree\n")
    known.begin((pod["metadata"]["uid"], "web"), path, len("of a life before\n"))

    assert await asked(url) == (200, "one\ntwo\nthree\n")
    assert await asked(url, tailLines="2") == (200, "two\nthree\n")
    assert await asked(url, tailLines="0") == (200, "")
    assert await asked(url, limitBytes="5") == (200, "one\nt")


async def test_it_is_followed_to_the_end_of_its_life(store: Store, lives: tuple[str, Lives, Path]) -> None:
    url, known, path = lives
    whose = (put(store, "web")["metadata"]["uid"], "web")
    path.write_text("one\n")
    known.begin(whose, path, 0)
    following = asyncio.create_task(asked(url, follow="true"))
    with open(path, "a") as file:
        file.write("two\n")
    known.end(whose)
    assert await following == (200, "one\ntwo\n")

    known.begin(whose, path, path.stat().st_size)
    with open(path, "a") as file:
        file.write("three\n")
    assert await asked(url) == (200, "three\n")
    assert await asked(url, previous="true") == (200, "one\ntwo\n")


async def test_refusals_and_programs_that_say_nothing(store: Store, lives: tuple[str, Lives, Path]) -> None:
    url, _, _ = lives
    status, text = await asked(url)
    assert status == 404 and 'pods \\"web\\" not found' in text
    put(store, "web", "side")

    assert await asked(url, container="web") == (200, "")
    for query, why in (
        ({}, "a container name must be specified for pod web, choose one of: [web side]"),
        ({"container": "other"}, "container other is not valid for pod web"),
        (
            {"container": "web", "previous": "true"},
            'previous terminated container \\"web\\" in pod \\"web\\" not found',
        ),
    ):
        status, text = await asked(url, **query)
        assert status == 400 and why in text


async def test_what_has_not_begun_says_so(store: Store, lives: tuple[str, Lives, Path]) -> None:
    put(store, "web", waiting={"reason": "ContainerCreating"})

    status, text = await asked(lives[0])

    assert status == 400 and 'container \\"web\\" in pod \\"web\\" is waiting to start: ContainerCreating' in text


@pytest.mark.skipif(not KUBECTL, reason="needs kubectl: not in KUBECTL, not in PATH")
async def test_kubectl_logs(store: Store, tmp_path: Path) -> None:
    who, known, path = identity("127.0.0.1"), Lives(), tmp_path / "web.log"
    path.write_text("one\ntwo\n")
    known.begin((put(store, "web")["metadata"]["uid"], "web"), path, 0)

    async with serving(store, TOKEN, tls=who.context, said=saying(known)) as url:
        authority = base64.b64encode(who.certificate).decode()
        config = write_kubeconfig(tmp_path, url, **{"certificate-authority-data": authority})
        kubectl = Kubectl({"KUBECONFIG": str(config), "HOME": str(tmp_path)})

        assert await kubectl("logs", "web", "--tail=1") == "two\n"
        assert "not found" in await kubectl("logs", "web", "--previous", fails=True)
