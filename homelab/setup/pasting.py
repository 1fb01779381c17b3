"""What a person pastes on a machine so that it joins, or fits; by the kind of Kubernetes that is there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from homelab.setup.model import Found

K3S = "+k3s"
"""In the version of every k3s. Source: k3s releases."""
KUBEADM = re.compile(r"v\d+\.\d+\.\d+")
"""Kubernetes as it is released, which kubeadm installs; others add a word of their own."""
PORT = 6443
_FLAGS = (
    "sudo mkdir -p /etc/rancher/k3s/config.yaml.d && "
    "echo 'disable: [traefik, servicelb]' | sudo tee /etc/rancher/k3s/config.yaml.d/homelab.yaml"
)
_TOKEN = "/var/lib/rancher/k3s/server/node-token"


@dataclass(frozen=True, slots=True)
class Paste:
    """One command."""

    where: str
    """On which machine, and what for."""
    command: str


def pastes(found: Found) -> tuple[Paste, ...]:
    """What mends the cluster's flags, then how another machine joins; nothing where the kind of cluster is unknown."""
    if K3S in (found.version or ""):
        return (*_k3s_flags(found), *_k3s_joins(found))
    return tuple(_kubeadm_joins(found)) if KUBEADM.fullmatch(found.version or "") else ()


def _masters(found: Found) -> list[tuple[str, str]]:
    return [(node.name, node.address) for node in found.nodes if node.is_control_plane and node.address]


def _k3s_flags(found: Found) -> Iterator[Paste]:
    """Source: k3s docs, configuration file: files of config.yaml.d are read too, lists of later ones replace."""
    if any(finding.at.startswith("k3s") for finding in found.findings):
        for name, _ in _masters(found):
            yield Paste(f"on {name}: without the load balancer and the Traefik that k3s brings", _FLAGS)
            yield Paste(f"then, on {name}", "sudo systemctl restart k3s")


def _k3s_joins(found: Found) -> Iterator[Paste]:
    for name, address in _masters(found)[:1]:
        yield Paste(
            f"on {name}: shows the token for another machine", "sudo cat /var/lib/rancher/k3s/server/node-token"
        )
        join = f"curl -sfL https://get.k3s.io | K3S_URL=https://{address}:{PORT} K3S_TOKEN=TOKEN sh -"
        yield Paste("on the machine that is to join, with that token in the place of TOKEN", join)


def _kubeadm_joins(found: Found) -> Iterator[Paste]:
    for name, _ in _masters(found)[:1]:
        yield Paste(
            f"on {name}: shows the command for the machine that is to join",
            "sudo kubeadm token create --print-join-command",
        )
