"""The stand-ins bring what the product uses, and nothing else is used in the lab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from homelab.lab.resources import DEFINITION
from homelab.lab.store import Store
from homelab.lab.upstream import StandIns
from homelab.observe.snapshot import KINDS
from homelab.plan.file import initial, read
from homelab.ports import Raw
from homelab.stack.components import COMPONENTS
from homelab.stack.render import Facts, Rendered, parse, render
from homelab.stack.upstream import UpstreamError
from homelab.stack.versions import Pinned, versions

ENTRIES = versions().upstream


@pytest.fixture(scope="module")
def rendered() -> tuple[Rendered, ...]:
    """The article's whole stack, from the stand-ins."""
    plan = read(initial()).plan
    assert plan
    return render(plan, Facts(), StandIns())


def definitions(rendered: tuple[Rendered, ...]) -> Iterator[Raw]:
    return (item.obj for item in rendered if item.ref.kind == DEFINITION)


@pytest.mark.parametrize("entry", sorted(ENTRIES))
def test_every_upstream_entry_has_a_stand_in_that_says_that_it_is_one(entry: str) -> None:
    text = StandIns().read(ENTRIES[entry]).decode()

    assert text.startswith("# A stand-in, written for the lab")
    assert list(parse(text, entry))


def test_a_file_that_nothing_stands_in_for_is_refused() -> None:
    with pytest.raises(UpstreamError, match="no stand-in for https://example"):
        StandIns().read(Pinned("https://example.test/new.yaml", "0"))


def test_every_kind_that_the_stack_or_the_console_uses_is_served(rendered: tuple[Rendered, ...]) -> None:
    store = Store()
    for definition in definitions(rendered):
        store.create(definition)
    served = {resource.as_kind for resource in store.resources.all()}

    assert {item.ref.kind for item in rendered} <= served
    assert {watched.kind for watched in KINDS.values()} <= served


def test_every_kind_that_traefik_may_read_is_served(rendered: tuple[Rendered, ...]) -> None:
    (role,) = (item.obj for item in rendered if item.ref.name == "homelab-traefik" and "rules" in item.obj)
    (wanted,) = (rule["resources"] for rule in role["rules"] if rule["apiGroups"] == ["traefik.io"])

    found = {one["spec"]["names"]["plural"] for one in definitions(rendered) if one["spec"]["group"] == "traefik.io"}

    assert found == set(wanted)


def test_metallbs_workloads_bear_the_names_and_labels_by_which_it_is_known(rendered: tuple[Rendered, ...]) -> None:
    found = {
        (item.ref.kind.name, item.ref.namespace, item.ref.name): item.obj["spec"]["template"]["metadata"]["labels"]
        for item in rendered
        if item.component == "metallb" and item.ref.kind.name in ("Deployment", "DaemonSet")
    }

    assert found == {
        ("Deployment", "metallb-system", "controller"): {"app": "metallb", "component": "controller"},
        ("DaemonSet", "metallb-system", "speaker"): {"app": "metallb", "component": "speaker"},
    }


def test_only_components_with_an_upstream_file_have_stand_ins() -> None:
    assert {name for component in COMPONENTS for name in component.upstream} == set(ENTRIES)
