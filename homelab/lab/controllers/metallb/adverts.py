"""Which node answers ARP for an address. Pure. Source: MetalLB v0.16.1, speaker/layer2_controller.go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from homelab.lab.controllers.conditions import holds
from homelab.lab.controllers.matching import labels, selected
from homelab.observe.raw import items, strings, text
from homelab.ports import Raw

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


@dataclass(frozen=True, slots=True)
class Choice:
    """The node that announces, and by which interfaces; none of them: by all that it has."""

    node: str
    interfaces: tuple[str, ...] = ()


def adverts_for(service: Raw, pool: Raw, adverts: Iterable[Raw]) -> list[Raw]:
    """The L2Advertisements that speak for an address of a pool and for this Service."""
    return [one for one in adverts if _of_pool(one, pool) and _any(one, "serviceSelectors", labels(service))]


def choose(
    service: Raw, address: str, adverts: Iterable[Raw], slices: Iterable[Raw], nodes: Mapping[str, Raw]
) -> Choice | None:
    """The node for a Service's address among those with a speaker; None: nobody announces it."""
    served = [one for found in slices for one in items(found, "endpoints") if _serves(one)]
    if not served:
        return None
    local = text(service, "spec", "externalTrafficPolicy") == "Local"
    here = {text(one, "nodeName") for one in served}
    mine = {
        name: [one for one in adverts if _any(one, "nodeSelectors", labels(node))]
        for name, node in nodes.items()
        if _may(node) and (not local or name in here)
    }
    fit = [name for name, found in mine.items() if found]
    if not fit:
        return None
    first = min(fit, key=lambda name: sha256(f"{name}#{address}".encode()).digest())
    return Choice(first, _interfaces(mine[first]))


def _of_pool(advert: Raw, pool: Raw) -> bool:
    named, chosen = strings(advert, "spec", "ipAddressPools"), items(advert, "spec", "ipAddressPoolSelectors")
    if not named and not chosen:
        return True
    return pool["metadata"]["name"] in named or any(selected(one, labels(pool)) for one in chosen)


def _any(advert: Raw, field: str, found: Mapping[str, str]) -> bool:
    """No selector means everything."""
    chosen = items(advert, "spec", field)
    return not chosen or any(selected(one, found) for one in chosen)


def _serves(endpoint: Raw) -> bool:
    told = endpoint.get("conditions") or {}
    return told.get("ready") is not False or told.get("serving") is True


def _may(node: Raw) -> bool:
    return EXCLUDED not in labels(node) and not holds(node, "NetworkUnavailable")


def _interfaces(adverts: Iterable[Raw]) -> tuple[str, ...]:
    each = [strings(one, "spec", "interfaces") for one in adverts]
    return () if not all(each) else tuple(sorted({name for names in each for name in names}))
