"""What apps are judged by, in small."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from objects import endpoint, endpoints, meta, middleware, service

from homelab.access.around import Around
from homelab.access.model import App
from homelab.ports import Raw

WEB = service("web")
APP = App("apps", "web", "http", {"internal": "web.internal.domain.com"}, name="web")
BOTH = replace(APP, hosts={**APP.hosts, "external": "web.cloud.domain.com"}, auth="homelab/auth")


def space(name: str, **more: Any) -> Raw:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(name, **more)}


def auth(name: str = "auth", home: str = "homelab", **labels: str) -> Raw:
    """A Middleware that asks for a password."""
    found = middleware(name, home, basicAuth={"secret": "ingress-auth"})
    return {**found, "metadata": {**found["metadata"], "labels": labels or {"traffic-type": "external"}}}


def around(**more: Any) -> Around:
    """A cluster on which everything is well: one Service with one endpoint."""
    found = Around(
        services=(WEB,),
        slices=(endpoints(WEB, endpoint("10.42.0.5")),),
        ingresses=(),
        ingress_routes=(),
        middlewares=(auth(),),
        namespaces=(space("apps"),),
        policies=(),
    )
    return replace(found, **more)
