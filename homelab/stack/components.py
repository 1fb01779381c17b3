"""What the stack is made of. A new component is a folder in `manifests/` and one line here."""

from __future__ import annotations

from dataclasses import dataclass

from homelab.plan.model import Plan

STAGES = ("load-balancer", "routing", "internal", "store", "config", "external", "certificates", "apps")
"""In the order of deploying; a stage may count on the ones before it."""
SAMPLES = "apps"
"""The stage whose components a plan may leave out."""
INCLUDE = ("crds", "namespaces", "volumes", "certificates")
"""What a removal keeps unless it is named."""


@dataclass(frozen=True, slots=True)
class Component:
    """One deployable part of the stack."""

    id: str
    """Also the name of its folder in `manifests/`."""
    stage: str
    uses: tuple[str, ...] = ()
    """Every name that its YAML may write as `${name}`: plan paths, `images.X`, `files.X` (a program beside it) and the
    names of `render.DERIVED`. `${made.X}` in a Secret and `${digest.FILE}` of an earlier file need not be named."""
    upstream: tuple[str, ...] = ()
    """Entries of `versions.toml` that belong to it; taken as they are, nothing is replaced in them."""


COMPONENTS = (
    Component("homelab", "load-balancer"),
    Component("metallb", "load-balancer", uses=("load_balancer.pool",), upstream=("metallb",)),
    Component("traefik-routing", "routing", upstream=("traefik-crds",)),
    Component(
        "traefik-internal",
        "internal",
        uses=(
            "images.traefik",
            "ingress.internal.address",
            "ingress.internal.replicas",
            "sources.internal",
            "sources.proxy",
        ),
    ),
    Component(
        "consul", "store", uses=("images.consul", "store.servers", "store.quorum", "store.storage", "sources.proxy")
    ),
    Component("config", "config", uses=("images.certbot", "files.loader.py", "files.dynamic.py", "configuration.own")),
    Component(
        "traefik-external",
        "external",
        uses=(
            "images.traefik",
            "images.certbot",
            "ingress.external.address",
            "ingress.external.replicas",
            "sources.proxy",
        ),
    ),
    Component(
        "certificates",
        "certificates",
        uses=(
            "images.certbot",
            "files.issuer.py",
            "files.decisions.py",
            "files.locking.py",
            "files.lineage.py",
            "files.challenge.py",
            "files.kube.py",
            "ingress.external.domain",
            "certificates.directory",
            "certificates.root",
            "certificates.root_file",
            "certificates.profile",
            "certificates.contact",
        ),
    ),
    Component("whoami", SAMPLES, uses=("images.whoami", "ingress.internal.domain")),
    Component("headlamp", SAMPLES, uses=("images.headlamp",)),
)


def is_wished(component: Component, plan: Plan) -> bool:
    """Whether a plan has it: of the sample apps those that it names."""
    return component.stage != SAMPLES or component.id in plan.apps
