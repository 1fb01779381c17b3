"""The machines of the cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from homelab.observe.raw import dig, items, label, name, strings, text
from homelab.ports import Raw

ROLE_PREFIX = "node-role.kubernetes.io/"
CONTROL_PLANE = frozenset({"control-plane", "master"})
"""`master` is what clusters before 1.24 say."""
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


@dataclass(frozen=True, slots=True)
class Node:
    """One machine, as the API server knows it."""

    name: str
    roles: tuple[str, ...]
    """Source: labels `node-role.kubernetes.io/ROLE`; `worker` when there is none."""
    address: str | None
    """Source: status.addresses, the first InternalIP, IPv4 before IPv6."""
    arch: str | None
    """`arm64`, `amd64`, ... as the kubelet reports it."""
    ready: bool | None
    """None: the control plane has not heard of the kubelet lately (`Unknown`), or never."""
    pods: tuple[str, ...]
    """Networks of this node's pods. Source: spec.podCIDRs; empty where the network plugin keeps its own books."""
    version: str | None
    """Of the kubelet, such as `v1.37.2`."""
    announces: bool
    """False when labelled as excluded from load balancers: MetalLB's speaker then stays silent there, without an event.
    kubeadm labels control planes so. Source: metallb#2274."""

    @property
    def is_control_plane(self) -> bool:
        """Whether the API server's side of the cluster runs here."""
        return not CONTROL_PLANE.isdisjoint(self.roles)


def nodes(raw: Iterable[Raw]) -> tuple[Node, ...]:
    """Every node, the control plane first, then by name."""
    return tuple(sorted(map(node, raw), key=lambda n: (not n.is_control_plane, n.name)))


def node(raw: Raw) -> Node:
    """One node from its object."""
    return Node(
        name=name(raw),
        roles=roles(raw),
        address=address(raw),
        arch=text(raw, "status", "nodeInfo", "architecture") or label(raw, "kubernetes.io/arch"),
        ready=ready(raw),
        pods=strings(raw, "spec", "podCIDRs") or tuple(filter(None, [text(raw, "spec", "podCIDR")])),
        version=text(raw, "status", "nodeInfo", "kubeletVersion"),
        announces=EXCLUDED not in labels(raw),
    )


def labels(raw: Raw) -> dict[str, object]:
    """Labels with any value: those of roles are empty strings."""
    found = dig(raw, "metadata", "labels")
    return found if isinstance(found, dict) else {}


def roles(raw: Raw) -> tuple[str, ...]:
    """Roles by label, sorted."""
    found = sorted(key.removeprefix(ROLE_PREFIX) for key in labels(raw) if key.startswith(ROLE_PREFIX))
    return tuple(filter(None, found)) or ("worker",)


def address(raw: Raw) -> str | None:
    """The address by which the other nodes reach this one."""
    internal = [a for a in items(raw, "status", "addresses") if a.get("type") == "InternalIP"]
    found = [ip for a in internal if (ip := text(a, "address"))]
    return min(found, key=lambda ip: ":" in ip, default=None)


def ready(raw: Raw) -> bool | None:
    """The Ready condition as a yes, a no, or nobody knows."""
    status = next((c.get("status") for c in items(raw, "status", "conditions") if c.get("type") == "Ready"), None)
    return {"True": True, "False": False}.get(status) if isinstance(status, str) else None
