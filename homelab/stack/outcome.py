"""What became of a run of the issuer that was asked for: waited for, then told by what it wrote of each host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from homelab.observe.certificates import ca_name, states
from homelab.observe.consul import SELECTOR, silence
from homelab.observe.fate import Case
from homelab.observe.fate import failure as refusal
from homelab.observe.issuer import environment, failure
from homelab.observe.raw import moment, text
from homelab.observe.store import Store
from homelab.observe.traefik import is_alive
from homelab.ports import Alive, Changed, Cluster, Gone, Listed, Lost, OpenStore, Raw, Ref
from homelab.stack.access import NAMESPACE
from homelab.stack.renewal import JOB, POD, has_ended, issuer_of
from homelab.together import either

LONGEST_SECONDS = 600.0
"""How long a run is waited for; Kubernetes ends it a minute sooner. Source: manifests/certificates/issuer.yaml."""
AT_WORK = "the issuer is at work"
STATUS = "homelab-tui status says what becomes of it"


@dataclass(frozen=True, slots=True)
class Tries:
    """What the issuer has written of its tries with today's CA."""

    server: str
    """Directory of that CA."""
    states: Mapping[str, Raw] | None
    """By host; None where Consul cannot be read."""
    error: str | None = None
    """Why not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run brought to one host."""

    host: str
    is_issued: bool
    said: str
    """Who signed it and until when it holds, or why there is none and what to do."""


async def tries(cluster: Cluster, open_store: OpenStore) -> Tries:
    """How every host stands now. Asked before a run too: what is there after it may be older. Raises ClusterError."""
    server = environment(await issuer_of(cluster)).get("ACME_SERVER", "")
    pods = await cluster.list(POD, namespace=NAMESPACE, labels=SELECTOR)
    asked = await Store(cluster, open_store).ask(pods)
    if asked is None or asked.values is None:
        return Tries(server, None, (asked and asked.consul.error) or "Consul cannot be read")
    return Tries(server, {host: by_ca.get(ca_name(server), {}) for host, by_ca in states(asked.values).items()})


async def awaited(cluster: Cluster, run: Ref, tell: Callable[[str], None]) -> str | None:
    """Wait until a run is over; what was wrong with it as a whole. `tell` hears what it does. Raises ClusterError."""
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            await either(partial(_over, cluster, run), partial(_follow, cluster, run, tell))
    except TimeoutError:
        return f"{run} has not ended within {LONGEST_SECONDS / 60:.0f} minutes and goes on; {STATUS}"
    if (found := await cluster.get(run)) is None:
        return f"{run} was deleted"
    pods = await cluster.list(POD, namespace=NAMESPACE, labels=_pods_of(run))
    return failure(found, next(iter(pods), None))


def _pods_of(run: Ref) -> str:
    return f"job-name={run.name}"


async def _over(cluster: Cluster, run: Ref) -> None:
    """Until a Job has ended, or is gone."""
    watch = cluster.watch(JOB, namespace=NAMESPACE, fields=f"metadata.name={run.name}")
    async with aclosing(watch) as changes:  # type: ignore[type-var]  # a generator, though the port promises less
        async for change in changes:
            match change:
                case Gone() | Listed(()):
                    return
                case Listed((found,)) | Changed(found) if has_ended(found):
                    return


async def _follow(cluster: Cluster, run: Ref, tell: Callable[[str], None]) -> None:
    """Tell what keeps a run's pod, for ever."""
    last = AT_WORK
    watch = cluster.watch(POD, namespace=NAMESPACE, labels=_pods_of(run))
    async with aclosing(watch) as changes:  # type: ignore[type-var]  # a generator, though the port promises less
        async for change in changes:
            match change:
                case Listed((pod, *_)) | Changed(pod) if is_alive(pod):
                    last = silence(pod, (), ()) or AT_WORK
                    tell(last)
                case Alive():
                    tell(last)
                case Lost(error):
                    tell(str(error))


def outcome(host: str, before: Tries, after: Tries, trouble: str | None) -> Outcome:
    """What a run between two looks brought; `trouble` is what was wrong with the run as a whole."""
    if before.states is None or after.states is None:
        return Outcome(host, False, f"what the run brought is not known: {after.error or before.error}")
    tried, then = after.states.get(host, {}), before.states.get(host, {})
    if text(tried, "last_attempt") == text(then, "last_attempt"):
        return Outcome(host, False, f"it was not tried: {trouble or 'no Ingress names it any more'}")
    if why := refusal(Case(host, tried, {}, (), None, after.server, datetime.now(UTC))):
        return Outcome(host, False, why)
    end = moment(text(tried, "not_after"))
    until = f", valid until {end:%Y-%m-%d}" if end else ""
    return Outcome(host, True, f"issued by {text(tried, 'issuer')}{until}")
