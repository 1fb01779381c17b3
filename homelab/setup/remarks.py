"""What no rule on a plan can know of the answers: why there is no proposal, and what leads nowhere.

Pure but for a look whether the kubeconfig is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from homelab.finding import Finding, Severity, brief
from homelab.setup.fields import KUBECONFIG
from homelab.setup.forms import NODES
from homelab.setup.model import Found
from homelab.setup.propose import POOL, address_of, cramped
from homelab.stack.facts import NODE
from homelab.stack.holders import INGRESSES
from homelab.stack.obstacles import unseen_at

ROOM = "a smaller DHCP range or reserved range makes room, or a larger LAN does: its prefix is set in the router"

Texts = Mapping[str, str]


def remarks(values: Texts, found: Found) -> Iterator[Finding]:
    """Of the kubeconfig, and of machines that are in no proposal."""
    yield from _leads_nowhere(values, found)
    names = values.get(NODES, "").replace(",", " ").split()
    for node in found.nodes:
        if address_of(node) is None and node.name not in names:
            has = f"its address is {node.address}" if node.address else "Kubernetes knows none"
            what = f"{node.name} has no IPv4 address ({has}), so it is left out"
            fix = f"give it one, and let its kubelet announce it (--node-ip); or write `{node.name} ADDRESS` here"
            yield Finding(Severity.WARNING, NODES, what, "a plan knows the nodes by their IPv4 addresses alone", fix)


def with_reason(finding: Finding, values: Texts, proposals: Texts, found: Found) -> Finding:
    """The fault of an empty field, where nothing could be proposed: the reason, instead of "write it"."""
    if finding.at == NODES and any(one.at == unseen_at(NODE) for one in found.findings):
        return _unseen(finding) if not values.get(NODES, "").strip() else finding
    if finding.at not in (POOL, *INGRESSES) or values.get(finding.at, "").strip():
        return finding
    if lan := cramped(values, proposals):
        what = f"the LAN {lan} has no room for a pool"
        why = "MetalLB needs two neighbouring addresses that no machine, no range and nobody on the LAN has"
        return replace(finding, what=what, why=why, fix=ROOM)
    return finding


def _unseen(finding: Finding) -> Finding:
    what, fix = "this kubeconfig may not list the nodes", "use the administrator's; or write them: `{}`"
    return replace(finding, what=what, fix=fix.format("master1 192.168.1.50 control-plane, node1 192.168.1.55"))


def _leads_nowhere(values: Texts, found: Found) -> Iterator[Finding]:
    typed = values[KUBECONFIG].strip()
    if typed != (found.kubeconfig or ""):
        if not os.path.isfile(os.path.expanduser(typed)):
            why, fix = "the cluster's address and key are read from it", "correct it, or copy the file there"
            yield Finding(Severity.ERROR, KUBECONFIG, f"there is no file `{brief(typed)}`", why, fix)
    elif found.trouble:
        what, _, fix = found.trouble.partition("; ")
        yield Finding(Severity.ERROR, KUBECONFIG, what, "without the cluster nothing can be found or deployed", fix)
