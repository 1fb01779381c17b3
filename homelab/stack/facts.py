"""What the stack must know of the cluster: the networks that pods have addresses of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, collapse_addresses
from itertools import pairwise
from typing import Any

import yaml

from homelab.plan.model import Plan
from homelab.ports import Cluster, Kind, Raw, Ref
from homelab.stack.order import CONFIG_MAP
from homelab.stack.render import Facts

NODE = Kind("v1", "Node")
K3S_ARGS = "k3s.io/node-args"
"""Annotation in which k3s keeps the arguments of each node, those of its config file included."""
K3S_PODS = "10.42.0.0/16"
"""Source: k3s docs, server flags, cluster-cidr."""
KUBEADM = Ref(CONFIG_MAP, "kube-system", "kubeadm-config")


async def facts(cluster: Cluster, plan: Plan) -> Facts:
    """The plan's pod network, else what the cluster says of it. Raises ClusterError."""
    if plan.cluster.pods:
        return Facts(pods=(plan.cluster.pods,))
    nodes = await cluster.list(NODE)
    return Facts(pods=pod_networks(nodes, await cluster.get(KUBEADM)))


def pod_networks(nodes: Iterable[Raw], kubeadm: Raw | None) -> tuple[IPv4Network, ...]:
    """Pod networks, the whole one where the installer names it, else each node's. IPv4 only, like the plan. Pure."""
    texts = [*(text for node in nodes for text in _of_node(node)), *_of_kubeadm(kubeadm)]
    networks = [network for text in texts if (network := _network(text))]
    return tuple(collapse_addresses(networks))


def node_args(node: Raw) -> list[str]:
    """The arguments that k3s was started with on a node; empty where it is not k3s."""
    try:
        found = json.loads((node["metadata"].get("annotations") or {}).get(K3S_ARGS, "[]"))
    except ValueError:
        return []
    return [str(part) for part in found] if isinstance(found, list) else []


def option(args: list[str], name: str) -> list[str]:
    """Every value of a repeatable, comma-separated command-line option."""
    joined = [part.partition("=")[2] for part in args if part.startswith(f"{name}=")]
    apart = [value for part, value in pairwise(args) if part == name]
    return [value.strip() for text in (*joined, *apart) for value in text.split(",")]


def _of_node(node: Raw) -> Iterator[str]:
    spec = node.get("spec") or {}
    yield from spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
    args = node_args(node)
    if args[:1] == ["server"]:
        yield from option(args, "--cluster-cidr") or [K3S_PODS]


def _of_kubeadm(config: Raw | None) -> Iterator[str]:
    text = ((config or {}).get("data") or {}).get("ClusterConfiguration", "")
    try:
        document: Any = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return
    networking = document.get("networking") if isinstance(document, dict) else None
    if isinstance(networking, dict) and networking.get("podSubnet"):
        yield from str(networking["podSubnet"]).split(",")


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text.strip())
    except ValueError:
        return None  # IPv6, or nothing that we know
