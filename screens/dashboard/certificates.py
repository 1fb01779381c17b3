"""Which public host has which certificate, for how long yet, and whether every replica serves it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from homelab.observe.behind import INGRESS, ISSUER
from homelab.observe.certificates import Certificate
from homelab.observe.fate import CertificateState, Served
from homelab.observe.raw import moment
from homelab.observe.snapshot import SourceState
from homelab.observe.text import (
    CERTIFICATE_HEAD,
    NOTHING,
    certificate_row,
    certificate_rows,
    certificate_word,
    until,
)
from homelab.ports import Ref
from screens.freshness import Freshness
from screens.scene import Scene
from screens.widgets.pane import Table, TablePane

NO_ISSUER = "There is no issuer of certificates yet: press 6 to deploy"
FINE = frozenset({CertificateState.VALID, CertificateState.AWAITED})
SHORT = 16
"""Digits of a fingerprint that tell two apart at a glance."""


class Certificates(TablePane):
    """Every host that Ingresses publish to the internet."""

    TITLE = "Certificates"
    NEEDS = ("ingresses", "cronjobs", "consul", "issuer")
    EMPTY = "No host is public yet: label an Ingress traffic-type=external"

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """How many are well, and when the next one is renewed."""
        found = scene.snapshot.certificates if scene.snapshot else ()
        if not found or scene.snapshot is None:
            return ()
        valid = sum(one.state is CertificateState.VALID for one in found)
        problems = sum(one.state not in FINE for one in found)
        told = f"{valid} valid{f', {problems} problem' if problems else ''}{'s' if problems > 1 else ''}"
        renewals = [one.next_renewal for one in found if one.next_renewal]
        now = datetime.fromisoformat(scene.snapshot.taken)
        return (told, *((f"next renewal in {until(min(renewals), now)}",) if renewals else ()))

    def face(self, scene: Scene, fresh: Freshness) -> tuple[Sequence[str], str]:
        """Without an issuer there is another thing to do than without hosts."""
        if fresh.state is SourceState.ABSENT:
            return (NO_ISSUER,), "dim"
        return super().face(scene, fresh)

    def data(self, scene: Scene) -> Table | None:
        """One row per host."""
        return Table(CERTIFICATE_HEAD, tuple(certificate_rows(scene.snapshot))) if scene.snapshot else None

    def details(self, key: str, scene: Scene) -> Iterable[tuple[str, str]]:
        """Everything about one certificate."""
        if scene.snapshot is None:
            return ()
        now = datetime.fromisoformat(scene.snapshot.taken)
        run = scene.snapshot.issuer.succeeded if scene.snapshot.issuer else None
        return next((facts(one, now, run) for one in scene.snapshot.certificates if one.host == key), ())

    def objects(self, key: str, scene: Scene) -> tuple[Ref, ...]:
        """The Ingresses that name the host, and the issuer."""
        found = scene.snapshot.certificates if scene.snapshot else ()
        named = next((one.ingresses for one in found if one.host == key), ())
        return (*(Ref(INGRESS, *each.split("/", 1)) for each in named), ISSUER)


def facts(one: Certificate, now: datetime, run: str | None = None) -> tuple[tuple[str, str], ...]:
    """Names and values."""
    left = certificate_row(one, now).cells[CERTIFICATE_HEAD.names.index("LIFETIME")]
    found = (
        ("Host", one.host),
        ("State", certificate_word(one)),
        ("Why", one.error),
        ("Issuer", f"{one.origin.value}{f', {one.issuer}' if one.issuer else ''}"),
        ("Lifetime", f"{left}, {day(one.not_before)} to {day(one.not_after)}" if one.not_after else None),
        ("Renewal", f"{day(one.next_renewal)}, in {until(one.next_renewal, now)}" if one.next_renewal else None),
        ("Last attempt", attempt(one)),
        ("Fingerprint", one.fingerprint),
        ("Key", matched(one, run)),
        ("Served by", ", ".join(said(each, one.fingerprint) for each in one.served) or None),
        ("From", ", ".join(f"Ingress {name}" for name in one.ingresses) or None),
    )
    return tuple((name, value) for name, value in found if value)


def matched(one: Certificate, run: str | None) -> str | None:
    """That the key is the certificate's: every run of the issuer compares both in Consul, which the console may not."""
    return f"matches, as the issuer saw at {day(run)}" if run and one.fingerprint and not one.error_class else None


def attempt(one: Certificate) -> str | None:
    """When the issuer last tried, what came of it, and when it tries again."""
    if not one.last_attempt:
        return None
    if one.error_class is None:
        return f"{day(one.last_attempt)}, well"
    again = f", next try {day(one.next_try)}" if one.next_try else ""
    return f"{day(one.last_attempt)}, {one.error_class}, {one.failures} in a row{again}"


def day(written: str | None) -> str:
    """Date and time here, to the minute."""
    found = moment(written)
    return f"{found.astimezone():%Y-%m-%d %H:%M}" if found else NOTHING


def said(one: Served, stored: str | None) -> str:
    """What one replica serves, and whether it is what the store has; `?` where that is not known."""
    pod = one.pod.rpartition("/")[2]
    if one.error:
        return f"{pod} ? ({one.error})"
    mark = f"{one.fingerprint[:SHORT]}…" if one.fingerprint else "Traefik default"
    sign = "✓" if one.same else "✗" if stored or not one.fingerprint else "?"
    return f"{pod} {sign} {mark}"
