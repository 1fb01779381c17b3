"""What is shown of logs, objects and events: bounded, cleaned, and without secrets."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from itertools import pairwise

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from objects import event_for, ingress, pod, service, thing

from homelab.observe.behind import containers, running, selector, services_of
from homelab.observe.happened import happened
from homelab.observe.manifest import document, documents
from homelab.observe.tail import LONGEST, Tail
from homelab.ports import Kind, Ref

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@settings(max_examples=40)
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_however_a_log_comes_in_pieces_its_lines_are_the_same(said: bytes, cuts: list[int]) -> None:
    whole, parts = Tail(), Tail()
    places = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    for begin, end in pairwise(places):
        parts.take("", said[begin:end])
    whole.take("", said)
    whole.end("")
    parts.end("")

    assert parts.lines == whole.lines
    assert all("\x1b" not in line and "\r" not in line for line in whole.lines)


def test_a_tail_is_bounded_by_lines_and_bytes_and_counts_what_went() -> None:
    short, small = Tail(most_lines=10), Tail(most_bytes=100)
    for number in range(1000):
        short.take("a", b"line %d\n" % number)
        small.take("", b"x" * 30 + b"\n")
    short.take("a", b"\n" * 500)

    assert (len(short.lines), short.gone) == (10, 1490)
    assert sum(map(len, small.lines)) <= 100 and small.gone == 997
    assert Tail().lines == ()


def test_a_line_without_end_is_broken_and_two_pods_never_mix() -> None:
    tail = Tail()
    tail.take("a", b"x" * (2 * LONGEST + 5))
    tail.take("b", b"half ")
    tail.take("a", b"\n")
    tail.take("b", b"whole\n")

    assert [len(line) for line in tail.lines[:3]] == [LONGEST + 3, LONGEST + 3, 8]
    assert tail.lines[3] == "b  half whole"


def test_yaml_keeps_all_but_the_servers_books_and_what_is_secret() -> None:
    users = b"anna:$2y$10$hash\n"
    secret = {**thing("v1", "Secret", "users", "apps"), "data": {"users": base64.b64encode(users).decode()}}
    secret["metadata"] |= {
        "managedFields": [{"manager": "x"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hash", "kept": "yes"},
    }

    text = "\n".join(document(secret))

    found = yaml.safe_load(text)
    assert found["data"] == {"users": f"<{len(users)} bytes, hidden>"}
    assert found["metadata"]["annotations"] == {"kept": "<3 bytes, hidden>"}
    assert "managedFields" not in text and "hash" not in text
    odd = {**secret, "data": {"a": "no base64!", "b": None}, "stringData": {"c": "ü"}}
    assert yaml.safe_load("\n".join(document(odd)))["stringData"] == {"c": "<2 bytes, hidden>"}
    assert documents([secret, service("web")])[len(document(secret))] == "---"


def test_texts_of_several_lines_are_shown_as_they_are_and_cannot_steer() -> None:
    found = {**thing("v1", "ConfigMap", "web", "apps"), "data": {"a": "one\ntwo\n", "b": "\x1b[2J"}}

    lines = document(found)

    assert "  a: |" in lines and "    two" in lines
    assert not any("\x1b" in line for line in lines)


def test_events_are_those_of_this_life_newest_last() -> None:
    ours, other = service("web"), service("web")
    other["metadata"]["uid"] = "another"
    events = [
        event_for(ours, "Second", "b", "2026-11-23T05:30:00Z"),
        event_for(other, "Deleted", "an older one of that name"),
        event_for(ours, "First", "a", "2026-11-23T03:00:00Z"),
    ]

    found = happened(events, [ours], NOW)

    assert [(one.reason, one.age, one.count) for one in found] == [("First", "3 h", 1), ("Second", "30 min", 1)]


def test_the_pods_that_speak_for_a_row_are_its_own_before_those_it_leads_to() -> None:
    web, traefik = Ref.of(service("web")), Ref(Kind("v1", "Pod"), "homelab", "traefik-0")
    issuer = Ref(Kind("batch/v1", "CronJob"), "homelab", "issuer")
    source = Ref.of(ingress("web", "web.home.test"))

    assert running((source, web)) == (web,)
    assert running((source, issuer)) == (issuer,)
    assert running((web, traefik)) == (traefik,)
    assert running(()) == ()
    assert services_of(ingress("web", "web.home.test")) == (web,)
    assert selector({**service("web"), "spec": {"selector": {"b": "2", "a": "1"}}}) == "a=1,b=2"


def test_an_init_container_speaks_until_it_has_ended_well() -> None:
    def with_init(state: dict[str, object]) -> list[str]:
        found = pod("web-1")
        found["spec"] = {"initContainers": [{"name": "first"}], "containers": [{"name": "web"}, {"name": "side"}]}
        found["status"] = {"initContainerStatuses": [{"name": "first", "state": state}]}
        return [one.label for one in containers([found])]

    assert with_init({"running": {}}) == ["web-1"]
    assert with_init({"terminated": {"exitCode": 0}}) == ["web-1/web", "web-1/side"]
