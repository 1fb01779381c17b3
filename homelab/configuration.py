"""The dynamic configuration of the external Traefik: our lines, the user's, and how Consul's keys compare with them.

What may stand in it is told by `manifests/config/dynamic.py`, the very module by which the loader in the cluster goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import manifests
from homelab.plan.named import content

if TYPE_CHECKING:  # in the cluster it lies beside the loader, and is checked under the name that it has there
    import dynamic
else:
    from manifests.config import dynamic

ROOT, FOLDERS, HASH = dynamic.ROOT, dynamic.FOLDERS, dynamic.HASH
Trouble = dynamic.Trouble
OWN = "${configuration.own}"
"""Where the user's lines stand in the manifest."""
CERTIFICATE = re.compile(ROOT + "tls/certificates/[^/]+/(certFile|keyFile)")
"""What the issuer writes. Half a pair is its to complete."""
SECRET = re.compile(r"/(basicauth|digestauth)/users(/|$)|/forwardauth/tls/key$|/customrequestheaders/authorization$")
"""Keys, in lower case, whose values are for nobody's eyes."""
HIDDEN = re.compile(rf"{SECRET.pattern}|/(basicauth|digestauth)/|authorization|password|secret|token")
"""Those, and what somebody may have written in their place by hand."""


@cache
def ours() -> str:
    """The lines that every home has."""
    import yaml  # noqa: PLC0415 - the console, which shows what it is told here, starts without

    (config,) = yaml.load_all(manifests.texts("config")["configuration.yaml"], Loader=yaml.CSafeLoader)
    text: str = config["data"]["config"]
    return text.replace(OWN, "")


def own(file: str) -> str:
    """The user's lines. Raises OSError, ValueError for what is no short text."""
    return "\n".join(content(file).decode("utf-8-sig").splitlines()).rstrip("\n")


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the user's that is not in order."""

    number: int
    what: str
    why: str
    fix: str


def faults(text: str) -> Iterator[Fault]:
    """Every line that would do harm: what the loader refuses, what is ours, what is a secret."""
    found = list(dynamic.lines(text))
    wrong = dict(dynamic.faults(found))
    for line in found:
        if _thing(line.key) == EVERY_HOST:
            yield Fault(line.number, f"{line.key} is homelab-tui's own", ENDS, OWN_OPTIONS)
        elif _is_ours(line.key):
            yield Fault(line.number, f"{line.key} is homelab-tui's own", OURS, "take another name, or delete the line")
        elif SECRET.search(line.key.lower()):
            yield Fault(line.number, f"{line.key} is a secret", OPEN, "put it into a Secret that a Middleware names")
        elif line in wrong:
            what, _, fix = wrong[line].partition("; ")
            yield Fault(line.number, what, _why(line), fix or "correct the line, or delete it")


OURS = "the CA's question finds its way by what is ours, and nothing of it may be changed"
OPEN = "it would lie open in a ConfigMap and in Consul"
ENDS = "these are every host's TLS options, and one wrong word there ends HTTPS of every host"
REFUSED = "one line that Traefik does not know makes it refuse all of its configuration in Consul"
SILENT = "Traefik loads it without a word, and what uses it fails, or does not do what it says"
ELSEWHERE = "the loader may write nowhere else, so it would load nothing at all"
EVERY_HOST = "tls/options/default"
"""The options of every router that names none."""
OWN_OPTIONS = "name options of your own, as in tls/options/mine/minVersion, and name those in your routers"


def _why(line: dynamic.Line) -> str:
    """What a line that is not in order would do."""
    if dynamic.refusal(line.key, line.value):
        return REFUSED
    return SILENT if dynamic.is_writable(line.key) else ELSEWHERE


def room(text: str) -> int:
    """How many more keys the user's lines may have; less than nothing where they are too many."""
    return dynamic.room(len(list(dynamic.lines(ours()))) + len(list(dynamic.lines(text))))


def _is_ours(key: str) -> bool:
    """Whether it is among our lines, or belongs to a router, service or middleware of ours."""
    written = {line.key.lower() for line in dynamic.lines(ours())}
    things = {_thing(one) for one in written if one.startswith("http/")}
    return key.lower() in written or _thing(key) in things or key.lower().startswith(dynamic.MARKER)


def _thing(key: str) -> str:
    """The router, service, middleware or TLS option that a key belongs to, in lower case."""
    return "/".join(key.lower().split("/")[:3])


def whole(text: str) -> Mapping[str, bytes]:
    """Every key that Consul has to have for a configuration, its hash too. Raises Trouble."""
    return dynamic.wished(text) | {HASH: digest(text).encode()}


def digest(text: str) -> str:
    """The name of a configuration."""
    return dynamic.digest(text)


def marker(text: str) -> str:
    """The middleware that a replica lists when it has taken this configuration."""
    return f"homelab-{digest(text)}@consul"


@dataclass(frozen=True, slots=True)
class Change:
    """One key that Consul does not have as it is wished."""

    key: str
    """Below Traefik's root; only the hash stands elsewhere."""
    before: str | None
    """What Consul has; None where it has nothing."""
    after: str | None
    """What is wished; None where nothing is."""

    @property
    def names(self) -> bool:
        """Whether it only says which configuration this is."""
        return self.key == HASH or self.key.startswith(dynamic.MARKER)

    @property
    def unknown(self) -> str | None:
        """Why Traefik refuses all of its configuration because of this key; None where it knows it."""
        is_left = self.after is None and self.before is not None and self.key != HASH
        found = dynamic.refusal(self.key, self.before or "") if is_left else None
        return found.partition("; ")[0].removeprefix(f"{self.key}: ") if found else None

    @property
    def text(self) -> str:
        """A line for a person, with the values that may be seen."""
        sign = "+" if self.before is None else "-" if self.after is None else "~"
        if HIDDEN.search(self.key.lower()):
            return f"{sign} {self.key} (its value is not shown)"
        values = " -> ".join(one for one in (self.before, self.after) if one is not None)
        return f"{sign} {self.key} = {values}{f'   (by hand; {self.unknown})' if self.unknown else ''}"


def told(found: Sequence[Change]) -> list[str]:
    """Changes as lines. What only names a configuration is left out where anything else tells of it."""
    shown = [one for one in found if not one.names] or found
    return [one.text for one in shown]


def strange(names: Iterable[str]) -> tuple[str, ...]:
    """Keys below Traefik's root that neither the loader nor the issuer writes: somebody did by hand."""
    return tuple(key for key in names if not key.startswith(FOLDERS) and not CERTIFICATE.fullmatch(key))


def is_lost(held: Mapping[str, object]) -> bool:
    """Whether something was loaded, and nothing of it can be seen."""
    return HASH in held and not any(key.startswith(FOLDERS) for key in held)


LOST = (
    "none of its keys can be read in Consul: they were deleted, or the console's token may not read them; "
    "mend it: homelab-tui apply"
)


def changes(held: Mapping[str, bytes], wished: Mapping[str, bytes]) -> tuple[Change, ...]:
    """What would change, by key. Keys of Consul that are not the loader's are passed over."""
    before, after = _readable(held), _readable(wished)
    every = sorted(before.keys() | after.keys())
    return tuple(Change(key, before.get(key), after.get(key)) for key in every if before.get(key) != after.get(key))


def _readable(keys: Mapping[str, bytes]) -> dict[str, str]:
    owned = {key: value for key, value in keys.items() if key == HASH or key.startswith(FOLDERS)}
    return {key.removeprefix(ROOT): value.decode(errors="replace") for key, value in owned.items()}
