"""Why something is not ready, in the words of its pods and events, for the person who waits."""

from __future__ import annotations

from typing import Any

import pytest
from objects import event_for, pod, service, thing

from homelab.ports import Raw
from homelab.stack.reasons import explain

WEB = thing("apps/v1", "Deployment", "web", "homelab", spec={"selector": {"matchLabels": {"app": "web"}}})


def waiting(reason: str, message: str = "", **more: Any) -> Raw:
    state: Raw = {"reason": reason, **({"message": message} if message else {})}
    return {"name": "main", "ready": False, "state": {"waiting": state}, **more}


def ended(code: int, reason: str) -> Raw:
    return {"terminated": {"exitCode": code, "reason": reason}}


def warning(obj: Raw, reason: str, message: str, at: str | None = "2026-11-23T05:00:00Z", **more: Any) -> Raw:
    return {**event_for(obj, reason, message), "type": "Warning", "lastTimestamp": at, **more}


# Pods


def test_an_image_that_cannot_be_had_is_named() -> None:
    stuck = pod("web-1", "homelab", waiting("ImagePullBackOff", 'Back-off pulling image "traefik:v9"'))

    assert explain(WEB, [stuck], []) == ('pod web-1: ImagePullBackOff: Back-off pulling image "traefik:v9"',)


def test_a_container_that_crashes_tells_how_it_ended() -> None:
    state = waiting("CrashLoopBackOff", "back-off 40s restarting failed container", lastState=ended(1, "Error"))

    assert explain(WEB, [pod("web-1", "homelab", state)], []) == (
        "pod web-1: CrashLoopBackOff: back-off 40s restarting failed container",
        "pod web-1: container main ended with 1 (Error)",
    )


def failed(said: str, where: str = "state") -> Raw:
    """A container whose program has said why it failed."""
    state = ended(1, "Error")
    state["terminated"]["message"] = f'{{"event": "waiting"}}\n{{"event": "failed", "error": "{said}"}}\n'
    return {"name": "loader", "ready": False, where: state}


@pytest.mark.parametrize("where", ["state", "lastState"])
def test_a_program_of_ours_that_failed_is_told_in_its_own_last_words(where: str) -> None:
    assert explain(WEB, [pod("web-1", "homelab", failed("line 3: no such key", where))], []) == (
        "pod web-1: container loader ended with 1 (Error): line 3: no such key",
    )


def test_a_job_tells_of_its_last_try() -> None:
    job = thing("batch/v1", "Job", "load", "homelab")
    tries = [pod(f"load-{number}", "homelab", failed(f"try {number}")) for number in (1, 3, 2)]
    for one, second in zip(tries, (1, 3, 2), strict=True):
        one["metadata"] |= {"ownerReferences": [{"uid": job["metadata"]["uid"]}]}
        one["metadata"] |= {"creationTimestamp": f"2026-11-23T05:00:0{second}Z"}

    assert explain(job, [*tries, pod("web-1", "homelab", failed("not mine"))], []) == (
        "pod load-3: container loader ended with 1 (Error): try 3",
    )


def test_what_ended_well_explains_nothing() -> None:
    assert (
        explain(WEB, [pod("web-1", "homelab", {"name": "a", "ready": False, "state": ended(0, "Completed")})], []) == ()
    )


def test_a_reason_without_a_message_stands_alone() -> None:
    assert explain(WEB, [pod("web-1", "homelab", waiting("CreateContainerError"))], []) == (
        "pod web-1: CreateContainerError",
    )


def test_a_container_of_the_start_is_looked_at_too() -> None:
    starting = pod("web-1")
    starting["status"]["initContainerStatuses"] = [waiting("ErrImagePull", "not found")]

    assert explain(WEB, [starting], []) == ("pod web-1: ErrImagePull: not found",)


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_a_container_that_is_only_starting_has_nothing_to_say(reason: str) -> None:
    assert explain(WEB, [pod("web-1", "homelab", waiting(reason))], []) == ()


def test_a_restart_that_a_container_got_over_explains_nothing() -> None:
    """After a power cut every container has one, and the three lines belong to what hangs."""
    well = {"name": "main", "ready": True, "state": {"running": {}}, "lastState": ended(255, "Unknown")}
    pods = [*(pod(f"web-{at}", "homelab", well) for at in range(5)), pod("web-9", "homelab", waiting("ErrImagePull"))]

    assert explain(WEB, pods, []) == ("pod web-9: ErrImagePull",)


def test_a_pod_that_finds_no_node_says_what_the_scheduler_said() -> None:
    conditions = [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: too little memory"}]

    assert explain(WEB, [pod("web-1", conditions=conditions)], []) == (
        "pod web-1 finds no node: 0/3 nodes are available: too little memory",
    )


def test_a_pod_that_found_its_node_has_nothing_to_say() -> None:
    scheduled = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False", "message": "no"}]

    assert explain(WEB, [pod("web-1", conditions=scheduled)], []) == ()


def test_pods_of_others_are_passed_over() -> None:
    other = pod("api-1", "homelab", waiting("ImagePullBackOff"), app="api")

    assert explain(WEB, [other], [warning(other, "Failed", "pull")]) == ()


def test_a_pod_without_labels_is_somebody_else_s() -> None:
    bare = thing("v1", "Pod", "web-1", "homelab", labels=None)

    assert explain(WEB, [bare], [warning(bare, "Failed", "pull")]) == ()


def test_an_object_without_a_selector_has_no_pods() -> None:
    """The selector of a Service is no list of pods that it runs."""
    assert explain(service("web", namespace="homelab"), [pod("web-1", "homelab", waiting("ErrImagePull"))], []) == ()


@pytest.mark.parametrize("empty", [{}, {"status": None}, {"status": {"containerStatuses": None, "conditions": None}}])
def test_a_pod_that_has_no_status_yet_has_nothing_to_say(empty: Raw) -> None:
    assert explain(WEB, [{**thing("v1", "Pod", "web-1", "homelab", labels={"app": "web"}), **empty}], []) == ()


# Events


def test_a_warning_about_the_object_is_told() -> None:
    refusal = warning(service("web"), "AllocationFailed", "no available IPs")

    assert explain(service("web"), [], [refusal]) == ("service web: AllocationFailed: no available IPs",)


def test_a_warning_about_one_of_its_pods_is_told() -> None:
    mine = pod("web-1")

    assert explain(WEB, [mine], [warning(mine, "FailedMount", "no such volume")]) == (
        "pod web-1: FailedMount: no such volume",
    )


def test_a_warning_about_a_deployment_s_replica_set_is_told() -> None:
    replicas = thing("apps/v1", "ReplicaSet", "web-5d4f8", "homelab")

    assert explain(WEB, [], [warning(replicas, "FailedCreate", "exceeded quota")]) == (
        "replicaset web-5d4f8: FailedCreate: exceeded quota",
    )


def test_events_that_warn_of_nothing_are_passed_over() -> None:
    assert explain(WEB, [], [{**warning(WEB, "ScalingReplicaSet", "scaled up"), "type": "Normal"}]) == ()


NAMESAKE = service("web", namespace="homelab")
NAMESAKE["metadata"]["uid"] = "uid-of-the-service"
FORMER = {**WEB, "metadata": WEB["metadata"] | {"uid": "uid-of-a-former-web"}}


@pytest.mark.parametrize(
    "other",
    [
        thing("apps/v1", "Deployment", "api", "homelab"),
        thing("apps/v1", "ReplicaSet", "web-admin-5d4f8", "homelab"),
        thing("apps/v1", "ReplicaSet", "web", "homelab"),
        NAMESAKE,
        FORMER,
    ],
    ids=["another", "a longer name", "a shorter name", "a Service of its name", "a deleted one of its name"],
)
def test_warnings_about_other_objects_are_not_told(other: Raw) -> None:
    assert explain(WEB, [], [warning(other, "Failed", "not mine")]) == ()


def test_a_service_is_not_told_of_its_deployment_s_replica_set() -> None:
    replicas = thing("apps/v1", "ReplicaSet", "web-5d4f8", "homelab")

    assert explain(NAMESAKE, [], [warning(replicas, "FailedCreate", "exceeded quota")]) == ()


def test_of_an_object_that_is_not_there_nothing_is_told() -> None:
    nobody = {**warning(WEB, "Failed", "x"), "involvedObject": None}

    assert explain({}, [pod("web-1", "homelab", waiting("ErrImagePull"))], [warning(WEB, "Failed", "x"), nobody]) == ()


def test_the_newest_warning_comes_first_whatever_field_its_time_is_in() -> None:
    oldest = warning(WEB, "A", "oldest", None)
    oldest["metadata"]["creationTimestamp"] = "2026-11-23T04:00:00Z"
    older = warning(WEB, "B", "older", "2026-11-23T05:00:00Z")
    newer = warning(WEB, "C", "newer", None, eventTime="2026-11-23T05:00:00.500000Z")

    found = explain(WEB, [], [older, oldest, newer])

    assert found == ("deployment web: C: newer", "deployment web: B: older", "deployment web: A: oldest")


def test_a_warning_that_is_repeated_is_as_new_as_its_last_time() -> None:
    again = {"series": {"count": 9, "lastObservedTime": "2026-11-23T07:00:00.000000Z"}}
    first = warning(WEB, "A", "again and again", None, eventTime="2026-11-23T05:00:00.000000Z", **again)

    assert explain(WEB, [], [warning(WEB, "B", "once", "2026-11-23T06:00:00Z"), first])[0].endswith("again and again")


def test_what_pods_say_comes_before_events_nothing_twice_and_three_at_most() -> None:
    stuck = pod("web-1", "homelab", waiting("ErrImagePull"))
    repeated = [warning(stuck, "Failed", f"{at // 2}", f"2026-11-23T05:00:0{at}Z") for at in range(8)]

    assert explain(WEB, [stuck], repeated) == (
        "pod web-1: ErrImagePull",
        "pod web-1: Failed: 3",
        "pod web-1: Failed: 2",
    )
