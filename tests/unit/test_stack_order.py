"""What comes before what, what has left the plan, and the record that remembers it."""

from __future__ import annotations

from itertools import permutations
from unittest.mock import create_autospec

import pytest
from hypothesis import given
from hypothesis import strategies as st
from objects import thing

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.ports import ClusterError, Kind, Outdated, Raw, Ref
from homelab.stack import inventory
from homelab.stack.inventory import Entry, as_object, entries
from homelab.stack.order import removal_rank, waves
from homelab.stack.render import Rendered
from homelab.stack.stale import stale

NAMESPACE = Kind("v1", "Namespace")
DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
CLAIM = Kind("v1", "PersistentVolumeClaim")
CONFIG = Kind("v1", "ConfigMap")
SERVICE = Kind("v1", "Service")
DEPLOYMENT = Kind("apps/v1", "Deployment")
ROLE = Kind("rbac.authorization.k8s.io/v1", "ClusterRole")
WEBHOOK = Kind("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
POOL = Kind("metallb.io/v1beta1", "IPAddressPool")
MIDDLEWARE = Kind("traefik.io/v1alpha1", "Middleware")


def item(kind: Kind, name: str = "x", namespace: str | None = "apps", stage: str = "apps") -> Rendered:
    return Rendered(stage, "web", thing(kind.api_version, kind.name, name, namespace))


def entry(kind: Kind, name: str = "x", namespace: str | None = "apps", stage: str = "apps") -> Entry:
    return Entry(stage, Ref(kind, namespace, name))


# Waves


@pytest.mark.parametrize("order", list(permutations([NAMESPACE, DEPLOYMENT, POOL])))
def test_names_come_first_then_what_kubernetes_knows_then_custom_resources(order: tuple[Kind, ...]) -> None:
    assert [[i.ref.kind for i in wave] for wave in waves(map(item, order))] == [[NAMESPACE], [DEPLOYMENT], [POOL]]


def test_all_that_need_not_wait_for_each_other_are_one_wave() -> None:
    kinds = [NAMESPACE, DEFINITION, SERVICE, DEPLOYMENT, ROLE, WEBHOOK, CONFIG, POOL, MIDDLEWARE]

    found = [{i.ref.kind for i in wave} for wave in waves(map(item, kinds))]

    assert found == [{NAMESPACE, DEFINITION}, {SERVICE, DEPLOYMENT, ROLE, WEBHOOK, CONFIG}, {POOL, MIDDLEWARE}]


def test_a_stage_without_objects_has_no_waves() -> None:
    assert waves([]) == []


def test_within_a_wave_the_order_of_the_manifests_stays() -> None:
    (wave,) = waves([item(CONFIG, "b"), item(SERVICE, "a"), item(CONFIG, "a")])

    assert [str(i.ref) for i in wave] == ["ConfigMap apps/b", "Service apps/a", "ConfigMap apps/a"]


@pytest.mark.parametrize("order", list(permutations([POOL, SERVICE, DEPLOYMENT, DEFINITION, NAMESPACE])))
def test_removal_begins_with_what_needs_a_controller_and_ends_with_names(order: tuple[Kind, ...]) -> None:
    refs = sorted((Ref(kind, None, "x") for kind in order), key=removal_rank)

    assert [ref.kind for ref in refs] == [POOL, SERVICE, DEPLOYMENT, DEFINITION, NAMESPACE]


# What has left the plan


def test_what_the_plan_no_longer_has_is_stale() -> None:
    known = [entry(CONFIG, "old"), entry(CONFIG, "new"), entry(SERVICE, "old")]

    assert stale(known, (item(CONFIG, "new"),)) == (entry(CONFIG, "old"), entry(SERVICE, "old"))


def test_a_namesake_in_another_namespace_or_of_another_kind_is_another_object() -> None:
    known = [entry(CONFIG, namespace="other"), entry(SERVICE)]

    assert set(stale(known, (item(CONFIG),))) == set(known)


def test_an_object_whose_manifest_moved_to_another_version_of_its_group_is_the_same_object() -> None:
    """Deleting the old name would delete what was applied by the new one."""
    newer = Kind("metallb.io/v1beta2", "IPAddressPool")

    assert stale([entry(POOL)], (item(newer),)) == ()


def test_a_kind_of_the_same_name_in_another_group_is_another_object() -> None:
    theirs = Kind("traefik.containo.us/v1alpha1", "Middleware")

    assert stale([entry(theirs)], (item(MIDDLEWARE),)) == (entry(theirs),)


def test_stages_that_were_not_rendered_are_not_looked_at() -> None:
    assert stale([entry(CONFIG, "old", stage="internal")], (item(CONFIG),)) == ()


def test_an_object_that_moved_to_another_rendered_stage_is_not_stale() -> None:
    assert stale([entry(CONFIG, stage="internal")], (item(CONFIG), item(SERVICE, stage="internal"))) == ()


@given(st.sampled_from([NAMESPACE, DEFINITION, CLAIM]), st.sampled_from([None, "apps"]))
def test_namespaces_kinds_and_volumes_are_never_stale(kind: Kind, namespace: str | None) -> None:
    assert stale([entry(kind, "old", namespace)], (item(CONFIG),)) == ()


# The record

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,40}[a-z0-9])?", fullmatch=True)
ROLES = st.from_regex(r"[A-Za-z0-9:_@.-]{1,40}", fullmatch=True)
"""Names of RBAC objects may hold more."""
ENTRIES = st.builds(
    Entry,
    st.sampled_from(["load-balancer", "routing", "internal", "apps"]),
    st.builds(Ref, st.sampled_from([CONFIG, SERVICE, DEPLOYMENT, POOL]), NAMES, NAMES)
    | st.builds(Ref, st.sampled_from([NAMESPACE, DEFINITION, ROLE]), st.none(), NAMES | ROLES),
)


@given(st.frozensets(ENTRIES, max_size=12))
def test_whatever_is_recorded_is_read_back(kept: frozenset[Entry]) -> None:
    assert entries(as_object(kept, None)) == kept


@given(st.lists(ENTRIES, max_size=8, unique=True).flatmap(lambda e: st.tuples(st.just(e), st.permutations(e))))
def test_the_same_entries_make_the_same_record(orders: tuple[list[Entry], list[Entry]]) -> None:
    """Else a second apply would write."""
    one, other = orders

    assert as_object(one, None) == as_object(other, None)


def test_the_record_carries_the_version_that_was_read_so_that_nobody_s_change_is_lost() -> None:
    live = thing("v1", "ConfigMap", "homelab-inventory", "homelab", resourceVersion="81")

    assert as_object([], live)["metadata"]["resourceVersion"] == "81"
    assert "resourceVersion" not in as_object([], None)["metadata"]


async def test_a_record_that_somebody_else_writes_meanwhile_says_so_and_what_to_do() -> None:
    cluster = create_autospec(KubernetesCluster, instance=True)
    cluster.apply.side_effect = Outdated("Operation cannot be fulfilled on configmaps")

    with pytest.raises(
        Outdated, match=r"somebody else is changing the stack at this moment.*run the same command again"
    ):
        await inventory.save(cluster, frozenset({Entry("base", inventory.REF)}), None)


def test_the_record_is_ours_and_bears_its_name() -> None:
    record = as_object([], None)

    assert Ref.of(record) == inventory.REF
    assert record["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "homelab-tui"}


@pytest.mark.parametrize(
    "live", [None, {}, {"data": None}, {"data": {}}, {"data": {"objects": ""}}, {"data": {"o": "x"}}]
)
def test_a_record_that_says_nothing_has_no_entries(live: Raw | None) -> None:
    assert entries(live) == frozenset()


@pytest.mark.parametrize("line", ["apps v1 ConfigMap apps", "apps v1 ConfigMap apps x y", "hand-written"])
def test_a_line_by_another_hand_is_named_with_the_way_to_mend_it(line: str) -> None:
    with pytest.raises(ClusterError, match=f"(?s)homelab-inventory.*'{line}'.*edit configmap homelab-inventory"):
        entries({"data": {"objects": f"{line}\n"}})
