"""All facts of one moment, as an object, as JSON and as text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from objects import (
    answer,
    broken,
    cronjob,
    endpoint,
    endpoints,
    event_for,
    ingress,
    job,
    l2_status,
    load_balancer,
    middleware,
    node,
    path,
    router,
    service,
)

from homelab.observe.snapshot import KINDS, SOURCES, Snapshot, Source, SourceState, World, as_json, snapshot
from homelab.observe.text import WIDTH, cells, clean, lines, shortened, wrapped
from homelab.observe.traefik import normalized

TAKEN = "2026-11-23T05:00:00Z"
LIVE = dict.fromkeys(SOURCES, Source(SourceState.LIVE, TAKEN))
LB = load_balancer("traefik-internal", "192.168.1.20", wanted="192.168.1.20", zone="internal")
WEB = service("web")
OBJECTS: dict[str, list[Any]] = {
    "nodes": [node("master1", control_plane=""), node("node1", "192.168.1.55")],
    "services": [LB, WEB],
    "servicel2statuses": [l2_status(LB, "node1")],
    "events": [event_for(LB, "nodeAssigned", "announcing from node1")],
    "ingresses": [ingress("web", "web.home.test")],
    "endpointslices": [endpoints(WEB, endpoint("10.42.0.7"))],
    "middlewares": [middleware("basic", basicAuth={"secret": "users"})],
    "ingressroutes": [],
    "pods": [],
    "configmaps": [],
    "cronjobs": [cronjob()],
    "jobs": [job("issuer-1")],
}
SERVED = answer(router("apps-web-web-home-test@kubernetes", 'Host("web.home.test") && PathPrefix("/")'))


def taken(objects: dict[str, list[Any]], **sources: Source) -> Snapshot:
    """A snapshot of a small cluster."""
    return snapshot(World(objects, [SERVED]), LIVE | sources, TAKEN)


def test_a_snapshot_joins_all_subjects() -> None:
    found = taken(OBJECTS)

    assert [n.name for n in found.nodes] == ["master1", "node1"]
    assert [(a.address, a.announced_by) for a in found.allocations] == [("192.168.1.20", "node1")]
    assert [(r.host, r.state, r.address) for r in found.routes] == [("web.home.test", "served", "192.168.1.20")]


def test_every_kind_to_watch_has_objects_here() -> None:
    assert set(KINDS) == set(OBJECTS)


def test_json_has_the_promised_shape() -> None:
    found = json.loads(json.dumps(as_json(taken(OBJECTS))))

    assert list(found) == [
        "version",
        "taken",
        "sources",
        "nodes",
        "allocations",
        "routes",
        "traefiks",
        "consul",
        "certificates",
        "issuer",
        "configuration",
        "apps",
    ]
    assert (found["version"], found["taken"]) == (1, TAKEN)
    assert found["sources"]["nodes"] == {"state": "live", "since": TAKEN, "error": None, "retry": None}
    assert found["nodes"][0]["roles"] == ["control-plane"]
    assert found["allocations"][0]["service"] == "homelab/traefik-internal"
    assert found["routes"][0]["state"] == "served"


def test_a_source_that_was_never_read_breaks_nothing() -> None:
    found = snapshot(World(), {}, TAKEN)

    assert (found.nodes, found.allocations, found.routes) == ((), (), ())
    only = snapshot(World({"ingresses": OBJECTS["ingresses"]}, [SERVED]), {}, TAKEN)
    assert [(r.state, r.endpoints) for r in only.routes] == [("served", None)]


NO_STORE = [
    "",
    "Certificates",
    "    no Ingress with the label traffic-type=external names a host",
    "",
    "Consul",
    "    none",
]


def test_text_shows_aligned_tables() -> None:
    assert lines(taken(OBJECTS)) == [
        "Nodes",
        "  NAME     ROLES          ADDRESS       ARCH   VERSION  PODS          STATE",
        "  master1  control-plane  192.168.1.50  arm64  v1.37.2  10.42.0.0/24  ✓ ready",
        "  node1    worker         192.168.1.55  arm64  v1.37.2  10.42.0.0/24  ✓ ready",
        "",
        "Allocations",
        "  ADDRESS       SERVICE                   ZONE      NODE   POLICY  POOL  STATE",
        "  192.168.1.20  homelab/traefik-internal  internal  node1  Local   home  ✓ given",
        "",
        "Routes",
        "  HOST           PATH  ZONE      AUTH  TLS  SERVICE      ENDPOINTS  STATE",
        "  web.home.test  /     internal  -     -    apps/web:80  1          ✓ served by 1 of 1",
        *NO_STORE,
    ]


WHOAMI = "whoami.internal.example.test"


def narrow(*paths: str, width: int = 80) -> list[str]:
    """The routes of a host with a long name that two Traefiks serve."""
    asked = [ingress("web", WHOAMI, *(path(at) for at in paths))]
    key = normalized(f"apps-web-{WHOAMI}")
    listed = [
        router(f"{key}{at.rstrip('/').replace('/', '-')}@kubernetes", f'Host("{WHOAMI}") && PathPrefix("{at}")')
        for at in paths
    ]
    answers = [answer(*listed), answer(*listed, pod="homelab/traefik-2")]
    text = lines(snapshot(World(OBJECTS | {"ingresses": asked}, answers), LIVE, TAKEN), width)
    assert all(cells(line) <= width for line in text)
    return text[text.index("Routes") + 1 : text.index("Certificates") - 1]


def test_where_room_is_short_whole_columns_go_before_a_host_or_a_state_is_cut() -> None:
    assert narrow("/") == [
        "  HOST                          ZONE      AUTH  TLS  STATE",
        "  whoami.internal.example.test  internal  -     -    ✓ served by 2 of 2",
    ]


def test_no_more_columns_go_than_must() -> None:
    assert narrow("/", width=100)[0].split() == ["HOST", "ZONE", "AUTH", "TLS", "SERVICE", "ENDPOINTS", "STATE"]


def test_paths_that_tell_routes_apart_stay() -> None:
    head, *rows = narrow("/", "/admin")

    assert head.split() == ["HOST", "PATH", "ZONE", "AUTH", "TLS", "STATE"]
    assert all("✓ served by 2 of 2" in row for row in rows)


def test_what_cannot_be_dropped_is_shortened_but_never_the_state() -> None:
    _, row = narrow("/", width=60)

    assert "…" in row
    assert row.endswith("  ✓ served by 2 of 2")


def test_nodes_and_allocations_drop_columns_too() -> None:
    text = lines(taken(OBJECTS), 60)

    assert text[1].split() == ["NAME", "ROLES", "ADDRESS", "VERSION", "STATE"]
    assert text[6].split() == ["ADDRESS", "SERVICE", "ZONE", "NODE", "STATE"]


def test_below_a_row_stands_what_is_wrong_with_it() -> None:
    text = "\n".join(lines(taken(OBJECTS | {"endpointslices": []})))

    assert "✗ no endpoint" in text
    assert "    Ingress apps/web: Service apps/web has no ready endpoint; look at its selector and pods" in text


def test_sources_that_are_not_live_are_named_with_their_error() -> None:
    error = "403: you may not list events; ask for the verbs list and watch"
    found = taken(OBJECTS, events=Source(SourceState.FAILED, TAKEN, error))

    assert lines(found)[-1] == f"▲ events failed since {TAKEN}: {error}"
    assert lines(found, followed=False)[-1] == f"▲ events failed: {error}"


def test_an_empty_table_tells_nothing_from_not_known() -> None:
    loading = Source(SourceState.LOADING)

    text = lines(snapshot(World(), LIVE | {"ingresses": loading}, TAKEN))

    assert text[:2] == ["Nodes", "    none"]
    assert "    no Service asks for an address yet; deploy with `homelab-tui apply`" in text
    assert "    not known: ingresses loading" in text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07name", "name"),
        ("a\nb\tc", "a b c"),
        ("a\u202eb\x00c\x9bd\ud800", "abcd"),
    ],
)
def test_text_cannot_steer_the_terminal(written: str, shown: str) -> None:
    assert clean(written) == shown


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert [cells(text) for text in ("abc", "日本", "e\u0301")] == [3, 4, 1]
    assert shortened("日本語です", 6) == "日本…"


def test_long_sentences_are_wrapped_and_endless_words_shortened() -> None:
    found = wrapped("    " + "word " * 40 + "x" * 300, 60)

    assert all(cells(line) <= 60 and line.startswith("    ") for line in found)
    assert found[-1].endswith("…")


@settings(max_examples=100)
@given(st.sampled_from(sorted(OBJECTS)).flatmap(lambda source: st.tuples(st.just(source), broken(OBJECTS[source]))))
def test_no_damage_to_any_object_stops_status(hurt: tuple[str, Any]) -> None:
    source, objects = hurt

    found = taken(OBJECTS | {source: objects})

    assert json.dumps(as_json(found))
    assert all(cells(line) <= WIDTH and line.isprintable() for line in lines(found))
