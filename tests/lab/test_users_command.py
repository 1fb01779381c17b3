"""Writing files of users while others write too: nobody's change is lost, and there is always a Secret."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from deployers import product
from servers import cluster, store

from homelab.access.expose import ingresses
from homelab.access.files import HOME
from homelab.access.htpasswd import Unfit
from homelab.access.model import App, Edit, UserFile, Verb
from homelab.access.remains import remains
from homelab.access.users import (
    MIDDLEWARE,
    Clashed,
    NotSaved,
    Reading,
    journaled,
    live,
    overwriting,
    put,
    read,
    save,
    undo,
)
from homelab.adapters.kubernetes import KubernetesCluster
from homelab.ports import Forbidden, Kind, Raw, Ref
from homelab.stack.journal import Journal

__all__ = ["cluster", "store"]

PATIENCE = 20.0
SECRET = Ref(Kind("v1", "Secret"), "homelab", "ingress-auth")
CONTENT = b"# kept: always\nanna:{SHA}x\r\nberta:y"
CARLA = Edit(Verb.ADD, "carla", "geheimnis")


class Quick:
    """Keeps `ports.Passwords` without the time that bcrypt takes."""

    async def hash(self, password: str, cost: int) -> str:
        return f"hash-{cost}"

    async def verify(self, password: str, hashed: str) -> bool:
        raise AssertionError


async def made(cluster: KubernetesCluster, content: bytes = CONTENT, **more: Any) -> UserFile:
    """The home's file with this content, read."""
    await space(cluster)
    meta = {"name": SECRET.name, "namespace": SECRET.namespace, "annotations": {"by": "hand"}}
    data = {"people.txt": b64encode(content).decode()}
    await cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data, **more})
    return await home(cluster)


async def space(cluster: KubernetesCluster) -> None:
    if await cluster.get(ref := Ref(Kind("v1", "Namespace"), None, "homelab")) is None:
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ref.name}})


async def home(cluster: KubernetesCluster) -> UserFile:
    (found,) = await read(cluster)
    assert found.secret == HOME
    return found


async def there(cluster: KubernetesCluster) -> Raw:
    found = await cluster.get(SECRET)
    assert found
    return found


async def content(cluster: KubernetesCluster) -> bytes:
    ((_, value),) = (await there(cluster))["data"].items()
    return b64decode(value)


async def rewritten(cluster: KubernetesCluster, old: bytes, new: bytes) -> None:
    """Somebody else changes it."""
    secret = await there(cluster)
    data = {key: b64encode(b64decode(value).replace(old, new)).decode() for key, value in secret["data"].items()}
    await cluster.replace({**secret, "data": data})


async def test_an_edit_writes_the_file_and_leaves_all_else_of_the_secret(cluster: KubernetesCluster) -> None:
    file = await made(cluster, type="example.org/people")
    before = await there(cluster)

    saved = await save(cluster, Quick(), file, CARLA, cost=7)

    now = await there(cluster)
    assert await content(cluster) == CONTENT + b"\ncarla:hash-7"
    assert list(now["data"]) == ["people.txt"]
    assert (now["type"], now["metadata"]["uid"]) == ("example.org/people", before["metadata"]["uid"])
    assert now["metadata"]["annotations"] == {"by": "hand"}
    assert (saved.what, saved.now) == ("carla was added", await home(cluster))


async def test_the_first_user_makes_the_secret_and_cannot_be_taken_back(cluster: KubernetesCluster) -> None:
    await space(cluster)

    saved = await save(cluster, Quick(), await home(cluster), CARLA)

    assert await content(cluster) == b"carla:hash-10\n"
    assert list((await there(cluster))["data"]) == ["users"]
    with pytest.raises(NotSaved, match="the first user stays"):
        await undo(cluster, saved)


async def test_a_change_is_taken_back_to_the_byte_unless_somebody_came_after_it(cluster: KubernetesCluster) -> None:
    saved = await save(cluster, Quick(), await made(cluster), Edit(Verb.REMOVE, "anna"))

    back = await undo(cluster, saved)

    assert await content(cluster) == CONTENT
    again = await undo(cluster, back)
    assert b"anna" not in await content(cluster)
    await rewritten(cluster, b"berta:y", b"berta:z")
    with pytest.raises(NotSaved, match="has changed: berta has another password"):
        await undo(cluster, again)


async def test_what_somebody_else_changed_meanwhile_is_told_and_can_be_merged(cluster: KubernetesCluster) -> None:
    file = await made(cluster)
    await rewritten(cluster, b"berta:y", b"dora:z")

    with pytest.raises(Clashed) as found:
        await save(cluster, Quick(), file, CARLA)

    assert found.value.clash.theirs == ("dora was added", "berta was removed")
    assert found.value.clash.can_merge
    await save(cluster, Quick(), found.value.now, CARLA)
    assert {user.name for user in (await home(cluster)).users} == {"anna", "dora", "carla"}


async def test_theirs_can_be_overwritten_where_both_changed_the_same_user(cluster: KubernetesCluster) -> None:
    file = await made(cluster)
    await rewritten(cluster, b"berta:y", b"berta:z")
    edit = Edit(Verb.PASSWORD, "berta", "geheimnis")

    with pytest.raises(Clashed) as found:
        await save(cluster, Quick(), file, edit)

    assert not found.value.clash.can_merge
    await save(cluster, Quick(), overwriting(file, found.value.now), edit)
    assert await content(cluster) == CONTENT.replace(b"berta:y", b"berta:hash-10")


async def test_a_secret_that_is_gone_can_be_made_anew_with_everybody(cluster: KubernetesCluster) -> None:
    file = await made(cluster)
    await cluster.delete(SECRET, uid=(await there(cluster))["metadata"]["uid"])

    with pytest.raises(Clashed, match="Secret homelab/ingress-auth was deleted") as found:
        await save(cluster, Quick(), file, CARLA)

    assert not found.value.clash.can_merge
    await save(cluster, Quick(), overwriting(file, found.value.now), CARLA)
    assert {user.name for user in (await home(cluster)).users} == {"anna", "berta", "carla"}


async def test_another_label_is_no_clash_and_a_race_is_met_once_more(cluster: KubernetesCluster) -> None:
    file = await made(cluster)
    racing = Racing(cluster)

    await save(racing, Quick(), file, CARLA)

    assert racing.left == 0
    assert (await there(cluster))["metadata"]["labels"] == {"race": "1"}
    assert b"carla" in await content(cluster)


@dataclass
class Racing:
    """A cluster on which somebody labels the Secret between reading and writing."""

    real: KubernetesCluster
    left: int = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def replace(self, obj: Raw) -> Raw:
        if self.left:
            self.left -= 1
            meta = {**obj["metadata"], "labels": {"race": "1"}}
            await self.real.replace({**await there(self.real), "metadata": meta})
        return await self.real.replace(obj)


async def test_a_secret_that_goes_between_reading_and_writing_is_told_and_not_made_anew(
    cluster: KubernetesCluster,
) -> None:
    file = await made(cluster)

    with pytest.raises(Clashed, match="was deleted"):
        await save(Vanishing(cluster), Quick(), file, CARLA)

    assert await cluster.get(SECRET) is None


@dataclass
class Vanishing:
    """A cluster on which somebody deletes the Secret between reading and writing."""

    real: KubernetesCluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def replace(self, obj: Raw) -> Raw:
        await self.real.delete(SECRET, uid=obj["metadata"]["uid"])
        return await self.real.replace(obj)


async def test_what_cannot_be_edited_is_refused_with_the_reason_and_stays(cluster: KubernetesCluster) -> None:
    file = await made(cluster, immutable=True)

    with pytest.raises(NotSaved, match="is immutable"):
        await save(cluster, Quick(), file, CARLA)
    with pytest.raises(Unfit, match="already"):
        await save(cluster, Quick(), file, Edit(Verb.RENAME, "anna", name="berta"))
    assert await content(cluster) == CONTENT


async def test_without_its_namespace_it_says_what_brings_it(cluster: KubernetesCluster) -> None:
    with pytest.raises(NotSaved, match=r"there is no namespace homelab.*homelab-tui apply"):
        await save(cluster, Quick(), await home(cluster), CARLA)


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        ("a right is missing: secrets is forbidden; grant it", Forbidden, "a right is missing"),
        ("because it is being terminated", NotSaved, "namespace homelab is being deleted"),
    ],
)
async def test_refusals_of_the_api_are_told(
    cluster: KubernetesCluster, said: str, error: type[Exception], told: str
) -> None:
    await space(cluster)

    with pytest.raises(error, match=told):
        await save(Refusing(cluster, said), Quick(), await home(cluster), CARLA)


@dataclass
class Refusing:
    """A cluster that lets nobody make anything."""

    real: KubernetesCluster
    said: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def create(self, obj: Raw) -> Raw:
        raise Forbidden(self.said)


async def test_an_import_is_written_whole_or_not_at_all(cluster: KubernetesCluster) -> None:
    file = await made(cluster)

    saved = await put(cluster, file, b"new:{SHA}x\n", "1 user imported")

    assert await content(cluster) == b"new:{SHA}x\n"
    with pytest.raises(NotSaved, match=r"nothing was written.*new was added"):
        await put(cluster, file, b"other:{SHA}x\n", "1 user imported")
    assert saved.before == file
    for empty in (b"", b"# nobody\n", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(NotSaved, match="no user"):
            await put(cluster, saved.now, empty, "nobody imported")
    assert await content(cluster) == b"new:{SHA}x\n"


async def test_the_journal_has_a_line_before_a_write_and_one_after_it(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        async with journaled(journal, HOME, "add", "anna"):
            pass
        with pytest.raises(NotSaved):
            async with journaled(journal, HOME, "remove", "anna"):
                raise NotSaved("is immutable")

    found = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert [one["event"] for one in found] == ["users", "users-written", "users", "users-refused"]
    assert all(one["file"] == HOME and one["about"] == "anna" for one in found)


async def test_a_file_of_another_namespace_that_may_not_be_read_hides_no_other(cluster: KubernetesCluster) -> None:
    file = await made(cluster)
    ours, theirs = await read(Hiding(cluster, "theirs"))

    assert (ours, theirs.users) == (file, ())
    assert "may not" in (theirs.refusal or "")


@dataclass
class Hiding:
    """A cluster with a Middleware whose Secret we may not read."""

    real: KubernetesCluster
    hidden: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def list(self, kind: Kind, **more: Any) -> tuple[Raw, ...]:
        meta = {"name": "own", "namespace": "homelab"}
        own = {"metadata": meta, "spec": {"basicAuth": {"secret": self.hidden}}}
        return (own,) if kind == MIDDLEWARE else await self.real.list(kind, **more)

    async def get(self, ref: Ref) -> Raw | None:
        if ref.name == self.hidden:
            raise Forbidden("you may not read it")
        return await self.real.get(ref)


async def test_the_files_are_followed_and_what_is_lost_is_told(cluster: KubernetesCluster) -> None:
    file = await made(cluster)

    async with asyncio.timeout(PATIENCE), aclosing(live(cluster, lambda: ())) as readings:
        assert await until(readings, lambda one: one.files == (file,)) is None
        await rewritten(cluster, b"berta", b"bert")
        assert await until(readings, lambda one: "bert" in names(one)) is None
        await cluster.delete(SECRET, uid=(await there(cluster))["metadata"]["uid"])
        assert await until(readings, lambda one: names(one) == []) is None


async def until(readings: AsyncIterator[Reading], is_so: Callable[[Reading], bool]) -> str | None:
    """The trouble at the moment when it is so."""
    async for one in readings:
        if is_so(one):
            return one.trouble
    raise AssertionError


def names(one: Reading) -> list[str]:
    return [user.name for file in one.files or () for user in file.users]


async def test_what_a_delete_of_the_stack_leaves_is_said(cluster: KubernetesCluster) -> None:
    await made(cluster)
    for namespace in ("apps", "whoami"):
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        (one,) = ingresses(App(namespace, "web", 80, {"internal": f"{namespace}.home"}))
        await cluster.create(one)

    assert [line.partition(";")[0] for line in await remains(cluster, {"whoami"})] == [
        "goes with its namespace: app whoami/web",
        "stays: app apps/web, and nobody serves it until the stack is back",
        "stays: Secret homelab/ingress-auth, the users: they come in again once the stack is back",
    ]


async def test_the_stack_comes_and_goes_and_the_file_stays(tmp_path: Path) -> None:
    async with product(tmp_path) as deployer:
        await deployer.apply()
        saved = await save(deployer.cluster, Quick(), await home(deployer.cluster), CARLA)

        assert saved.now.middlewares == ("homelab/auth",)
        assert await deployer.changes() == []
        await deployer.delete()
        assert await content(deployer.cluster) == b"carla:hash-10\n"
