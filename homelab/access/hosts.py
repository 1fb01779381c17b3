"""What is wrong with the hosts and the path of an app: as names, for their zone, and beside everybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from homelab.access.around import Around
from homelab.access.expose import domain, normal, own
from homelab.access.model import ZONES, App
from homelab.finding import Finding
from homelab.observe.hosts import LABEL, NAME_LIMIT, VALID
from homelab.observe.ingress import wishes_of
from homelab.observe.raw import full_name, items, text
from homelab.observe.traefik import hosts_of, path_of
from homelab.plan.model import Plan
from homelab.plan.registry import error, warning

BAD = frozenset("?#%\\ \t\n\"`'<>{}")
"""Characters that the path of an Ingress cannot have, or that mean something else to Traefik."""


def names(app: App, plan: Plan) -> Iterator[Finding]:
    """Whether hosts are names that lead to their zone."""
    for zone, host in normal(app).hosts.items():
        example = f"{app.service}.{domain(plan, zone)}"
        if fault := _form(host):
            yield error(zone, *fault, f"write a name such as {example}")
            continue
        if app.hosts[zone] != host:
            why = "names have no upper case, spaces or trailing dot in an Ingress"
            yield warning(zone, f"it is written as {host}", why, "nothing to do")
        yield from _place(zone, host, plan, example)
    path = normal(app).path
    if BAD & set(path) or "//" in path or "/../" in f"{path}/" or "/./" in f"{path}/":
        why = "Kubernetes takes absolute paths without such characters, empty or relative parts"
        yield error(
            "path",
            f"`{path}` is no path that an Ingress may have",
            why,
            "write / or the beginning of a path, such as /app",
        )
    elif path != "/":
        why = "the app is asked for the whole path, and most apps expect to be at /"
        yield warning("path", f"only what begins with {path} is shown", why, "write /, unless the app knows its path")


def _form(host: str) -> tuple[str, str] | None:
    """What keeps a text from being a host, and why that matters."""
    if not host:
        return "it is empty", "without a host the app would take every name that reaches the ingress"
    if "*" in host:
        return f"`{host}` is a wildcard", "it would take the names of other apps, and no certificate is ordered for it"
    if _is_address(host):
        return f"`{host}` is an address", "an Ingress goes by the name that a browser asks for"
    if len(host) > NAME_LIMIT or not all(LABEL.fullmatch(part) for part in host.split(".")):
        return f"`{host}` is no DNS name", f"a name has {VALID}"
    return None


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _place(zone: str, host: str, plan: Plan, example: str) -> Iterator[Finding]:
    """Whether the name is one of its zone's."""
    below, other = domain(plan, zone), next(one for one in ZONES if one != zone)
    if _inside(host, below):
        return
    if _inside(host, domain(plan, other)):
        what, why = f"{host} is in the {other} domain", f"that name leads to the {other} ingress, not to this one"
    else:
        what = f"{host} is outside {below}"
        why = f"only names below {below} lead to the {zone} ingress" + (
            ", and only they get certificates" if zone == "external" else ""
        )
    yield error(zone, what, why, f"write a name such as {example}")


def _inside(host: str, below: str) -> bool:
    return host == below or host.endswith(f".{below}")


def duplicates(app: App, around: Around) -> Iterator[Finding]:
    """Whether somebody else has the same host and path: either may answer then."""
    wanted = normal(app)
    why = "both have the same priority, and which one answers is up to chance"
    for zone, host in wanted.hosts.items():
        for source in _holders(host, wanted.path, app, around):
            yield error(
                zone,
                f"{source} has {host}{wanted.path} already",
                why,
                "choose another host or path, or take that one off",
            )
    if len(set(wanted.hosts.values())) < len(wanted.hosts):
        yield error("external", "both zones have the same host", why, "give each zone a host of its own domain")


def _holders(host: str, path: str, app: App, around: Around) -> Iterator[str]:
    for one in around.ingresses or ():
        if not own(app, one) and any(
            (wish.host.lower(), wish.path, wish.path_type == "Exact") == (host, path, False) for wish in wishes_of(one)
        ):
            yield f"Ingress {full_name(one)}"
    for one in around.ingress_routes or ():
        rules = [text(route, "match") or "" for route in items(one, "spec", "routes")]
        if any(host in map(str.lower, hosts_of(rule)) and path_of(rule)[0] == path for rule in rules):
            yield f"IngressRoute {full_name(one)}"
