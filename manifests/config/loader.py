"""The config loader: writes the dynamic configuration of the external Traefik into Consul's KV store.

    python3 loader.py

The configuration is a text of lines `key = value`, with keys below Traefik's root, as in
`http/routers/acme-challenge/priority = 1000000`; blank lines and lines that begin with `#` are skipped.

One unknown leaf or one value of a wrong type makes Traefik refuse everything in KV, so all of it is checked first. It
is then written in one transaction that replaces `http/` and `tls/options/`, and never touches `tls/certificates/`. When
all is there nothing is written, so whoever may need it runs this: a Job, each starting replica, each run of the issuer.
A middleware named `homelab-<hash>`, used by nobody, shows in each replica's API whether it took the configuration.

Environment: CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN_FILE, HOMELAB_CONFIG (file with the text), HOMELAB_PATIENCE (seconds
to wait for a Consul that has a leader). Exit code 0: KV holds it; 1: it does not, and the last line says why.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

ROOT = "traefik-external/"
"""Traefik's root key. Everything below it is read by Traefik, so nothing else may live there."""
FOLDERS = (ROOT + "http/", ROOT + "tls/options/")
"""What the loader owns."""
HASH = "homelab/config/hash"
"""Names the configuration that was loaded; outside the root."""
TXN_LIMIT = 64
"""Operations that Consul takes in one transaction. Source: Consul API docs, txn."""
AGAIN_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
T = TypeVar("T")

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


class Away(Trouble):
    """Consul does not answer, or has no leader; worth another try."""


class Outrun(Trouble):
    """Somebody else was faster: the transaction's condition no longer held, nothing was written."""


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


def known(table: str = ACCEPTED) -> Known:
    """The table as a tree."""
    root = Known()
    for row in table.strip().splitlines():
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


TREE = known()


def complaint(key: str, value: str) -> str | None:
    """What is wrong with one line of the configuration; None when Traefik accepts it."""
    place, parts = TREE, key.split("/")
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
        f"the nearest key is {there}" if close else f"below {there} there is {', '.join(names.values()) or 'nothing'}"
    )


def parsed(text: str) -> dict[str, str]:
    """The configuration as key -> value, keys below the root. Raises Trouble naming every line that is not in order."""
    found: dict[str, str] = {}
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            key, _, value = (part.strip() for part in line.partition("="))
            twice = f"{key}: is there twice" if key.lower() in map(str.lower, found) else None
            if trouble := twice or complaint(key, value):
                wrong.append(f"line {number}: {trouble}")
            found[key] = value
    if wrong:
        raise Trouble("the configuration is not loaded, Traefik would refuse all of it: " + "; ".join(wrong))
    return found


def digest(text: str) -> str:
    """The name of a configuration."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def wished(text: str) -> dict[str, bytes]:
    """All that has to be in KV below what the loader owns, with the marker. Raises Trouble."""
    marker = {f"http/middlewares/homelab-{digest(text)}/addPrefix/prefix": "/"}
    keys = {ROOT + key: value.encode() for key, value in (parsed(text) | marker).items()}
    if (count := len(keys) + len(FOLDERS) + 1) > TXN_LIMIT:
        raise Trouble(
            f"the configuration is not loaded: it needs {count} operations and Consul takes {TXN_LIMIT} in one "
            f"transaction; write lists with commas, or shorten it by {count - TXN_LIMIT} keys"
        )
    return keys


Operation = dict[str, Any]


def write(key: str, value: bytes) -> Operation:
    """Set a key, as part of a transaction."""
    return {"KV": {"Verb": "set", "Key": key, "Value": base64.b64encode(value).decode()}}


def clear(folder: str) -> Operation:
    """Delete everything below a folder, as part of a transaction."""
    return {"KV": {"Verb": "delete-tree", "Key": folder}}


def transaction(keys: Mapping[str, bytes], name: str, index: int) -> list[Operation]:
    """Replaces what the loader owns, if the hash is still the one that was read: Traefik sees the old or the new."""
    first = write(HASH, name.encode())
    first["KV"] |= {"Verb": "cas", "Index": index}
    return [first, *map(clear, FOLDERS), *(write(key, value) for key, value in sorted(keys.items()))]


@dataclass(frozen=True, slots=True)
class Pair:
    """A value in KV and the index of its last change."""

    value: bytes
    index: int


@dataclass(frozen=True)
class Consul:
    """The parts of Consul's HTTP API that the loader and the issuer need."""

    address: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, address: str, token_file: str) -> Consul:
        """With the token of a file, so that it is in no argument. Raises OSError."""
        return cls(address if "://" in address else "http://" + address, Path(token_file).read_text().strip())

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer, None for a 404. Raises Away, Outrun or Trouble."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Consul-Token": self.token, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}/v1/{path}", data, headers, method=method)
        try:
            with _opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return self._refusal(f"{method} {path}", error.code, error.read().decode(errors="replace").strip())
        except (OSError, ValueError) as error:
            raise Away(f"Consul at {self.address} does not answer: {getattr(error, 'reason', error)}") from None

    def _refusal(self, what: str, status: int, said: str) -> None:
        if status == 404:  # noqa: PLR2004 - Consul says so of every key and session that is not there
            return
        if "ermission denied" in said or "ACL not found" in said:
            raise Trouble(f"Consul refuses the token for {what}: {said}; `homelab-tui apply` creates missing tokens")
        kind = Outrun if status == 409 else Away if status in (429, 500, 503) else Trouble  # noqa: PLR2004
        raise kind(f"Consul answers {status} to {what}: {' '.join(said.split())[:300]}")

    def below(self, prefix: str) -> dict[str, Pair]:
        """Every key that begins so. Raises Away or Trouble."""
        found = self.ask("GET", f"kv/{prefix}?recurse&consistent") or []
        return {e["Key"]: Pair(base64.b64decode(e["Value"] or ""), e["ModifyIndex"]) for e in found}

    def commit(self, operations: Iterable[Operation]) -> None:
        """All or nothing. Raises Outrun when a condition does not hold, Away or Trouble."""
        self.ask("PUT", "txn", list(operations))


# Whatever proxy the environment names, it is not for the cluster's own addresses.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def load(consul: Consul, text: str) -> bool:
    """Bring the configuration into KV; False when it was there to the last key. Raises Away, Outrun or Trouble."""
    keys, name = wished(text), digest(text)
    mark = consul.below(HASH).get(HASH, Pair(b"", 0))
    found = {key: pair.value for folder in FOLDERS for key, pair in consul.below(folder).items()}
    if found == keys and mark.value == name.encode():
        return False
    consul.commit(transaction(keys, name, mark.index))
    return True


def patiently(seconds: float, what: Callable[[], T], passing: tuple[type[Trouble], ...] = (Away, Outrun)) -> T:
    """Try until it works, or until the time is over or the trouble is none that passes: then it is raised."""
    end = time.monotonic() + seconds
    told = False
    while True:
        try:
            return what()
        except passing as error:
            if time.monotonic() >= end:
                raise
            if not told:
                tell("waiting", error=str(error))
            told = True
        time.sleep(AGAIN_SECONDS)


def tell(event: str, **facts: object) -> None:
    """One line of JSON on standard output."""
    print(json.dumps({"event": event, **facts}, ensure_ascii=False), flush=True)


def main() -> int:
    """Load what the environment names."""
    try:
        consul = Consul.of(os.environ["CONSUL_HTTP_ADDR"], os.environ["CONSUL_HTTP_TOKEN_FILE"])
        text = Path(os.environ["HOMELAB_CONFIG"]).read_text("utf-8")
        wrote = patiently(float(os.environ["HOMELAB_PATIENCE"]), lambda: load(consul, text))
    except (Trouble, OSError) as error:
        tell("failed", error=str(error))
        return 1
    tell("loaded" if wrote else "already loaded", hash=digest(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
