"""What every Traefik's own API says, and how its provider `kubernetes` names routers.

Source: Traefik 3.0 to 3.7, pkg/provider/kubernetes/ingress/kubernetes.go (names, rules), pkg/server/aggregator.go
(entry-point prefixes), pkg/config/runtime/runtime_http.go (status and errors); proved with the real 3.7.15.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import product

from homelab.observe.raw import ZONES, dig, full_name, items, number, strings, text, zone
from homelab.ports import Raw

ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
ESCAPES |= {"\\": "\\\\", '"': '\\"'}
DELETE, BMP = 0x7F, 0x10000
QUOTED = r"(?:`[^`]*`|\"(?:[^\"\\]|\\.)*\")"
MATCHER = re.compile(rf"(!?)\s*\b(Host|HostRegexp|PathPrefix|Path)\(\s*({QUOTED}(?:\s*,\s*{QUOTED})*)\s*\)")
NO_LETTERS = re.compile(r"[\W_]+")
Quote = Callable[[str], str]
DEFAULT_ROUTER = "default-router"
DEFAULT_RULES = frozenset({'PathPrefix("/")', "PathPrefix(`/`)"})


@dataclass(frozen=True, slots=True)
class TraefikAnswer:
    """What one Traefik pod answered to `/api/http/routers`, or why it did not."""

    pod: str
    """`namespace/name`."""
    zone: str
    """`internal` or `external`."""
    routers: tuple[Raw, ...] | None
    """None: no answer; `error` says why."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Replica:
    """One Traefik pod of ours."""

    pod: str
    """`namespace/name`."""
    zone: str
    ready: bool
    """False while it starts or drains: its answer would mislead."""


@dataclass(frozen=True, slots=True)
class Router:
    """One router as a Traefik lists it."""

    name: str
    """With its provider: `apps-web-web-home-test@kubernetes`."""
    rule: str
    """Empty when the router has none."""
    status: str
    """`enabled`, `warning` (works, with errors) or `disabled` (is not served)."""
    errors: tuple[str, ...]
    middlewares: tuple[str, ...]
    """Those of the route and those of the entry point."""
    tls: bool
    service: str | None
    entry_points: tuple[str, ...]
    owner: str | None
    """`Ingress apps/web`, `IngressRoute apps/web`; only newer Traefiks say so."""
    priority: int = 0
    """The higher one is asked first; that of Traefik's own choice is the length of the rule."""

    @property
    def provider(self) -> str:
        """`kubernetes`, `kubernetescrd`, `consul`, `file`, `internal`, ..."""
        return self.name.rpartition("@")[2]

    @property
    def is_refused(self) -> bool:
        """Whether Traefik does not serve it at all."""
        return self.status == "disabled"

    @property
    def plain_names(self) -> tuple[str, ...]:
        """The name without provider, and without the prefix that a router of several entry points gets.

        `websecure-NAME` when that entry point has settings of its own, `websecure-conflicted-NAME` when TLS options
        collide. A namespace may be called like an entry point, so the unshortened name stays among the candidates.
        """
        name = self.name.rpartition("@")[0] or self.name
        prefixes = [f"{point}-{word}" for point in self.entry_points for word in ("conflicted-", "")]
        return (name, *(name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix)))


def replicas(pods: Iterable[Raw]) -> tuple[Replica, ...]:
    """The Traefik pods to ask, by our label; those being deleted or finished are no more asked."""
    asked = (pod for pod in pods if zone(pod) and not dig(pod, "metadata", "deletionTimestamp"))
    found = (Replica(full_name(pod), zone(pod) or ZONES[0], is_ready(pod)) for pod in asked if is_alive(pod))
    return tuple(sorted(found, key=lambda replica: (replica.zone, replica.pod)))


def is_alive(pod: Raw) -> bool:
    """Whether a pod may still serve."""
    return text(pod, "status", "phase") not in {"Succeeded", "Failed"}


def is_ready(pod: Raw) -> bool:
    """Whether a pod passes its readiness probe."""
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in items(pod, "status", "conditions"))


def routers(answer: TraefikAnswer) -> tuple[Router, ...]:
    """Every router that an answer lists, but Traefik's own (`@internal`)."""
    found = (router(raw) for raw in answer.routers or () if text(raw, "name"))
    return tuple(one for one in found if one.provider != "internal")


def router(raw: Raw) -> Router:
    """One router of `/api/http/routers`."""
    return Router(
        name=text(raw, "name") or "?",
        rule=text(raw, "rule") or "",
        status=text(raw, "status") or "enabled",
        errors=strings(raw, "error"),
        middlewares=strings(raw, "middlewares"),
        tls=dig(raw, "tls") is not None,
        service=text(raw, "service"),
        entry_points=strings(raw, "entryPoints"),
        owner=owner(dig(raw, "observability", "metadata", "ingress")),
        priority=number(raw, "priority") or 0,
    )


def owner(metadata: object) -> str | None:
    """The object that a router comes from: `name` and `kind` in 3.7, `ingressName` alone in the next version."""
    space, called = text(metadata, "namespace"), text(metadata, "name") or text(metadata, "ingressName")
    return f"{text(metadata, 'kind') or 'Ingress'} {space}/{called}" if space and called else None


def by_key(found: Iterable[Router]) -> Mapping[str, list[Router]]:
    """Routers of provider `kubernetes` under every key that may have named them, hash or not."""
    index: dict[str, list[Router]] = {}
    for one in found:
        if one.provider == "kubernetes":
            suffix = "-" + rule_hash(one.rule)
            for key in {name.removesuffix(suffix) for name in one.plain_names}:
                index.setdefault(key, []).append(one)
    return index


def router_key(namespace: str, ingress: str, host: str, path: str) -> str:
    """Name of the router for one path of an Ingress, before any hash."""
    return normalized(f"{namespace}-{ingress}-{host}{path}")


def normalized(name: str) -> str:
    """Runs of letters and numbers (of any script) joined by dashes."""
    return NO_LETTERS.sub("-", name).strip("-")


def rule_hash(rule: str) -> str:
    """Suffix of routers whose keys collide within one Ingress (`/a-b` and `/a/b`): ten bytes of the rule's SHA-256."""
    return sha256(rule.encode(errors="replace")).hexdigest()[:20]


def rules(host: str, path: str, path_type: str | None, matcher: str | None = None) -> frozenset[str]:
    """Every rule that a Traefik may have made for a path: by version (quotes), rule syntax and strictPrefixMatching.

    `matcher` is the annotation `router.pathmatcher`, which counts only where the path type leaves the choice.
    """
    free = path_type in {None, "", "ImplementationSpecific"}
    chosen = "Path" if path_type == "Exact" else (matcher or "PathPrefix") if free else "PathPrefix"
    made = (
        " && ".join(filter(None, both))
        for quote in (go_quote, backtick)
        for both in product(host_rules(host, quote), path_rules(chosen, path, quote))
    )
    return frozenset(made)


def host_rules(host: str, quote: Quote) -> tuple[str, ...]:
    """Matchers for a host; the older rule syntax knows wildcards as regular expressions only."""
    if not host:
        return ("",)
    older = host.replace("*.", "{subdomain:[a-zA-Z0-9-]+}.", 1)
    return (f"Host({quote(host)})", *([f"HostRegexp({quote(older)})"] if host.startswith("*.") else []))


def path_rules(matcher: str, path: str, quote: Quote) -> tuple[str, ...]:
    """Matchers for a path, character-wise and (strict) element-wise."""
    if not path:
        return ("",)
    plain = f"{matcher}({quote(path)})"
    if matcher != "PathPrefix" or path == "/":
        return (plain,)
    whole = path.removesuffix("/")
    return (plain, f"(Path({quote(whole)}) || PathPrefix({quote(whole + '/')}))")


def go_quote(written: str) -> str:
    """A string as Go's `%q` writes it."""
    plain = written.isprintable() and '"' not in written and "\\" not in written
    return f'"{written if plain else "".join(map(go_escape, written))}"'


def go_escape(char: str) -> str:
    """One character inside Go's quotes."""
    if char in ESCAPES:
        return ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < ord(" ") or code == DELETE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < BMP else f"\\U{code:08x}"


def backtick(written: str) -> str:
    """A string as Traefik before 3.7 put it into rules."""
    return f"`{written}`"


def hosts_of(rule: str) -> tuple[str, ...]:
    """Hosts that a rule asks for; `~PATTERN` for a regular expression, `*` when it takes any."""
    found = [("~" if kind == "HostRegexp" else "") + v for kind, v in matched(rule) if kind.startswith("Host")]
    return tuple(dict.fromkeys(found)) or ("*",)


def path_of(rule: str) -> tuple[str, str | None]:
    """The first path that a rule asks for, with its type in the words of an Ingress."""
    types = {"Path": "Exact", "PathPrefix": "Prefix"}
    return next(((value, types[kind]) for kind, value in matched(rule) if kind in types), ("/", None))


def matched(rule: str) -> Iterable[tuple[str, str]]:
    """Matchers for hosts and paths in a rule with their values; negated ones are left out."""
    for negated, kind, values in MATCHER.findall(rule):
        if not negated:
            yield from ((kind, value[1:-1]) for value in re.findall(QUOTED, values))
