"""What a removal takes and in which order, what it leaves and why: decided before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import permutations

import pytest
from objects import by_helm, ours, thing

from homelab.ports import Kind, Raw, Ref
from homelab.stack.components import INCLUDE
from homelab.stack.delete import Removal, decide
from homelab.stack.inventory import Entry

ALL = frozenset(INCLUDE)

NAMESPACE = Kind("v1", "Namespace")
DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
CLAIM = Kind("v1", "PersistentVolumeClaim")
SECRET = Kind("v1", "Secret")
SERVICE = Kind("v1", "Service")
DEPLOYMENT = Kind("apps/v1", "Deployment")
POOL = Kind("metallb.io/v1beta1", "IPAddressPool")
MIDDLEWARE = Kind("traefik.io/v1alpha1", "Middleware")


def entry(stage: str, kind: Kind, name: str, namespace: str | None = None) -> Entry:
    return Entry(stage, Ref(kind, namespace, name))


def alive(known: Entry, **labels: str) -> Raw:
    """The live object of an entry, as we made it."""
    ref = known.ref
    return ours(thing(ref.kind.api_version, ref.kind.name, ref.name, ref.namespace), **labels)


def decided(
    known: Iterable[Entry],
    include: frozenset[str] = ALL,
    others: Mapping[Ref, str] | None = None,
    live: Mapping[Ref, Raw | None] | None = None,
) -> Removal:
    """What a removal of our live objects would do; `live` says which are otherwise."""
    entries = list(known)
    return decide(entries, {e.ref: alive(e) for e in entries} | dict(live or {}), others or {}, include, None)


def names(removal: Removal) -> list[str]:
    return [str(found.ref) for found, _ in removal.gone]


def reasons(removal: Removal) -> dict[str, str]:
    return {str(found.entry.ref): found.why for found in removal.kept}


WHOAMI = entry("apps", DEPLOYMENT, "whoami", "whoami")
TRAEFIK = entry("internal", DEPLOYMENT, "traefik", "homelab")
DOOR = entry("internal", SERVICE, "traefik", "homelab")
HOME_ONLY = entry("internal", MIDDLEWARE, "home-only", "homelab")
KINDS = entry("routing", DEFINITION, "middlewares.traefik.io")
METALLB = entry("load-balancer", DEPLOYMENT, "controller", "metallb-system")
WEBHOOK = entry("load-balancer", SERVICE, "webhook", "metallb-system")
POOLS = entry("load-balancer", DEFINITION, "ipaddresspools.metallb.io")
HOME = entry("load-balancer", POOL, "home", "metallb-system")
SPACE = entry("load-balancer", NAMESPACE, "metallb-system")


# What goes, in which order


@pytest.mark.parametrize("known", list(permutations([METALLB, KINDS, TRAEFIK, WHOAMI])))
def test_stages_go_in_reverse(known: tuple[Entry, ...]) -> None:
    assert [found.stage for found, _ in decided(known).gone] == ["apps", "internal", "routing", "load-balancer"]


def test_within_a_stage_goes_first_what_needs_a_controller_and_names_last() -> None:
    assert names(decided([SPACE, POOLS, METALLB, WEBHOOK, HOME])) == [
        "IPAddressPool metallb-system/home",
        "Service metallb-system/webhook",
        "Deployment metallb-system/controller",
        "CustomResourceDefinition ipaddresspools.metallb.io",
        "Namespace metallb-system",
    ]


def test_every_service_with_an_address_goes_before_metallb() -> None:
    """Else its finalizer hangs. Source: MetalLB's service controller."""
    order = names(decided([METALLB, DOOR, TRAEFIK, HOME_ONLY]))

    assert order == [
        "Middleware homelab/home-only",
        "Service homelab/traefik",
        "Deployment homelab/traefik",
        "Deployment metallb-system/controller",
    ]


def test_each_goes_by_the_uid_that_was_seen() -> None:
    """So that an object made anew in the meantime is not deleted."""
    assert decided([WHOAMI]).gone == ((WHOAMI, "uid-of-whoami"),)


def test_a_stage_of_a_newer_version_goes_first() -> None:
    newer = entry("garage", DEPLOYMENT, "door", "homelab")

    assert decided([METALLB, newer, WHOAMI]).gone[0] == (newer, "uid-of-door")


# What stays

VOLUME = entry("apps", CLAIM, "data", "whoami")
CERTIFICATE = entry("apps", SECRET, "cloud", "whoami")
MARKED = {CERTIFICATE.ref: alive(CERTIFICATE, **{"homelab-tui/certificate": "cloud.domain.com"})}
PROTECTED = [(POOLS, "crds"), (SPACE, "namespaces"), (VOLUME, "volumes"), (CERTIFICATE, "certificates")]


@pytest.mark.parametrize(("known", "word"), PROTECTED)
def test_what_cannot_be_made_anew_stays_unless_its_word_is_given(known: Entry, word: str) -> None:
    without = decided([known], ALL - {word}, live=MARKED)

    assert (names(without), reasons(without)) == ([], {str(known.ref): f"kept without --include {word}"})
    assert names(decided([known], frozenset({word}), live=MARKED)) == [str(known.ref)]


def test_a_secret_that_holds_no_certificate_is_not_protected() -> None:
    assert names(decided([CERTIFICATE], frozenset())) == ["Secret whoami/cloud"]


def test_what_others_need_stays_whatever_is_included() -> None:
    found = decided([POOLS, METALLB], others={POOLS.ref: "IPAddressPool net/theirs"})

    assert names(found) == ["Deployment metallb-system/controller"]
    assert reasons(found) == {str(POOLS.ref): "needed by objects of others: IPAddressPool net/theirs"}


APP_SPACE = entry("apps", NAMESPACE, "whoami")


@pytest.mark.parametrize("inside", [VOLUME, CERTIFICATE])
def test_a_namespace_does_not_take_with_it_what_is_to_stay(inside: Entry) -> None:
    """`--include namespaces` alone must not destroy a volume or a certificate."""
    found = decided([APP_SPACE, inside, WHOAMI], frozenset({"namespaces"}), live=MARKED)

    assert names(found) == ["Deployment whoami/whoami"]
    assert reasons(found)["Namespace whoami"] == f"holds {inside.ref}, which stays"


def test_a_namespace_goes_when_what_stays_is_in_another() -> None:
    assert "Namespace metallb-system" in names(decided([SPACE, VOLUME], frozenset({"namespaces"})))


# What is forgotten


@pytest.mark.parametrize(
    "live",
    [
        None,
        thing("apps/v1", "Deployment", "whoami", "whoami"),
        by_helm(alive(WHOAMI), "whoami"),
    ],
    ids=["gone", "somebody's", "Helm's"],
)
def test_what_is_gone_or_no_longer_ours_is_only_forgotten(live: Raw | None) -> None:
    found = decided([WHOAMI, TRAEFIK], live={WHOAMI.ref: live})

    assert found.forgotten == {WHOAMI}
    assert names(found) == ["Deployment homelab/traefik"]
    assert found.kept == ()


def test_nothing_known_is_nothing_to_do() -> None:
    assert decided([]) == Removal((), (), frozenset(), None)


def test_every_known_entry_goes_stays_or_is_forgotten() -> None:
    known = {SPACE, POOLS, METALLB, WEBHOOK, HOME, KINDS, TRAEFIK, DOOR, WHOAMI, VOLUME, APP_SPACE}

    found = decided(known, frozenset({"namespaces"}), {SPACE.ref: "Service a/b"}, {DOOR.ref: None})

    gone, kept = {item for item, _ in found.gone}, {item.entry for item in found.kept}
    assert gone | kept | found.forgotten == known
    assert len(gone) + len(kept) + len(found.forgotten) == len(known)
