"""What is asked, step by step. A new field is a line here; its form is the plan model's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from homelab.plan.model import Environment, RouterKind

KUBECONFIG = "kubeconfig"
"""The one field that is none of the plan's."""


@dataclass(frozen=True, slots=True)
class Field:
    """One line that a person fills in, or leaves as it is proposed."""

    path: str
    """In the plan."""
    label: str
    help: str
    choices: tuple[str, ...] = ()
    """The words that it can be, where it is a choice."""
    needed: bool = True
    """Whether it cannot be left empty."""


FIELDS: Mapping[str, tuple[Field, ...]] = {
    "cluster": (
        Field(
            KUBECONFIG,
            "Kubeconfig",
            "The file with the cluster's address and the administrator's key. k3s keeps it in "
            "/etc/rancher/k3s/k3s.yaml, kubeadm in /etc/kubernetes/admin.conf.",
        ),
    ),
    "nodes": (
        Field(
            "nodes",
            "Nodes",
            "The cluster's machines: name, address and, for the one with the Kubernetes API, control-plane. "
            "Their addresses must stay the same: reserve them in the router.",
        ),
    ),
    "addresses": (
        Field(
            "network.lan",
            "LAN",
            "The network that all machines at home share, by its first address and prefix length.",
        ),
        Field("network.gateway", "Gateway", "The router's address in the LAN."),
        Field("network.dns", "Name server", "Who your machines ask for names, mostly the router."),
        Field(
            "network.dhcp",
            "Router's DHCP",
            "The addresses that the router hands out by itself: look it up in the router. "
            "Empty where it is unknown, or nothing does.",
            needed=False,
        ),
        Field(
            "network.reserved",
            "Reserved",
            "Ranges that you keep for machines with fixed addresses, with commas between.",
            needed=False,
        ),
        Field(
            "network.hosts",
            "Other machines",
            "Machines with fixed addresses that are no nodes: `switch 192.168.1.3`, more with commas between.",
            needed=False,
        ),
        Field(
            "network.trusted",
            "Trusted networks",
            "More networks that may use the internal apps, such as a VPN: 10.8.0.0/24.",
            needed=False,
        ),
        Field(
            "load_balancer.pool",
            "Pool for MetalLB",
            "Addresses that MetalLB may give to Services. Nobody else may use them, now or later.",
        ),
        Field(
            "ingress.internal.address",
            "Internal ingress",
            "The internal ingress asks MetalLB for this address, so it must be one of the pool's.",
        ),
        Field(
            "ingress.external.address",
            "External ingress",
            "The router forwards ports 80 and 443 to this address; it must be one of the pool's.",
        ),
    ),
    "router": (
        Field(
            "router.kind",
            "Router",
            "Which router, or name server, it is: the text to paste into it is made for that one.",
            get_args(RouterKind),
        ),
        Field(
            "ingress.internal.domain",
            "Internal domain",
            "Your router answers every name below it with the internal ingress. It need not be registered.",
        ),
        Field(
            "ingress.external.domain",
            "External domain",
            "A part of a domain that you have registered, such as cloud.domain.com: "
            "the public DNS leads every name below it to your home.",
        ),
    ),
    "certificates": (
        Field(
            "certificates.environment",
            "Let's Encrypt",
            "Begin with staging: its trials are not counted. Take production once everything works.",
            get_args(Environment),
        ),
        Field(
            "certificates.profile",
            "Profile",
            "The kind of certificate: classic (90 days), tlsserver (45 days) or shortlived (6 days).",
            ("classic", "tlsserver", "shortlived"),
        ),
        Field("certificates.email", "E-mail", "For the account at the CA; not needed.", needed=False),
        Field(
            "certificates.server",
            "Another CA",
            "The ACME directory of a CA of your own, an https address. Empty: Let's Encrypt.",
            needed=False,
        ),
        Field("certificates.ca", "Its root", "PEM file with the root certificate of that CA.", needed=False),
    ),
    "review": (),
    "configuration": (
        Field(
            "ingress.external.config",
            "Configuration",
            "File with lines of dynamic configuration of your own for the external Traefik: "
            "middlewares, TLS options, routers (docs/configuration.md).",
            needed=False,
        ),
    ),
}
"""Fields by step. `configuration` is no part of the first time: it is opened by itself."""

COMPUTED = ("ingress.internal.replicas", "ingress.external.replicas", "store.servers")
"""Paths that nobody is asked for: they follow from the number of nodes."""

OF_PLAN: tuple[str, ...] = (
    *(field.path for fields in FIELDS.values() for field in fields if field.path != KUBECONFIG),
    *COMPUTED,
)
"""Every path of the plan that the set-up sets, in the order of the steps."""

EMPTY = "nothing is written here"
"""What is wrong with a field that cannot stay empty."""
_BY_PATH = {field.path: field for fields in FIELDS.values() for field in fields}


def field_of(at: str) -> str | None:
    """The field that a finding's place belongs to: `nodes.master1.address` is of `nodes`; None where it is of none."""
    known = (*_BY_PATH, *COMPUTED)
    return next((path for path in known if at == path or at.startswith((f"{path}.", f"{path}["))), None)


def step_of(at: str) -> str | None:
    """The step in which a finding's place is asked; None where it is in none."""
    path = field_of(at)
    return next((step for step, fields in FIELDS.items() if any(field.path == path for field in fields)), None)


def is_needed(path: str) -> bool:
    """Whether a path of the plan cannot be left empty."""
    return path not in _BY_PATH or _BY_PATH[path].needed
