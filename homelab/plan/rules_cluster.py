"""Counts, disks and certificates: what the cluster can bear and the CA accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from homelab.finding import Finding
from homelab.plan.model import Plan
from homelab.plan.registry import check, error, warning

PROFILES = ("classic", "tlsserver", "shortlived")
"""What Let's Encrypt offers. Source: Let's Encrypt docs, profiles; `tlsclient` ended on 2026-07-08."""


@check("no-nodes", "The plan has no node")
def no_nodes(plan: Plan) -> Iterator[Finding]:
    """Without nodes nothing can announce an address or run a replica."""
    if not plan.nodes:
        yield error(
            "nodes", "no node is listed", "every part of the stack runs on a node", "list each node by name and address"
        )


@check("no-control-plane", "No node is the control plane")
def no_control_plane(plan: Plan) -> Iterator[Finding]:
    """Every cluster has one; where the plan does not say which, its address map is wrong."""
    if plan.nodes and all(node.role != "control-plane" for node in plan.nodes):
        yield warning(
            "nodes",
            "no node has the role control-plane",
            "every cluster has a node that runs the Kubernetes API, and the plan does not say which",
            f"write `role: control-plane` for the master, such as {plan.nodes[0].name}",
        )


@check("too-few", "A count is less than one")
def too_few(plan: Plan) -> Iterator[Finding]:
    """Nothing would run."""
    for at, count in (*_replicas(plan), ("store.servers", plan.store.servers)):
        if count < 1:
            yield error(
                at, f"{count} is less than one", "nothing would run, so nothing would answer", "write 1 or more"
            )


@check("apps-empty", "The list of sample apps is empty")
def apps_empty(plan: Plan) -> Iterator[Finding]:
    """An apply clears the stages that have objects; what the last sample brought would stay, and nothing tell of it."""
    if not plan.apps:
        why = "an apply clears only stages that have objects, so what the last sample app brought would stay"
        yield error(
            "apps", "no sample app is named", why, "write whoami; it needs 8 MiB, and shows whether the way in works"
        )


@check("replicas-over-nodes", "An ingress has more replicas than there are nodes")
def replicas_over_nodes(plan: Plan) -> Iterator[Finding]:
    """Two replicas on one node fall together."""
    for at, count in _replicas(plan):
        if plan.nodes and count > len(plan.nodes):
            yield warning(
                at,
                f"{count} replicas on {_counted(len(plan.nodes), 'node')}",
                "two replicas on one node fall together, so the further ones protect from nothing",
                f"write {len(plan.nodes)}, or list the nodes that are missing",
            )


@check("store-servers-even", "The store has an even number of servers")
def store_servers_even(plan: Plan) -> Iterator[Finding]:
    """It bears no more losses than the odd number below it. Source: Consul docs, consensus, deployment table."""
    servers = plan.store.servers
    if servers > 0 and servers % 2 == 0:
        yield error(
            "store.servers",
            f"{servers} servers are an even number",
            f"more than half must be alive to elect a leader, so {servers} bear no more losses than {servers - 1}",
            f"write {servers - 1} or {servers + 1}",
        )


@check("store-servers-over-nodes", "The store has more servers than there are nodes")
def store_servers_over_nodes(plan: Plan) -> Iterator[Finding]:
    """Servers that share a node are lost together. Source: Consul docs, consensus, quorum."""
    servers, nodes = plan.store.servers, len(plan.nodes)
    if nodes and servers > nodes:
        yield warning(
            "store.servers",
            f"{servers} servers on {_counted(nodes, 'node')}",
            _loss(servers, nodes),
            f"write {nodes if nodes % 2 else nodes - 1}" + ("" if nodes > 1 else ", which is right for one node"),
        )


@check("storage-form", "The store's disk is no quantity")
def storage_form(plan: Plan) -> Iterator[Finding]:
    """Kubernetes would refuse the volume. Source: Kubernetes docs, resource.Quantity."""
    storage = plan.store.storage
    if not re.fullmatch(r"0*[1-9]\d*(\.\d+)?([KMGT]i|[kMGT])?", storage):
        yield error(
            "store.storage",
            f"`{storage}` is no quantity",
            "Kubernetes knows no other units, and refuses the volume",
            "write a number with Mi or Gi, such as 1Gi",
        )


@check("ca-server-form", "The CA's address is no https URL")
def ca_server_form(plan: Plan) -> Iterator[Finding]:
    """ACME is spoken over HTTPS only. Source: RFC 8555, 6.1."""
    server = plan.certificates.server
    if server is not None and not _is_https(server):
        yield error(
            "certificates.server",
            f"`{server}` is no https URL",
            "ACME is spoken over HTTPS only; over HTTP anybody on the way could sign for your names",
            "write the directory's full address, such as https://ca.internal/acme/acme/directory",
        )


@check("ca-without-server", "A root certificate is given for no CA")
def ca_without_server(plan: Plan) -> Iterator[Finding]:
    """Let's Encrypt needs none, so the key would have no effect."""
    certificates = plan.certificates
    if certificates.ca is not None and certificates.server is None:
        yield error(
            "certificates.ca",
            "`ca` is set, `server` is not",
            "Let's Encrypt needs no root certificate; the one of another CA is of no use without its address",
            "add `server:` with the CA's ACME directory, or delete `ca`",
        )


@check("email-form", "The e-mail address is malformed")
def email_form(plan: Plan) -> Iterator[Finding]:
    """The CA refuses the account: malformed contact. Source: RFC 8555, 7.3."""
    email = plan.certificates.email
    if email is not None and not re.fullmatch(r"[^@\s,<>:]+@([A-Za-z0-9-]+\.)+[A-Za-z0-9-]+", email):
        yield error(
            "certificates.email",
            f"`{email}` is no e-mail address",
            "the CA refuses an account with it, so no certificate can be had",
            "write one plain address such as anna@your.domain, or null: it is not needed",
        )


@check("profile-unknown", "Let's Encrypt does not offer the profile")
def profile_unknown(plan: Plan) -> Iterator[Finding]:
    """A warning, since the CA's directory decides and may offer new ones. Source: Let's Encrypt docs, profiles."""
    certificates = plan.certificates
    if certificates.server is None and certificates.profile not in PROFILES:
        yield warning(
            "certificates.profile",
            f"`{certificates.profile}` is no profile of Let's Encrypt that is known here",
            "the CA refuses an order for a profile that it does not offer",
            f"write one of {', '.join(PROFILES)}, unless Let's Encrypt's docs list this one",
        )


def _replicas(plan: Plan) -> tuple[tuple[str, int], ...]:
    internal, external = plan.ingress.internal, plan.ingress.external
    return ("ingress.internal.replicas", internal.replicas), ("ingress.external.replicas", external.replicas)


def _loss(servers: int, nodes: int) -> str:
    """What the loss of the fullest node leaves, servers being spread as evenly as can be."""
    together = -(-servers // nodes)
    left, majority = servers - together, servers // 2 + 1
    taken = f"the loss of one node may take {together} of {servers} servers; "
    if left >= majority:
        return taken + f"the other {left} still elect a leader, but bear no loss of another node"
    return taken + f"the {left} left are no majority, so nothing is written and no certificate renewed until it is back"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and not re.search(r"\s", url)
    except ValueError:
        return False
