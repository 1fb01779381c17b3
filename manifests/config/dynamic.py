"""The dynamic configuration of the external Traefik: what may stand in it, and what it becomes in Consul's KV store.

It is a text of lines `key = value`, with keys below Traefik's root, as in
`http/routers/acme-challenge/priority = 1000000`; blank lines and lines that begin with `#` are skipped. One unknown
leaf or one value of a wrong type makes Traefik refuse everything in KV, so all of it is checked first: by `plan check`,
and by the loader in the cluster. Nothing here reads or writes anything.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

ROOT = "traefik-external/"
"""Traefik's root key. Everything below it is read by Traefik, so nothing else may live there."""
FOLDERS = (ROOT + "http/", ROOT + "tls/options/")
"""What the loader owns."""
HASH = "homelab/config/hash"
"""Names the configuration that was loaded; outside the root."""
MARKER = "http/middlewares/homelab-"
"""Begins the key of a middleware that nobody uses and that ends with the hash: each replica's API shows it."""
TXN_LIMIT = 60
"""Operations in one transaction. Consul takes 64. Source: Consul API docs, txn."""
ACCEPTED = """
http/routers/*: rule service priority# ruleSyntax entryPoints[] middlewares[] tls!
http/routers/*/tls: options certResolver
http/routers/*/tls/domains/+: main sans[]
http/routers/*/observability: accessLogs? metrics? tracing? traceVerbosity
http/services/*/loadBalancer: strategy passHostHeader? serversTransport sticky!
http/services/*/loadBalancer/servers/+: url weight# preservePath?
http/services/*/loadBalancer/sticky: cookie!
http/services/*/loadBalancer/sticky/cookie: name secure? httpOnly? sameSite maxAge# path domain
http/services/*/loadBalancer/healthCheck: scheme mode path method status# port# interval~ unhealthyInterval~ timeout~
http/services/*/loadBalancer/healthCheck: hostname followRedirects? headers{}
http/services/*/loadBalancer/passiveHealthCheck: failureWindow~ maxFailedAttempts#
http/services/*/loadBalancer/responseForwarding: flushInterval~
http/services/*/weighted/services/+: name weight#
http/services/*/weighted/sticky: cookie!
http/services/*/weighted/sticky/cookie: name secure? httpOnly? sameSite maxAge# path domain
http/services/*/failover: service fallback
http/services/*/mirroring: service mirrorBody? maxBodySize#
http/services/*/mirroring/mirrors/+: name percent#
http/serversTransports/*: serverName insecureSkipVerify? rootCAs[] cipherSuites[] minVersion maxVersion disableHTTP2?
http/serversTransports/*: maxIdleConnsPerHost# peerCertURI
http/serversTransports/*/forwardingTimeouts: dialTimeout~ responseHeaderTimeout~ idleConnTimeout~ readIdleTimeout~
http/serversTransports/*/forwardingTimeouts: pingTimeout~
http/middlewares/*: compress! contentType!
http/middlewares/*/addPrefix: prefix
http/middlewares/*/basicAuth: users[] usersFile realm removeHeader? headerField
http/middlewares/*/buffering: maxRequestBodyBytes# memRequestBodyBytes# maxResponseBodyBytes# memResponseBodyBytes#
http/middlewares/*/buffering: retryExpression
http/middlewares/*/chain: middlewares[]
http/middlewares/*/circuitBreaker: expression checkPeriod~ fallbackDuration~ recoveryDuration~ responseCode#
http/middlewares/*/compress: excludedContentTypes[] includedContentTypes[] minResponseBodyBytes# encodings[]
http/middlewares/*/compress: defaultEncoding
http/middlewares/*/contentType: autoDetect?
http/middlewares/*/digestAuth: users[] usersFile removeHeader? realm headerField
http/middlewares/*/errors: status[] service query
http/middlewares/*/forwardAuth: address trustForwardHeader? authResponseHeaders[] authResponseHeadersRegex
http/middlewares/*/forwardAuth: authRequestHeaders[] addAuthCookiesToResponse[] headerField forwardBody? maxBodySize#
http/middlewares/*/forwardAuth: preserveLocationHeader? preserveRequestMethod?
http/middlewares/*/forwardAuth/tls: ca cert key insecureSkipVerify?
http/middlewares/*/grpcWeb: allowOrigins[]
http/middlewares/*/headers: customRequestHeaders{} customResponseHeaders{} sslProxyHeaders{} hostsProxyHeaders[]
http/middlewares/*/headers: accessControlAllowCredentials? accessControlAllowHeaders[] accessControlAllowMethods[]
http/middlewares/*/headers: accessControlAllowOriginList[] accessControlAllowOriginListRegex[] accessControlMaxAge#
http/middlewares/*/headers: accessControlExposeHeaders[] addVaryHeader? allowedHosts[] stsSeconds# stsPreload?
http/middlewares/*/headers: stsIncludeSubdomains? forceSTSHeader? frameDeny? customFrameOptionsValue browserXssFilter?
http/middlewares/*/headers: contentTypeNosniff? customBrowserXSSValue contentSecurityPolicy publicKey referrerPolicy
http/middlewares/*/headers: contentSecurityPolicyReportOnly permissionsPolicy isDevelopment?
http/middlewares/*/inFlightReq: amount#
http/middlewares/*/inFlightReq/sourceCriterion: requestHeaderName requestHost?
http/middlewares/*/inFlightReq/sourceCriterion/ipStrategy: depth# excludedIPs[] ipv6Subnet#
http/middlewares/*/ipAllowList: sourceRange[] rejectStatusCode#
http/middlewares/*/ipAllowList/ipStrategy: depth# excludedIPs[] ipv6Subnet#
http/middlewares/*/passTLSClientCert: pem?
http/middlewares/*/rateLimit: average# period~ burst#
http/middlewares/*/rateLimit/sourceCriterion: requestHeaderName requestHost?
http/middlewares/*/rateLimit/sourceCriterion/ipStrategy: depth# excludedIPs[] ipv6Subnet#
http/middlewares/*/redirectRegex: regex replacement permanent?
http/middlewares/*/redirectScheme: scheme port permanent?
http/middlewares/*/replacePath: path
http/middlewares/*/replacePathRegex: regex replacement
http/middlewares/*/retry: attempts# initialInterval~
http/middlewares/*/stripPrefix: prefixes[]
http/middlewares/*/stripPrefixRegex: regex[]
tls/options/*: minVersion maxVersion cipherSuites[] curvePreferences[] sniStrict? alpnProtocols[] disableSessionTickets?
tls/options/*/clientAuth: caFiles[] clientAuthType
"""
"""Every key that is let through: `*` a name of one's own, `+` one of a list, `name#` a whole number, `name?` true or
false, `name~` a duration, `name[]` a list (`name/0`, or with commas), `name{}` names of one's own, `name!` true or
false beside keys of its own. Source: Traefik v3.7, pkg/config/dynamic and pkg/tls; a test tries all on the real one."""

_VALUES: Mapping[str, tuple[str, str]] = {
    "": (r".*", "a text"),
    "#": (r"-?\d+", "a whole number"),
    "?": (r"true|false", "true or false"),
    "!": (r"true|false", "true or false"),
    "~": (r"\d+|(\d+(\.\d+)?(ns|us|ms|s|m|h))+", "a duration such as 10s"),
}


class Trouble(Exception):
    """What a person has to know: what is wrong, where, and what to do."""


@dataclass(slots=True)
class Known:
    """A place in the tree of keys that Traefik accepts."""

    kind: str | None = None
    """What its value must be, a key of `_VALUES`; None when it can have no value."""
    children: dict[str, Known] = field(default_factory=dict)
    """By lower-case name, since Traefik ignores case; `*`, `+` and `0` stand for names, list elements and numbers."""
    name: str = ""

    def at(self, name: str) -> Known:
        """The child of that name, made when missing."""
        return self.children.setdefault(name.lower(), Known(name=name))

    def find(self, name: str) -> Known | None:
        """The child that a key's part leads to. A name of one's own has no `@`, and digits alone would be an index."""
        free = None if "@" in name or not name else "+" if name.isdigit() else "*"
        stands_for = ("0" if name.isdigit() else "", free or "", "+" if free else "")
        return next((self.children[n] for n in (name.lower(), *stands_for) if n in self.children), None)


@cache
def known() -> Known:
    """The table as a tree."""
    root = Known()
    for row in ACCEPTED.strip().splitlines():
        path, leaves = row.split(": ")
        place = root
        for part in path.split("/"):
            place = place.at(part)
        for leaf, kind in re.findall(r"(\w+)(\S*)", leaves):
            found = place.at(leaf)
            found.kind = {"[]": "", "{}": None}.get(kind, kind)
            if kind in ("[]", "{}"):
                found.at("0" if kind == "[]" else "*").kind = ""
    return root


def complaint(key: str, value: str) -> str | None:
    """What is wrong with one line of the configuration; None when Traefik accepts it."""
    place, parts = known(), key.split("/")
    for index, part in enumerate(parts):
        if not (found := place.find(part)):
            return f"{key}: Traefik knows no '{part}' here; {_nearest(place, parts[:index], part)}"
        place = found
    if place.kind is None:
        return f"{key}: has no value of its own; {_nearest(place, parts, '')}"
    pattern, words = _VALUES[place.kind]
    return None if value and re.fullmatch(pattern, value) else f"{key}: '{value}' is not {words}"


def _nearest(place: Known, before: list[str], part: str) -> str:
    names = {n: {"*": "<name>", "+": "<name>"}.get(n, child.name) for n, child in place.children.items()}
    close = [names[n] for n in difflib.get_close_matches(part.lower(), names, 1)]
    there = "/".join([*before, close[0] if close else ""])
    return (
        f"the nearest key is {there}"
        if close
        else f"below {there or 'the root'} there is {', '.join(names.values()) or 'nothing'}"
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One line that sets a key."""

    number: int
    """In its text, counted from 1."""
    key: str
    """Below the root."""
    value: str


def lines(text: str) -> Iterator[Line]:
    """Every line that is neither blank nor a comment."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            key, _, value = (part.strip() for part in line.partition("="))
            yield Line(number, key, value)


def faults(found: Iterable[Line]) -> Iterator[tuple[Line, str]]:
    """Every line that is not in order, with what is wrong with it."""
    before: set[str] = set()
    for line in found:
        if line.key.lower() in before:
            yield line, f"{line.key}: is there twice"
        elif trouble := complaint(line.key, line.value):
            yield line, trouble
        before.add(line.key.lower())


def parsed(text: str) -> dict[str, str]:
    """The configuration as key -> value, keys below the root. Raises Trouble naming every line that is not in order."""
    found = list(lines(text))
    if wrong := [f"line {line.number}: {trouble}" for line, trouble in faults(found)]:
        raise Trouble("the configuration is not loaded, Traefik would refuse all of it: " + "; ".join(wrong))
    return {line.key: line.value for line in found}


def digest(text: str) -> str:
    """The name of a configuration."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def room(count: int) -> int:
    """How many keys one transaction takes beside so many, the marker and the hash."""
    return TXN_LIMIT - len(FOLDERS) - 2 - count


def wished(text: str) -> dict[str, bytes]:
    """All that has to be in KV below what the loader owns, with the marker. Raises Trouble."""
    found = parsed(text)
    if (left := room(len(found))) < 0:
        raise Trouble(
            f"the configuration is not loaded: Consul takes it in one transaction, and it has {-left} keys too many; "
            "write lists with commas on one line, or shorten it"
        )
    marked = {f"{MARKER}{digest(text)}/addPrefix/prefix": "/"}
    return {ROOT + key: value.encode() for key, value in (found | marked).items()}
