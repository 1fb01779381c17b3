"""Whether the ingresses answer on their ports, and what can be seen from here of the way in from the internet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

from homelab.doctor.registry import Need, check, error, ok, unknown, warning
from homelab.doctor.result import Result
from homelab.doctor.world import World
from homelab.plan.rules_addresses import INSIDE
from homelab.ports import NoNetwork, Reply, WebError
from homelab.together import together

MOVED = (301, 308)
FORBIDDEN = 403
TRAEFIKS: Mapping[int, bytes] = {404: b"404 page not found", FORBIDDEN: b"Forbidden", 401: b"401 Unauthorized"}
"""How Traefik's own answers to a name that is nobody's begin: mostly 404; the others where somebody guards every name.

Source: Go, net/http.NotFound; Traefik, middlewares ipAllowList and basicAuth.
"""
PODS = "see whether its pods run with: homelab-tui status"


@check("http-internal", "the internal ingress answers on port 80", [Need.WEB])
async def internal_answers(world: World) -> Result:
    """The name asked for is nobody's, so Traefik has an answer of its own."""
    address = world.plan.ingress.internal.address
    found = await _asked(world, f"http://{world.internal_name}/", address)
    if isinstance(found, Result):
        return found
    if not _is_traefiks(found):
        return _stranger(world, found, address, 80)
    if found.status == FORBIDDEN:
        return warning(
            f"Traefik at {address} refuses this machine ({FORBIDDEN})",
            "the internal ingress answers only network.lan, network.trusted and the pods",
            "add this machine's network to network.trusted in the plan, if it may use internal apps",
        )
    return ok(_answers(world, f"Traefik answers at {address} port 80 ({found.status})"))


@check("http-external", "the external ingress leads port 80 to https", [Need.WEB])
async def external_redirects(world: World) -> Result:
    """Only what the certificate authority asks for is answered in the clear."""
    address, name = world.plan.ingress.external.address, world.external_name
    found = await _asked(world, f"http://{name}/", address)
    if isinstance(found, Result):
        return found
    if _leads_to_https(found, name):
        return ok(_answers(world, f"Traefik at {address} port 80 leads to https ({found.status})"))
    return error(
        f"{address} port 80 answers {found.status}, not with the way to https",
        "pages and passwords would go in the clear, or another program has the port",
        "deploy the stack again with: homelab-tui apply",
    )


@check("https-external", "the external ingress answers on port 443", [Need.WEB])
async def external_answers(world: World) -> Result:
    """Any certificate will do: the name asked for is nobody's, and Traefik has an answer of its own."""
    address = world.plan.ingress.external.address
    found = await _asked(world, f"https://{world.external_name}/", address)
    if isinstance(found, Result):
        return found
    if not _is_traefiks(found):
        return _stranger(world, found, address, 443)
    return ok(_answers(world, f"Traefik answers at {address} port 443 ({found.status})"))


@check("public-address", "external names lead to this home", [Need.NAMES, Need.WEB])
async def address_is_ours(world: World) -> Result:
    """No third party is asked what this home's address is; the router knows, and where it has NAT loopback it shows."""
    if not (public := await _public(world)):
        return unknown("external names have no public address", fix="mend dns-external first")
    ways = await _around(world, public)
    if ways and all(way.is_ours for way in ways):
        return ok(f"{public} answers from here on ports 80 and 443 as the external ingress does")
    if ways:
        return _led_elsewhere(world, public, ways)
    return unknown(
        f"cannot tell whether {public} is this home's: from here the external ingress does not answer there",
        "an updater of dynamic DNS that has stopped leaves an old address behind",
        "compare it with the WAN address on the router's own status page; if that one is of 10.0.0.0/8, 172.16.0.0/12, "
        "192.168.0.0/16 or 100.64.0.0/10, the provider shares one address among homes (CGNAT) and none is reached",
    )


@check("outside", "ports 80 and 443 from the internet", [Need.NAMES, Need.WEB])
async def reached_from_outside(world: World) -> Result:
    """From inside no program can prove it: without hairpin NAT the probe fails though all is well, and an answer may
    have gone no further than the router."""
    name = world.external_name
    if not (public := await _public(world)):
        said = "names lead to no public address, so that nothing can be asked"
    elif ways := await _around(world, public):
        said = f"{public} {_account(ways)}; from here that is NAT loopback (hairpin) at best: the way in is longer"
    else:
        said = f"{public} does not answer from here: without NAT loopback (hairpin) in the router that is no error"
    return unknown(
        said,
        "only somebody outside sees whether provider and router let visitors in",
        "open this on a phone with Wi-Fi off, and go on after a warning: `404 page not found` is Traefik, and right",
        f"http://{name}/",
    )


async def _public(world: World) -> IPv4Address | None:
    """Where the world is sent for external names."""
    for name in (world.external_name, world.plan.ingress.external.domain):
        found = map(IPv4Address, await world.names.addresses(name, "A"))
        if public := next((one for one in found if not any(one in network for network in INSIDE)), None):
            return public
    return None


@dataclass(frozen=True, slots=True)
class _Way:
    """One port of the public address, asked from inside."""

    port: int
    reply: Reply | None
    """None when nobody answers."""
    is_ours: bool = False
    """Whether the external ingress would answer so."""

    @property
    def said(self) -> str:
        """What was met, in words."""
        if not self.reply:
            return f"port {self.port} does not answer"
        if self.is_ours:
            return f"port {self.port} answers as the external ingress does"
        return f"port {self.port} answers ({self.reply.status}), but not as the external ingress does"


async def _around(world: World, public: IPv4Address) -> Sequence[_Way]:
    """What is met at the public address, from inside; empty where no port answers: mostly no NAT loopback."""
    schemes = (("http", 80), ("https", 443))
    found = await together(partial(_way, world, public, scheme, port) for scheme, port in schemes)
    return found if any(way.reply for way in found) else ()


async def _way(world: World, public: IPv4Address, scheme: str, port: int) -> _Way:
    name = world.external_name
    try:
        found = await world.web.get(f"{scheme}://{name}/", public)
    except NoNetwork:
        raise
    except WebError:
        return _Way(port, None)
    return _Way(port, found, _is_traefiks(found) if scheme == "https" else _leads_to_https(found, name))


def _account(ways: Sequence[_Way]) -> str:
    return "; ".join(way.said for way in ways)


def _led_elsewhere(world: World, public: IPv4Address, ways: Sequence[_Way]) -> Result:
    address = world.plan.ingress.external.address
    return warning(
        f"{public} {_account(ways)}: is the forward to {address}?",
        "visitors and the certificate authority may meet the same",
        f"let the router forward ports 80 and 443 to {address}; if it does, it may show its own page at home alone, or "
        f"{public} is no longer this home's: compare it with the WAN address on the router's status page",
    )


async def _asked(world: World, url: str, address: IPv4Address) -> Reply | Result:
    """The answer, or what follows from none."""
    if address in world.addresses:
        return unknown(
            f"this machine has {address} itself: it would ask itself", fix=f"mend {_layer2(world, address)} first"
        )
    try:
        return await world.web.get(url, address)
    except NoNetwork:
        raise
    except WebError as failure:
        if not (world.is_on_lan or world.is_node):
            return unknown(str(failure), f"this machine has no address in {world.plan.network.lan}")
        return error(str(failure), "nothing behind this ingress can be reached", PODS)


def _layer2(world: World, address: IPv4Address) -> str:
    """The check that tells who has an ingress's address."""
    return "layer2-internal" if address == world.plan.ingress.internal.address else "layer2-external"


def _stranger(world: World, found: Reply, address: IPv4Address, port: int) -> Result:
    return warning(
        f"something answers at {address} port {port} with {found.status} that is not Traefik's answer",
        "the name asked for is nobody's, and Traefik says 404 to that: another machine may have the address",
        f"see with {_layer2(world, address)} who has it; if an app of yours takes every name, all is well",
    )


def _answers(world: World, what: str) -> str:
    """A node's kernel takes what is meant for a Service's address itself."""
    return f"{what}; asked on a node, so this says nothing of the LAN" if world.is_node else what


def _is_traefiks(found: Reply) -> bool:
    start = TRAEFIKS.get(found.status)
    return start is not None and found.start.startswith(start)


def _leads_to_https(found: Reply, name: str) -> bool:
    return found.status in MOVED and found.headers.get("location", "").startswith(f"https://{name}")
