"""The dynamic configuration of the external Traefik: what may stand in it, and what it becomes in Consul's KV store.

It is a text of lines `key = value`, with keys below Traefik's root, as in
`http/routers/acme-challenge/priority = 1000000`; blank lines and lines that begin with `#` are skipped. One unknown
leaf or one value of a wrong type makes Traefik refuse everything in KV, so all of it is checked first: by `plan check`,
and by the loader in the cluster. A wrong word where Traefik knows only a few is taken in silently, and what uses it
fails; so words are checked too. Nothing here reads or writes anything.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
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
http/serversTransports/*: serverName insecureSkipVerify? rootCAs[] cipherSuites[]=ciphers disableHTTP2? peerCertURI
http/serversTransports/*: minVersion=version maxVersion=version maxIdleConnsPerHost#
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
tls/options/*: minVersion=version maxVersion=version cipherSuites[]=ciphers curvePreferences[]=curves sniStrict?
tls/options/*: alpnProtocols[] disableSessionTickets?
tls/options/*/clientAuth: caFiles[] clientAuthType=client
"""
"""Every key that is let through: `*` a name of one's own, `+` one of a list, `name#` a whole number, `name?` true or
false, `name~` a duration, `name[]` a list (`name/0`, or with commas), `name{}` names of one's own, `name!` true or
false beside keys of its own, `=name` only the words of `WORDS`. Source: Traefik v3.7, pkg/config/dynamic and pkg/tls; a
test tries all on the real one."""
_CIPHERS = """
TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256
TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA
TLS_ECDHE_ECDSA_WITH_RC4_128_SHA
TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA TLS_ECDHE_RSA_WITH_RC4_128_SHA
TLS_RSA_WITH_AES_128_GCM_SHA256 TLS_RSA_WITH_AES_256_GCM_SHA384
TLS_RSA_WITH_AES_128_CBC_SHA TLS_RSA_WITH_AES_128_CBC_SHA256 TLS_RSA_WITH_AES_256_CBC_SHA
TLS_RSA_WITH_3DES_EDE_CBC_SHA TLS_RSA_WITH_RC4_128_SHA
"""
_CURVES = """
X25519 CurveP256 CurveP384 CurveP521 X25519MLKEM768 SecP256r1MLKEM768 SecP384r1MLKEM1024
x25519 secp256r1 secp384r1 secp521r1 x25519mlkem768 secp256r1mlkem768 secp384r1mlkem1024
"""
_CLIENT = "NoClientCert RequestClientCert RequireAnyClientCert VerifyClientCertIfGiven RequireAndVerifyClientCert"
_VERSIONS = "VersionTLS10 VersionTLS11 VersionTLS12 VersionTLS13"
WORDS: Mapping[str, tuple[str, ...]] = {
    "ciphers": tuple(_CIPHERS.split()),
    "curves": tuple(_CURVES.split()),
    "client": tuple(_CLIENT.split()),
    "version": tuple(_VERSIONS.split()),
}
"""The words that a value may be; where the key is a list, each of its elements."""
_LISTS = {"ciphers": "a cipher suite, such as {3}", "curves": "a curve, such as {0} or {1}"}
"""Words of which a value is a list, and how they are told: they are too many to be named."""
LONGEST = 2**63 // (3600 * 10**9)
"""Hours of a duration: Go counts its nanoseconds in 63 bits."""
LOWEST = "VersionTLS12"
"""The lowest version where none is set. Source: Go, crypto/tls, Config.MinVersion."""

_VALUES: Mapping[str, tuple[str, str]] = {
    "": (r".*", "a text"),
    "#": (r"-?[0-9]{1,19}", "a whole number of 64 bits"),
    "?": (r"true|false", "true or false"),
    "!": (r"true|false", "true or false"),
    "~": (
        r"[0-9]{1,19}|([0-9]{1,19}(\.[0-9]{1,19})?(ns|us|ms|s|m|h))+",
        f"a duration such as 10s, of at most {LONGEST}h",
    ),
}
_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
"""In nanoseconds, in which Go counts; digits alone are seconds."""


class Trouble(Exception):
    """What a person has to know: what is wrong, where, and what to do."""


@dataclass(slots=True)
class Known:
    """A place in the tree of keys that Traefik accepts."""

    kind: str | None = None
    """What its value must be, a key of `_VALUES`; None when it can have no value."""
    words: str = ""
    """Which words its value must be, a key of `WORDS`; empty where any will do."""
    children: dict[str, Known] = field(default_factory=dict)
    """By lower-case name, since Traefik ignores case; `*`, `+` and `0` stand for names, list elements and numbers."""
    name: str = ""

    def at(self, name: str) -> Known:
        """The child of that name, made when missing."""
        return self.children.setdefault(name.lower(), Known(name=name))

    def find(self, name: str) -> Known | None:
        """The child that a key's part leads to. A name of one's own has no `@`, and digits alone would be an index."""
        is_index = bool(re.fullmatch("[0-9]+", name))
        free = None if "@" in name or not name else "+" if is_index else "*"
        stands_for = ("0" if is_index else "", free or "", "+" if free else "")
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
        for leaf, kind, words in re.findall(r"(\w+)([^\s=]*)=?(\w*)", leaves):
            found = place.at(leaf)
            found.kind, found.words = {"[]": "", "{}": None}.get(kind, kind), words
            if kind in ("[]", "{}"):
                element = found.at("0" if kind == "[]" else "*")
                element.kind, element.words = "", words
    return root


def complaint(key: str, value: str) -> str | None:
    """What is wrong with one line of the configuration; None when it does what it says."""
    place = _place(key)
    if isinstance(place, str):
        return place
    if not is_writable(key):
        return f"{key}: begins with capital letters; write {_small(key)}"
    return _unreadable(place, key, value) or _misworded(place, key, value)


def refusal(key: str, value: str) -> str | None:
    """Why Traefik refuses all of KV for one line; None where it takes it."""
    place = _place(key)
    return place if isinstance(place, str) else _unreadable(place, key, value)


def is_writable(key: str) -> bool:
    """Whether it is where the loader may write: Traefik ignores case, Consul's rights do not."""
    return (ROOT + key).startswith(FOLDERS)


def _small(key: str) -> str:
    folder = next(one for one in FOLDERS if (ROOT + key).lower().startswith(one)).removeprefix(ROOT)
    return folder + key[len(folder) :]


def _place(key: str) -> Known | str:
    """Where a key that may have a value leads to, or what is wrong with it."""
    place, parts = known(), key.split("/")
    for index, part in enumerate(parts):
        if not (found := place.find(part)):
            return f"{key}: Traefik knows no '{part}' here; {_nearest(place, parts[:index], part)}"
        place = found
    return f"{key}: has no value of its own; {_nearest(place, parts, '')}" if place.kind is None else place


def _unreadable(place: Known, key: str, value: str) -> str | None:
    kind = place.kind or ""
    return None if value and _fits(kind, value) else f"{key}: '{value}' is not {_VALUES[kind][1]}"


def _misworded(place: Known, key: str, value: str) -> str | None:
    words = WORDS.get(place.words, ())
    found = [one.strip() for one in value.split(",")] if place.words in _LISTS else [value]
    if not words or set(found) <= set(words):
        return None
    told = _LISTS.get(place.words, "one of " + ", ".join(words)).format(*words)
    return f"{key}: '{value}' is not {told}"


def _fits(kind: str, value: str) -> bool:
    """Whether Go can make a value of that kind of it."""
    if not re.fullmatch(_VALUES[kind][0], value):
        return False
    if kind == "~":
        parts = re.findall(r"([0-9.]+)([a-z]*)", value)
        return sum(Fraction(number) * _UNITS[unit] for number, unit in parts) <= LONGEST * _UNITS["h"]
    return kind != "#" or -(2**63) <= int(value) < 2**63


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
    every = list(found)
    lowest = {_thing(one.key): one.value for one in every if _is_version(one, "minversion")}
    for line in every:
        if line.key.lower() in before:
            yield line, f"{line.key}: is there twice"
        elif trouble := complaint(line.key, line.value) or _is_below(line, lowest.get(_thing(line.key), LOWEST)):
            yield line, trouble
        before.add(line.key.lower())


def _thing(key: str) -> str:
    """What a key belongs to. To Traefik names that differ by case only are one."""
    return key.lower().rpartition("/")[0]


def _is_below(line: Line, lowest: str) -> str | None:
    """What is wrong with a highest version below the lowest; of those that are known, the name tells which is lower."""
    if not _is_version(line, "maxversion") or line.value >= lowest:
        return None
    return f"{line.key}: '{line.value}' is below minVersion, {lowest}, so no version is left"


def _is_version(line: Line, leaf: str) -> bool:
    return line.key.lower().endswith(f"/{leaf}") and line.value in WORDS["version"]


def parsed(text: str) -> dict[str, str]:
    """The configuration as key -> value, keys below the root. Raises Trouble naming every line that is not in order."""
    found = list(lines(text))
    if wrong := [f"line {line.number}: {trouble}" for line, trouble in faults(found)]:
        raise Trouble("the configuration is not loaded, it is not in order: " + "; ".join(wrong))
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
