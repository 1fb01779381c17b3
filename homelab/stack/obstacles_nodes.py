"""What is wrong with the cluster's machines, as far as the stack is concerned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from homelab.finding import Finding, Severity
from homelab.observe.nodes import EXCLUDED, Node, nodes
from homelab.ports import Raw

ARCHITECTURES = frozenset({"amd64", "arm64"})
"""What every pinned image exists for; a comment in versions.toml says so too."""


def node_findings(raw: Iterable[Raw]) -> Iterator[Finding]:
    """Pure."""
    found = nodes(raw)
    for node in found:
        yield from _not_ready(node)
        yield from _without_images(node, found)
    yield from _silent(found)


def _not_ready(node: Node) -> Iterator[Finding]:
    if not node.ready:
        said = "is not ready" if node.ready is False else "has not been heard of lately"
        yield Finding(
            Severity.WARNING,
            at=f"Node {node.name}",
            what=f"the node {said}",
            why="nothing can start there, and the stages wait for what has to run on every node",
            fix=f"see why: `kubectl describe node {node.name}`",
        )


def _without_images(node: Node, every: Collection[Node]) -> Iterator[Finding]:
    if node.arch and node.arch not in ARCHITECTURES:
        alone = all(one.arch and one.arch not in ARCHITECTURES for one in every)
        yield Finding(
            Severity.ERROR if alone else Severity.WARNING,
            at=f"Node {node.name}",
            what=f"no image of the stack exists for its architecture, {node.arch}",
            why="a pod that is put there never starts",
            fix=f"install a 64-bit system on it, or keep pods away: `kubectl cordon {node.name}`",
        )


def _silent(every: Collection[Node]) -> Iterator[Finding]:
    """kubeadm labels control planes so, and MetalLB does not announce from them. Source: metallb#2274, #2280."""
    silent = [node for node in every if not node.announces]
    for node in silent:
        yield Finding(
            Severity.ERROR if len(silent) == len(every) else Severity.WARNING,
            at=f"Node {node.name}",
            what=f"the node is labelled {EXCLUDED.rpartition('/')[2]}",
            why="MetalLB announces no address from it"
            + (", and there is no other node that could" if len(silent) == len(every) else ""),
            fix=f"take the label off: `{UNLABEL.format(node.name)}`",
        )


UNLABEL = f"kubectl label node {{}} {EXCLUDED}-"
