"""What the stack must know of the cluster: who has which addresses, and which policies proved to be wrong for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, collapse_addresses, ip_address, ip_network
from itertools import pairwise
from typing import Any

import yaml

from homelab.observe.raw import items, strings, text
from homelab.plan.model import Plan
from homelab.ports import Cluster, Kind, Raw, Ref
from homelab.stack import network
from homelab.stack.order import CONFIG_MAP
from homelab.stack.render import Facts

NODE = Kind("v1", "Node")
K3S_ARGS = "k3s.io/node-args"
"""Annotation in which k3s keeps the arguments of each node, those of its config file included."""
K3S_PODS = "10.42.0.0/16"
"""Source: k3s docs, server flags, cluster-cidr."""
KUBEADM = Ref(CONFIG_MAP, "kube-system", "kubeadm-config")


async def facts(cluster: Cluster, plan: Plan) -> Facts:
    """What the cluster says; of its pod network only where the plan does not. Raises ClusterError."""
    nodes = await cluster.list(NODE)
    pods = (plan.cluster.pods,) if plan.cluster.pods else pod_networks(nodes, await cluster.get(KUBEADM))
    blind = network.taken_back(await cluster.get(network.REF), datetime.now(UTC))
    return Facts(pods, proxies(nodes), blind)


def proxies(nodes: Iterable[Raw]) -> tuple[IPv4Address | IPv6Address, ...]:
    """Where the API server's proxy may ask pods from: every node's addresses, and the first of its pod network. Pure.

    To a pod of its own node it speaks as the bridge (the first address after the network's own), to one of another
    node as the tunnel, which with flannel has the network's own. Source: kube-router#332, calico#1987, flannel#1769.
    """
    return tuple(address for node in nodes for address in (*_own(node), *_first(node)))


def _own(node: Raw) -> Iterator[IPv4Address | IPv6Address]:
    for entry in items(node, "status", "addresses"):
        try:
            yield ip_address((text(entry, "address") or "").partition("%")[0])
        except ValueError:
            continue  # a host name


def _first(node: Raw) -> Iterator[IPv4Address | IPv6Address]:
    for written in strings(node, "spec", "podCIDRs") or (text(node, "spec", "podCIDR") or "",):
        try:
            found = ip_network(written)
        except ValueError:
            continue  # the network plug-in keeps its own books
        yield from (found[at] for at in range(min(2, found.num_addresses)))


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
