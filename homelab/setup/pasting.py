"""What a person pastes on a machine so that it joins, or fits; by the kind of Kubernetes that is there. Pure.

No secret is in it: a person reads the token on the server and carries it over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from homelab.setup.model import Found
from homelab.stack.obstacles import K3S_FLAGS

K3S = "+k3s"
"""In the version of every k3s. Source: k3s releases."""
KUBEADM = re.compile(r"v\d+\.\d+\.\d+")
"""Kubernetes as it is released, which kubeadm installs; others add a word of their own."""
PORT = 6443
TOKEN = "/var/lib/rancher/k3s/server/node-token"
"""Source: k3s docs, server token."""


@dataclass(frozen=True, slots=True)
class Paste:
    """Commands for one machine."""

    where: str
    """On which machine, and what for."""
    commands: tuple[str, ...]


def pastes(found: Found) -> tuple[Paste, ...]:
    """What mends the cluster's flags, then how another machine joins; nothing where the kind of cluster is unknown."""
    if K3S in (found.version or ""):
        return (*_k3s_flags(found), *_k3s_joins(found))
    return tuple(_kubeadm_joins(found)) if KUBEADM.fullmatch(found.version or "") else ()


def _masters(found: Found) -> list[tuple[str, str]]:
    return [(node.name, node.address) for node in found.nodes if node.is_control_plane and node.address]


def _k3s_flags(found: Found) -> Iterator[Paste]:
    if any(finding.at.startswith("k3s") for finding in found.findings):
        for name, _ in _masters(found):
            yield Paste(f"on {name}: without the load balancer and the Traefik that k3s brings", K3S_FLAGS)


def _k3s_joins(found: Found) -> Iterator[Paste]:
    """The token is typed unseen, so that no history keeps it. Source: k3s docs, quick start and environment."""
    for name, address in _masters(found)[:1]:
        yield Paste(f"on {name}: shows the token for another machine", (f"sudo cat {TOKEN}",))
        joins = (
            "read -rs K3S_TOKEN && export K3S_TOKEN",
            f"export K3S_URL=https://{address}:{_port(found)} INSTALL_K3S_VERSION={found.version}",
            "curl -sfL https://get.k3s.io | sh -",
        )
        yield Paste("on the machine that is to join; the first line waits, unseen, for the token", joins)


def _port(found: Found) -> int:
    """Of the API; its host may be the loopback in the kubeconfig of a server."""
    with suppress(ValueError):
        return urlsplit(found.server or "").port or PORT
    return PORT


def _kubeadm_joins(found: Found) -> Iterator[Paste]:
    for name, _ in _masters(found)[:1]:
        yield Paste(
            f"on {name}: shows the command for the machine that is to join",
            ("sudo kubeadm token create --print-join-command",),
        )
