"""The servers that keep the certificates: who leads, who follows, who is silent."""

from __future__ import annotations

from collections.abc import Iterable

from homelab.observe.behind import POD
from homelab.observe.configuration import CONFIG_MAP, Configuration
from homelab.observe.consul import Consul as Facts
from homelab.observe.consul import Server
from homelab.observe.snapshot import TRAEFIK_NAMESPACE
from homelab.observe.text import (
    CONSUL_HEAD,
    NOTHING,
    Row,
    configuration_word,
    configuration_words,
    consul_rows,
    consul_words,
    server_word,
)
from homelab.ports import Kind, Ref
from screens.scene import Scene
from screens.widgets.pane import Table, TablePane

CONFIG_MAP_KIND = Kind("v1", "ConfigMap")
CONFIGURATION = "configuration"
"""Key of its row."""


class Consul(TablePane):
    """Every server."""

    TITLE = "Consul"
    NEEDS = ("consul",)
    EMPTY = "There is no Consul yet: press 6 to deploy"
    QUIET = True

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """Who leads, what is wrong with the external Traefik's configuration, and how many more may fail."""
        if not scene.snapshot or not scene.snapshot.consul:
            return ()
        leader, *others = consul_words(scene.snapshot.consul)
        return (leader, *configuration_words(scene.snapshot.configuration), *others)

    def data(self, scene: Scene) -> Table | None:
        """One row per server; above them, what is wrong with the configuration that they keep."""
        if scene.snapshot is None:
            return None
        servers = tuple(consul_rows(scene.snapshot))
        found = scene.snapshot.configuration
        wrong = (configuration_row(found),) if servers and found and configuration_words(found) else ()
        return Table(CONSUL_HEAD, (*wrong, *servers))

    def details(self, key: str, scene: Scene) -> Iterable[tuple[str, str]]:
        """Everything about one server, and what is true of all."""
        if scene.snapshot is None:
            return ()
        found, configuration = scene.snapshot.consul, scene.snapshot.configuration
        if configuration and key == CONFIGURATION:
            return configured(configuration)
        of_server = next((facts(one, found) for one in found.servers if one.name == key), ()) if found else ()
        return (*of_server, ("Configuration", configuration_word(configuration))) if configuration else of_server

    def objects(self, key: str, scene: Scene) -> tuple[Ref, ...]:
        """The pod; of the configuration its ConfigMap."""
        if key == CONFIGURATION:
            return (Ref(CONFIG_MAP_KIND, TRAEFIK_NAMESPACE, CONFIG_MAP),)
        return (Ref(POD, TRAEFIK_NAMESPACE, key),)


def configuration_row(found: Configuration) -> Row:
    """What is wrong with the configuration."""
    dashes = [NOTHING] * (len(CONSUL_HEAD.names) - 2)
    return Row(
        (CONFIGURATION, *dashes, configuration_word(found)), (found.error,) if found.error else (), CONFIGURATION
    )


def configured(found: Configuration) -> tuple[tuple[str, str], ...]:
    """How the configuration fares that the servers keep for the external Traefik."""
    said = (("Configuration", configuration_word(found)), ("Why", found.error), ("Keys", ", ".join(found.keys)))
    return tuple((name, value) for name, value in said if value)


def facts(one: Server, all_: Facts) -> tuple[tuple[str, str], ...]:
    """Names and values."""
    behind = "nothing" if one.behind == 0 else f"{one.behind} entries"
    found = (
        ("Server", one.name),
        ("State", server_word(one)),
        ("Why", one.error),
        ("Node", one.node),
        ("Version", one.version),
        ("Vote", {True: "counts", False: "not yet"}.get(one.voter) if one.voter is not None else None),
        ("Last contact", f"within {one.contact / 1000:g} s" if one.contact else None),
        ("Behind", behind if one.behind is not None else None),
        ("Peers", peers(all_)),
        ("Issuer's lock", lock(all_)),
    )
    return tuple((name, value) for name, value in found if value)


def lock(all_: Facts) -> str | None:
    """Who has it; None where that cannot be read."""
    free = None if all_.error else "free"
    return f"held by {all_.holder or all_.session}" if all_.session else free


def peers(all_: Facts) -> str | None:
    """How many elect, and how many may fail."""
    if all_.voters is None:
        return None
    return f"{all_.voters} vote; {all_.tolerance or 'none'} may fail before nothing can be read or written"
