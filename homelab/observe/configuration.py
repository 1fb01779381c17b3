"""The dynamic configuration of the external Traefik: whether Consul has it, and which replica has taken it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from homelab.configuration import LOST, Change, Trouble, changes, digest, is_lost, marker, whole
from homelab.observe.raw import name, text
from homelab.observe.taking import Took
from homelab.ports import Raw, Value

CONFIG_MAP = "traefik-external-config"
FIX = "mend it: homelab-tui config apply"


class ConfigurationState(StrEnum):
    """How the configuration fares."""

    LOADED = "loaded"
    """Consul has it, and every replica has taken it."""
    PARTLY = "partly"
    """Consul has it, and not every replica has taken it."""
    DIFFERS = "differs"
    """Consul has something else than the ConfigMap."""
    REFUSED = "refused"
    """Traefik takes nothing in: there is a key that it does not know."""
    UNKNOWN = "unknown"
    """Consul's keys could not be read."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration that is wished on the cluster, and what became of it."""

    name: str
    """Hash of its text."""
    state: ConfigurationState
    error: str | None
    """What is wrong and how to mend it; None while it is loaded."""
    keys: tuple[str, ...] = ()
    """Those that Consul has not as they are wished, below Traefik's root."""
    replicas: tuple[Took, ...] = ()

    @property
    def taken_by(self) -> int:
        """Replicas that have taken it."""
        return sum(one.error is None for one in self.replicas)


def configured(config_maps: Iterable[Raw]) -> str | None:
    """The text of the configuration that is wished on the cluster."""
    return next((text(one, "data", "config") for one in config_maps if name(one) == CONFIG_MAP), None)


def wanted(config_maps: Iterable[Raw]) -> str | None:
    """The marker that a replica lists when it has taken it."""
    found = configured(config_maps)
    return marker(found) if found is not None else None


def configuration(
    config_maps: Iterable[Raw], values: Mapping[str, Value] | None, replicas: Sequence[Took]
) -> Configuration | None:
    """What is known of it; None where none is wished. Pure."""
    if (wished := configured(config_maps)) is None:
        return None
    if values is None:
        return Configuration(digest(wished), ConfigurationState.UNKNOWN, "Consul's keys cannot be read")
    try:
        found = changes({key: value.data for key, value in values.items()}, whole(wished))
    except Trouble as error:
        why = f"ConfigMap homelab/{CONFIG_MAP} was changed by hand: {error}; {FIX}"
        return Configuration(digest(wished), ConfigurationState.DIFFERS, why, (), tuple(replicas))
    state, said = verdict(found, values, replicas)
    keys = tuple(one.key for one in found)
    return Configuration(digest(wished), state, said, keys, tuple(replicas))


def verdict(
    found: Sequence[Change], values: Mapping[str, Value], replicas: Sequence[Took]
) -> tuple[ConfigurationState, str | None]:
    """The state, and for every state but `loaded` a sentence: what, why, how to mend it."""
    if unknown := [one for one in found if one.unknown]:
        why = f"{unknown[0].key} was written by hand and Traefik does not know it, so it refuses all that is new; {FIX}"
        return ConfigurationState.REFUSED, why
    if is_lost(values):
        return ConfigurationState.DIFFERS, LOST
    if found:
        first = next((one for one in found if not one.names), found[0])
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return (
            ConfigurationState.DIFFERS,
            f"Consul differs from ConfigMap homelab/{CONFIG_MAP}: {said_of(first)}{more}; {FIX}",
        )
    if late := [one for one in replicas if one.error]:
        return ConfigurationState.PARTLY, "; ".join(f"{one.pod}: {one.error}" for one in late)
    return ConfigurationState.LOADED, None


def said_of(change: Change) -> str:
    """What is wrong with one key."""
    if change.before is None:
        return f"{change.key} is missing"
    return f"{change.key} was {'written' if change.after is None else 'changed'} by hand"
