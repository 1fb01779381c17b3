"""The store: versions, owners, namespaces, history."""

from __future__ import annotations

import time

import pytest

from homelab.lab.history import KEPT
from homelab.lab.store import Refusal, Store
from homelab.ports import Kind, Raw, Ref

pytest_plugins = ("servers",)

CONFIG = Kind("v1", "ConfigMap")
SPACE = Kind("v1", "Namespace")


def config(name: str, **meta: object) -> Raw:
    """A ConfigMap of the namespace default."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"} | meta}


def ref(name: str) -> Ref:
    """Its name."""
    return Ref(CONFIG, "default", name)


def link(owner: Raw, **more: object) -> Raw:
    """A reference to an owner."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": owner["metadata"]["uid"], **more}


def happened(store: Store, since: int, kind: Kind = CONFIG) -> list[tuple[str, str]]:
    """Type and name of every change."""
    return [(event.type, event.object["metadata"]["name"]) for event in store.since(kind, since)]


def test_every_write_takes_the_next_version(store: Store) -> None:
    before = store.version
    made = store.create(config("web"))
    changed = store.update(made | {"data": {"a": "1"}})

    assert int(made["metadata"]["resourceVersion"]) == before + 1
    assert int(changed["metadata"]["resourceVersion"]) == before + 2
    assert "data" not in made


def test_equal_writes_are_none(store: Store) -> None:
    made = store.create(config("web"))
    before = store.version

    store.update(made)
    store.annotate(ref("web"), {"absent": None})
    store.set_status(ref("nothing"), {"a": 1})

    assert store.version == before


def test_annotations_come_and_go(store: Store) -> None:
    store.create(config("web"))
    store.annotate(ref("web"), {"a": "1", "b": "2"})
    store.annotate(ref("web"), {"a": None, "b": None})

    found = store.get(ref("web"))
    assert found and "annotations" not in found["metadata"]


def test_a_generation_counts_wishes_only(store: Store) -> None:
    pod: Raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}, "spec": {"a": 1}}
    made = store.create(pod)
    store.set_status(Ref.of(made), {"phase": "Running"})
    found = store.get(Ref.of(made))
    assert found and found["metadata"]["generation"] == 1

    assert store.update(found | {"spec": {"a": 2}})["metadata"]["generation"] == 2


def test_the_owner_of_an_orphan_being_gone_ends_it(store: Store) -> None:
    store.create(config("child", ownerReferences=[{"uid": "never-was", "name": "o", "kind": "X", "apiVersion": "v1"}]))

    assert store.get(ref("child")) is None


def test_a_child_of_two_lives_until_both_are_gone(store: Store) -> None:
    one, two = store.create(config("one")), store.create(config("two"))
    store.create(config("child", ownerReferences=[link(one), link(two)]))

    store.delete(ref("one"))
    child = store.get(ref("child"))
    assert child and [owner["uid"] for owner in child["metadata"]["ownerReferences"]] == [two["metadata"]["uid"]]

    store.delete(ref("two"))
    assert store.get(ref("child")) is None


def test_grandchildren_block_in_a_foreground_deletion(store: Store) -> None:
    one = store.create(config("one"))
    two = store.create(config("two", ownerReferences=[link(one, blockOwnerDeletion=True)]))
    store.create(config("three", ownerReferences=[link(two, blockOwnerDeletion=True)], finalizers=["a.test/a"]))

    store.delete(ref("one"), propagation="Foreground")
    assert all(store.get(ref(name)) for name in ("one", "two", "three"))

    held = store.get(ref("three"))
    assert held
    store.update(held | {"metadata": {key: held["metadata"][key] for key in ("name", "namespace")}})
    assert store.all(CONFIG) == ()


def test_a_namespace_ends_with_its_content(store: Store) -> None:
    store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
    kept: Raw = {"metadata": {"name": "kept", "namespace": "apps", "finalizers": ["a.test/a"]}}
    held = store.create({"apiVersion": "v1", "kind": "ConfigMap"} | kept)
    apps = Ref(SPACE, None, "apps")

    assert store.delete(apps)["status"]["phase"] == "Terminating"
    with pytest.raises(Refusal, match="because it is being terminated"):
        store.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new", "namespace": "apps"}})

    dying = store.get(Ref.of(held))
    assert dying
    store.update(dying | {"metadata": {"name": "kept", "namespace": "apps"}})
    assert store.get(apps) is None


def test_a_definition_ends_with_its_objects(store: Store) -> None:
    names = {"kind": "Gadget", "plural": "gadgets"}
    versions = [{"name": "v1", "storage": True, "served": True}]
    spec = {"group": "example.test", "scope": "Cluster", "names": names, "versions": versions}
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    made = store.create(head | {"metadata": {"name": "gadgets.example.test"}, "spec": spec})
    gadget = store.create({"apiVersion": "example.test/v1", "kind": "Gadget", "metadata": {"name": "g"}})

    store.delete(Ref.of(made))

    assert store.get(Ref.of(gadget)) is None and store.resources.at("example.test/v1", "gadgets") is None
    with pytest.raises(Refusal):
        store.create({"apiVersion": "example.test/v1", "kind": "Gadget", "metadata": {"name": "g"}})


async def test_a_subscriber_misses_nothing_from_the_moment_it_subscribes(store: Store) -> None:
    store.create(config("before"))
    with store.subscribe(CONFIG) as news:
        store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
        store.create(config("after"))
        store.delete(ref("after"))
        seen = [await anext(news), await anext(news)]

    assert [(event.type, event.object["metadata"]["name"]) for event in seen] == [
        ("ADDED", "after"),
        ("DELETED", "after"),
    ]


def test_the_past_can_be_read(store: Store) -> None:
    store.create(config("a"))
    then = store.version
    store.delete(ref("a"))
    store.create(config("b"))

    assert [obj["metadata"]["name"] for obj in store.at(CONFIG, then)] == ["a"]
    assert happened(store, then) == [("DELETED", "a"), ("ADDED", "b")]


def test_history_is_bounded(store: Store) -> None:
    store.create(config("web"))
    then = store.version
    for number in range(KEPT):
        store.annotate(ref("web"), {"n": str(number)})
    assert len(store.since(CONFIG, then)) == KEPT

    store.annotate(ref("web"), {"n": "more"})

    with pytest.raises(Refusal) as refused:
        store.since(CONFIG, then)
    assert refused.value.code == 410
    assert len(store.since(CONFIG, then + 1)) == KEPT


def test_five_thousand_services_are_written_and_their_namespace_deleted_quickly(store: Store) -> None:
    store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
    begun = time.perf_counter()
    for number in range(5000):
        meta = {"name": f"web-{number}", "namespace": "apps"}
        store.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 80}]}})
    store.delete(Ref(SPACE, None, "apps"))

    assert time.perf_counter() - begun < 5, "ten thousand writes, well under a millisecond each"
    assert store.all(Kind("v1", "Service")) == ()


def test_a_history_of_large_objects_is_shorter(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homelab.lab.history.BUDGET", 10_000)
    store.create(config("web"))
    then = store.version
    for number in range(4):
        store.annotate(ref("web"), {"n": str(number) * 4_000})

    with pytest.raises(Refusal):
        store.since(CONFIG, then)
    assert len(store.since(CONFIG, store.version - 2)) == 2
