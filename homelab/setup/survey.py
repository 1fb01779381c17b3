"""Looks at the cluster and the network, and says what a set-up must know. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address

from homelab.observe.nodes import nodes as nodes_of
from homelab.observe.raw import dig, items, text
from homelab.plan.model import Plan
from homelab.ports import Cluster, Forbidden, Kind, Machine, Neighbourhood, Raw
from homelab.setup.around import LARGEST, wireless
from homelab.setup.model import Found, Right
from homelab.stack.facts import NODE
from homelab.stack.holders import INGRESSES, held
from homelab.stack.obstacles import obstacles
from homelab.stack.order import SERVICE
from homelab.together import together

REVIEW = Kind("authorization.k8s.io/v1", "SelfSubjectAccessReview")
WRITTEN = (
    ("", "Namespaces"),
    ("", "ServiceAccounts"),
    ("", "ConfigMaps"),
    ("", "Secrets"),
    ("", "Services"),
    ("apps", "Deployments"),
    ("apps", "DaemonSets"),
    ("apps", "StatefulSets"),
    ("batch", "Jobs"),
    ("batch", "CronJobs"),
    ("policy", "PodDisruptionBudgets"),
    ("networking.k8s.io", "Ingresses"),
    ("networking.k8s.io", "IngressClasses"),
    ("networking.k8s.io", "NetworkPolicies"),
    ("rbac.authorization.k8s.io", "ClusterRoles"),
    ("rbac.authorization.k8s.io", "ClusterRoleBindings"),
    ("rbac.authorization.k8s.io", "Roles"),
    ("rbac.authorization.k8s.io", "RoleBindings"),
    ("apiextensions.k8s.io", "CustomResourceDefinitions"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfigurations"),
    ("metallb.io", "IPAddressPools"),
    ("metallb.io", "L2Advertisements"),
    ("traefik.io", "Middlewares"),
)
"""API group and kind of everything that a deploy writes; a test compares them with the manifests."""
VERBS = ("create", "patch", "delete", "list")
"""What is done to each of them."""
EVERYTHING = Right("everything", have=True)


async def survey(cluster: Cluster, plan: Plan, before: Found) -> Found:
    """Ask the cluster everything; `plan` says what will be wanted of it. Raises ClusterError."""
    version = await cluster.version()
    rights = await rights_of(cluster)
    objects, services = await together(partial(_listed, cluster, kind) for kind in (NODE, SERVICE))
    nodes = nodes_of(objects)
    on_machine = wireless(before.machine, nodes) if before.machine else ()
    in_the_way = (one for one in await obstacles(cluster, plan) if one.at not in INGRESSES)  # `around` says those
    findings = (*in_the_way, *on_machine)
    found = replace(before, version=version, rights=rights, nodes=nodes, findings=findings, trouble=None)
    return replace(found, given=given_of(services), others=held(services))


async def rights_of(cluster: Cluster) -> tuple[Right, ...]:
    """One right for an administrator; else one for each kind that a deploy writes. Raises ClusterError."""
    if await _may(cluster, "*", "*", "*"):
        return (EVERYTHING,)
    have = await together(partial(_may_write, cluster, group, kind.lower()) for group, kind in WRITTEN)
    return tuple(Right(f"write {kind}", one) for (_, kind), one in zip(WRITTEN, have, strict=True))


async def _may_write(cluster: Cluster, group: str, resource: str) -> bool:
    for verb in VERBS:  # the first that lacks says enough
        if not await _may(cluster, verb, group, resource):
            return False
    return True


async def _may(cluster: Cluster, verb: str, group: str, resource: str) -> bool:
    attributes = {"verb": verb, "group": group, "resource": resource}
    review: Raw = {
        "apiVersion": REVIEW.api_version,
        "kind": REVIEW.name,
        "metadata": {},
        "spec": {"resourceAttributes": attributes},
    }
    return dig(await cluster.create(review), "status", "allowed") is True


async def _listed(cluster: Cluster, kind: Kind) -> tuple[Raw, ...]:
    try:
        return await cluster.list(kind)
    except Forbidden:
        return ()  # the obstacles say so


def given_of(services: Iterable[Raw]) -> frozenset[IPv4Address]:
    """The Services' addresses; what a controller wrote there that is no IPv4 address is nobody's on this LAN."""
    given = set()
    for service in services:
        for entry in items(service, "status", "loadBalancer", "ingress"):
            with suppress(ValueError):
                given.add(IPv4Address(text(entry, "ip") or ""))
    return frozenset(given)


def sought(plan: Plan, machine: Machine | None) -> frozenset[IPv4Address]:
    """Which addresses to ask whether they answer: the LAN's, or only the pool's where that is too many.

    None where this machine is in another network: nobody there answers ARP.
    """
    lan, pool = plan.network.lan, plan.load_balancer.pool
    if machine is None or not any(way.address.network.overlaps(lan) for way in machine.interfaces):
        return frozenset()
    if lan.num_addresses <= LARGEST:
        return frozenset(lan.hosts())
    return frozenset(pool.first + at for at in range(len(pool))) if len(pool) <= LARGEST else frozenset()


def contested(plan: Plan, machine: Machine | None) -> frozenset[IPv4Address]:
    """Those of them that the plan wants for itself."""
    return frozenset(one for one in sought(plan, machine) if one in plan.load_balancer.pool)


async def taken(
    neighbourhood: Neighbourhood, addresses: Collection[IPv4Address], given: Collection[IPv4Address]
) -> Mapping[IPv4Address, str]:
    """Which of the addresses somebody has, but for those that the cluster gave to its Services itself."""
    found = await neighbourhood.macs(addresses)
    return {address: mac for address, mac in found.items() if address not in given}
