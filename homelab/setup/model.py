"""The set-up as facts: what is asked, what was answered, what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from homelab.doctor.result import Result
from homelab.finding import Finding
from homelab.observe.nodes import Node
from homelab.plan.model import Plan
from homelab.ports import Machine

STEPS = ("cluster", "nodes", "addresses", "router", "certificates", "review")
"""In the order of the first time; the deploy comes after them."""


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that the deploy does, and whether we may."""

    what: str
    """Verb and kind: `write ClusterRoles`."""
    have: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What was learnt of the cluster and the network; what is empty was not learnt yet, or is not there."""

    machine: Machine | None = None
    kubeconfig: str | None = None
    """The file."""
    server: str | None = None
    """URL of the API."""
    version: str | None = None
    rights: tuple[Right, ...] = ()
    nodes: tuple[Node, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What is in the way, on the cluster and on its nodes."""
    taken: Mapping[IPv4Address, str] = field(default_factory=dict)
    """Addresses that answer on the LAN, with their MAC addresses."""
    searched: frozenset[IPv4Address] = frozenset()
    """Addresses that were asked whether they answer."""
    given: frozenset[IPv4Address] = frozenset()
    """Addresses that the cluster's own Services have; that those answer is right."""
    others: Mapping[IPv4Address, str] = field(default_factory=dict)
    """Addresses that Services of somebody else have or ask for, with the name of the Service: no ingress gets them."""
    trouble: str | None = None
    """Why the cluster cannot be asked, and what to do."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person has answered so far; kept in a file, so that a dropped session goes on where it was."""

    step: str = STEPS[0]
    """The first step that was not confirmed yet; the review where there is a plan already."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Texts as typed, by the plan's path; a list's entries with commas between. Right or wrong."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the answers amount to."""

    plan: Plan | None
    """None while a field is wrong."""
    text: str
    """The plan's file as it would be written; only in front of the review, where every field is right."""
    findings: tuple[Finding, ...]
    """Of form, of the plan's rules and of what was found; `at` names the field."""
    sketch: Plan | None = None
    """The plan, with addresses and names from elsewhere in the place of what is wrong: to draw the LAN with."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that the set-up's screens are drawn from."""

    draft: Draft
    found: Found
    proposals: Mapping[str, str]
    """For every field that one can be computed for."""
    judged: Judged
    file: str
    """Where the plan is, or will be."""
    before: str | None = None
    """The plan's text when the set-up began; None where there was none."""
    saved: str | None = None
    """When the draft was last written; RFC 3339."""
    holder: str | None = None
    """Who else is at it: then nothing can be changed here."""
    looked: str | None = None
    """When cluster and network were last looked at; RFC 3339."""
    verdicts: tuple[Result, ...] = ()
    """What was seen of the router's side."""
    setting: str | None = None
    """The step that the review in front is about, where a plan is changed; None where it is about all of them."""
    busy: str | None = None
    """What is being looked at right now."""
    said: str | None = None
    """What became of the last wish, when it was not done: the disk is full, the plan was changed by somebody."""
    is_written: bool = False
    """Whether the plan's file says what was answered: the deploy comes next."""
