"""When is an object done: the kstatus rules, example by example, and that no object can make them raise."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from objects import broken, load_balancer, service, thing

from homelab.ports import Raw
from homelab.stack.readiness import READY, State, Status, status

DEPLOYMENT = thing(
    "apps/v1",
    "Deployment",
    "web",
    "apps",
    generation=2,
    spec={"replicas": 2},
    status={
        "observedGeneration": 2,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}],
    },
)
STATEFUL_SET = thing(
    "apps/v1",
    "StatefulSet",
    "store",
    "apps",
    generation=1,
    spec={"replicas": 3},
    status={
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 3,
        "currentReplicas": 3,
        "currentRevision": "store-a",
        "updateRevision": "store-a",
    },
)
DAEMON_SET = thing(
    "apps/v1",
    "DaemonSet",
    "speaker",
    "apps",
    generation=1,
    status={
        "observedGeneration": 1,
        "desiredNumberScheduled": 3,
        "updatedNumberScheduled": 3,
        "numberReady": 3,
        "numberAvailable": 3,
    },
)
JOB = thing("batch/v1", "Job", "load", "apps", status={"conditions": [{"type": "Complete", "status": "True"}]})
DEFINITION = thing(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "ipaddresspools.metallb.io",
    status={
        "conditions": [{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}],
    },
)
CLAIM = thing("v1", "PersistentVolumeClaim", "data", "apps", status={"phase": "Bound"})
ADDRESSED = load_balancer("web", "192.168.1.20", wanted="192.168.1.20")
SPACE = thing("v1", "Namespace", "apps", status={"phase": "Active"})
POOL = thing("metallb.io/v1beta1", "IPAddressPool", "home", "metallb-system", status={"conditions": []})
DONE = [DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, DEFINITION, CLAIM, ADDRESSED, SPACE, POOL, service("web")]


def with_status(obj: Raw, **changes: Any) -> Raw:
    """The object with some fields of its status changed; None takes a field away."""
    new = {key: value for key, value in {**obj["status"], **changes}.items() if value is not None}
    return {**obj, "status": new}


def with_meta(obj: Raw, **changes: Any) -> Raw:
    return {**obj, "metadata": obj["metadata"] | changes}


def condition(kind: str, value: str, message: str = "", reason: str = "") -> list[Raw]:
    return [{"type": kind, "status": value, "message": message, "reason": reason}]


def progressing(why: str) -> Status:
    return Status(State.PROGRESSING, why)


def failed(why: str) -> Status:
    return Status(State.FAILED, why)


@pytest.mark.parametrize("obj", DONE, ids=lambda obj: obj["kind"])
def test_what_is_done_is_ready(obj: Raw) -> None:
    assert status(obj) == READY
    assert status(obj).ready


@pytest.mark.parametrize("obj", DONE, ids=lambda obj: obj["kind"])
def test_what_is_being_deleted_is_not_ready(obj: Raw) -> None:
    assert status(with_meta(obj, deletionTimestamp="2026-11-23T05:00:00Z")) == progressing("it is being deleted")


@pytest.mark.parametrize("obj", [DEPLOYMENT, STATEFUL_SET, DAEMON_SET, with_status(POOL, observedGeneration=1)])
def test_a_status_from_before_the_last_change_counts_for_nothing(obj: Raw) -> None:
    changed = with_meta(obj, generation=obj["status"]["observedGeneration"] + 1)

    assert status(changed) == progressing("its controller has not seen the change yet")


@pytest.mark.parametrize("obj", [DEPLOYMENT, STATEFUL_SET, DAEMON_SET], ids=lambda obj: obj["kind"])
@pytest.mark.parametrize("empty", [{}, None])
def test_a_new_workload_without_a_status_was_not_seen_yet(obj: Raw, empty: Any) -> None:
    assert status({**obj, "status": empty}) == progressing("its controller has not seen it yet")


# Deployment


@pytest.mark.parametrize(
    ("count", "why"),
    [
        ("updatedReplicas", "1 of 2 replicas updated"),
        ("readyReplicas", "1 of 2 replicas ready"),
        ("availableReplicas", "1 of 2 replicas available"),
    ],
)
def test_a_deployment_waits_for_each_of_its_counts(count: str, why: str) -> None:
    assert status(with_status(DEPLOYMENT, **{count: 1})) == progressing(why)


def test_a_count_that_is_missing_is_none_yet() -> None:
    """The API leaves zeros out."""
    assert status(with_status(DEPLOYMENT, readyReplicas=None)) == progressing("0 of 2 replicas ready")


def test_a_deployment_waits_for_its_old_replicas_to_end() -> None:
    assert status(with_status(DEPLOYMENT, replicas=3)) == progressing("1 old replicas still running")


def test_a_deployment_past_its_deadline_failed_and_says_what_kubernetes_said() -> None:
    conditions = condition("Progressing", "False", "ReplicaSet web-1 has timed out", "ProgressDeadlineExceeded")

    late = with_status(DEPLOYMENT, readyReplicas=1, conditions=conditions)

    assert status(late) == failed("ReplicaSet web-1 has timed out")


def test_a_deployment_without_replicas_in_its_spec_wants_one() -> None:
    assert status({**with_status(DEPLOYMENT, replicas=1), "spec": {}}) == READY
    assert status({**with_status(DEPLOYMENT, replicas=1, readyReplicas=0), "spec": {}}).why == "0 of 1 replicas ready"


def test_a_deployment_scaled_to_nothing_is_ready_once_nothing_runs() -> None:
    asleep = {**DEPLOYMENT, "spec": {"replicas": 0}}

    assert status(asleep) == progressing("2 old replicas still running")
    assert status({**asleep, "status": {"observedGeneration": 2}}) == READY


COUNTS = st.integers(0, 4)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_deployment_is_ready_exactly_when_every_count_is_reached_and_nothing_old_runs(
    wanted: int, running: int, updated: int, ready: int, available: int
) -> None:
    counts = {"replicas": running, "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": available}
    obj = {**with_status(DEPLOYMENT, **counts), "spec": {"replicas": wanted}}

    assert status(obj).ready == (running <= wanted <= min(updated, ready, available))


# StatefulSet, DaemonSet


def test_a_stateful_set_waits_for_replicas_of_the_old_revision() -> None:
    rolling = with_status(STATEFUL_SET, updateRevision="store-b")

    assert status(rolling) == progressing("replicas of the old revision are still running")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"readyReplicas": 2}, "2 of 3 replicas ready"),
        ({"currentReplicas": 1}, "1 of 3 replicas current"),
        ({"replicas": 4}, "1 old replicas still running"),
    ],
)
def test_a_stateful_set_waits_for_its_counts(changes: dict[str, int], why: str) -> None:
    assert status(with_status(STATEFUL_SET, **changes)) == progressing(why)


@pytest.mark.parametrize(
    ("count", "why"),
    [
        ("updatedNumberScheduled", "2 of 3 pods updated"),
        ("numberReady", "2 of 3 pods ready"),
        ("numberAvailable", "2 of 3 pods available"),
    ],
)
def test_a_daemon_set_waits_for_a_pod_on_every_wanted_node(count: str, why: str) -> None:
    assert status(with_status(DAEMON_SET, **{count: 2})) == progressing(why)


def test_a_daemon_set_whose_controller_has_not_counted_the_nodes_is_awaited() -> None:
    uncounted = with_status(DAEMON_SET, desiredNumberScheduled=None)

    assert status(uncounted) == progressing("its controller has not seen it yet")


def test_a_daemon_set_that_no_node_wants_is_ready() -> None:
    nowhere = {"observedGeneration": 1, "desiredNumberScheduled": 0}

    assert status({**DAEMON_SET, "status": nowhere}) == READY


# Job, CustomResourceDefinition, PersistentVolumeClaim, Namespace


@pytest.mark.parametrize("seen", [None, {}, {"active": 1}, {"conditions": condition("Complete", "False")}])
def test_a_job_that_has_not_ended_is_awaited(seen: Any) -> None:
    assert status({**JOB, "status": seen}) == progressing("it has not completed")


def test_a_failed_job_says_why() -> None:
    over = with_status(JOB, conditions=condition("Failed", "True", "Job has reached the specified backoff limit"))

    assert status(over) == failed("Job has reached the specified backoff limit")


def test_a_kind_whose_names_are_taken_failed() -> None:
    refused = with_status(DEFINITION, conditions=condition("NamesAccepted", "False", '"pools" is already in use'))

    assert status(refused) == failed('"pools" is already in use')


@pytest.mark.parametrize(
    "conditions",
    [[], condition("Established", "False"), condition("NamesAccepted", "True"), condition("Other", "True")],
)
def test_a_kind_that_is_not_served_yet_is_awaited(conditions: list[Raw]) -> None:
    assert status(with_status(DEFINITION, conditions=conditions)) == progressing("its kind is not served yet")


@pytest.mark.parametrize(
    ("seen", "phase"), [({}, "Pending"), ({"phase": "Pending"}, "Pending"), ({"phase": "Lost"}, "Lost")]
)
def test_a_claim_waits_for_its_volume(seen: Raw, phase: str) -> None:
    assert status({**CLAIM, "status": seen}) == progressing(f"its volume is {phase}")


def test_a_namespace_that_is_going_is_not_ready() -> None:
    assert status(with_status(SPACE, phase="Terminating")) == progressing("it is being deleted")


# Service


def test_a_load_balancer_service_waits_for_an_address() -> None:
    assert status(load_balancer("web")) == progressing("it has no address yet")
    assert status(load_balancer("web", wanted="192.168.1.20")) == progressing(
        "it has no address yet (wanted 192.168.1.20)"
    )


def test_a_load_balancer_service_with_another_address_than_the_wanted_one_is_not_done() -> None:
    other = load_balancer("web", "192.168.1.17", wanted="192.168.1.20")

    assert status(other) == progressing("it has 192.168.1.17, wanted is 192.168.1.20")


def test_a_load_balancer_service_that_wants_none_in_particular_takes_any() -> None:
    assert status(load_balancer("web", "192.168.1.17")) == READY


def test_of_several_addresses_one_must_be_the_wanted_one() -> None:
    assert status(load_balancer("web", "fd00::20", "192.168.1.20", wanted="192.168.1.20")) == READY


def test_a_host_name_alone_is_no_address() -> None:
    cloud = load_balancer("web")
    cloud["status"]["loadBalancer"]["ingress"] = [{"hostname": "lb.example.com"}]

    assert status(cloud) == progressing("it has no address yet")


def test_other_services_need_no_address() -> None:
    assert status({**service("web"), "status": None}) == READY


# Kinds without a rule


@pytest.mark.parametrize("obj", [thing("v1", "ConfigMap", "x", "apps"), thing("example.test/v1", "Whatever", "x")])
def test_a_kind_without_a_rule_is_ready_when_it_exists(obj: Raw) -> None:
    assert status(obj) == READY


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (condition("Ready", "True"), READY),
        (condition("Ready", "Unknown"), READY),
        (condition("Ready", "False", "no endpoints"), progressing("no endpoints")),
        (condition("Ready", "False"), progressing("it is not ready")),
        (condition("Stalled", "True", "wrong spec"), failed("wrong spec")),
        (condition("Stalled", "True"), failed("stalled")),
        (condition("Reconciling", "True", "working") + condition("Ready", "True"), progressing("working")),
        (condition("Stalled", "False") + condition("Ready", "True"), READY),
    ],
)
def test_the_usual_conditions_of_other_kinds_are_understood(conditions: list[Raw], expected: Status) -> None:
    assert status(with_status(POOL, conditions=conditions)) == expected


# Anything at all


@pytest.mark.parametrize("obj", DONE, ids=lambda obj: obj["kind"])
@pytest.mark.parametrize("part", ["metadata", "spec", "status"])
@pytest.mark.parametrize("nothing", [None, {}, "drop"])
def test_a_missing_or_null_part_is_read_as_empty(obj: Raw, part: str, nothing: Any) -> None:
    hurt = deepcopy(obj)
    if nothing == "drop":
        hurt.pop(part, None)
    else:
        hurt[part] = nothing

    assert status(hurt) == status({**obj, part: {}})


@given(st.sampled_from(DONE).flatmap(broken))
def test_no_damage_to_any_object_makes_it_raise(obj: Any) -> None:
    found = status(obj)

    assert found.state in State
    assert isinstance(found.why, str)
