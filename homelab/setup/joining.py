"""What to paste so that another machine joins the cluster. Pure text.

No secret is in it: a person reads the token on the server and carries it over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from homelab.observe.nodes import Node
from homelab.setup.model import Found

TOKEN = "/var/lib/rancher/k3s/server/node-token"
"""Source: k3s docs, server token."""
K3S = "+k3s"
"""In the version of its kubelets; those of kubeadm's clusters have no addition."""
API_PORT = 6443


@dataclass(frozen=True, slots=True)
class Paste:
    """Lines for one machine."""

    where: str
    """On which."""
    lines: tuple[str, ...]
    note: str = ""


def joining(found: Found) -> tuple[Paste, ...]:
    """How another machine joins the cluster that was found; none where its distribution is not known."""
    master = next((node for node in found.nodes if node.is_control_plane), None)
    if master is None:
        return ()
    version = master.version or ""
    if K3S in version:
        return tuple(_k3s(found, master))
    return () if "+" in version else tuple(_kubeadm(master))


def _k3s(found: Found, master: Node) -> Iterator[Paste]:
    """The token is typed unseen, so that no history keeps it. Source: k3s docs, quick start and environment."""
    yield Paste(f"on {master.name}", (f"sudo cat {TOKEN}",), "it shows the token that the new machine needs")
    lines = (
        "read -rs K3S_TOKEN && export K3S_TOKEN",
        f"export K3S_URL={_address(found, master)} INSTALL_K3S_VERSION={master.version}",
        "curl -sfL https://get.k3s.io | sh -",
    )
    yield Paste("on the new machine", lines, "the first line waits, unseen, for the token")


def _kubeadm(master: Node) -> Iterator[Paste]:
    """Source: Kubernetes docs, kubeadm token."""
    line = "sudo kubeadm token create --print-join-command"
    yield Paste(f"on {master.name}", (line,), "it prints a command: paste that, after sudo, on the new machine")


def _address(found: Found, master: Node) -> str:
    """The API as another machine reaches it: k3s's own kubeconfig names the loopback."""
    port: int | None = None
    with suppress(ValueError):
        port = urlsplit(found.server or "").port
    return f"https://{master.address}:{port or API_PORT}"
