"""Homes of one node and of two, from nothing to HTTPS: one server of Consul, which nobody else can stand in for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from household import Home, eventually
from outside import fingerprints, https, needs_authority, opened, public

from homelab.plan.file import read

pytestmark = needs_authority

MACHINES = ("master1", "node1", "node2")


@pytest.fixture(scope="module", autouse=True)
def as_it_was(home: Home) -> Iterator[None]:
    """Three machines again for whoever comes next."""
    plan = home.folder / "homelab.yaml"
    written = plan.read_text()
    yield
    plan.write_text(written)
    started_anew(home)


def started_anew(home: Home, *options: str) -> None:
    """A cluster that has nothing on it."""
    home.cluster("down")
    home.cluster("up", *options)


@pytest.mark.parametrize("nodes", [2, 1])
def test_a_home_of_few_nodes_reaches_https(home: Home, nodes: int) -> None:
    plan = home.folder / "homelab.yaml"
    for gone in set(MACHINES[nodes:]) & {one.name for one in home.plan.nodes}:
        plan.write_text(read(plan.read_text()).without(f"nodes.{gone}"))
    plan.write_text(read(plan.read_text()).with_value("store.servers", 1))
    started_anew(home, "--nodes", str(nodes))

    opened(home)

    assert len(fingerprints(home, public(home))) == home.plan.ingress.external.replicas
    assert "nothing to change" in home.apply().stdout
    eventually("https answers", lambda: https(home, public(home)) == "200")
