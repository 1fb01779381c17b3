"""Plan + manifests -> Kubernetes objects.

YAML is parsed first and `${name}` replaced in its scalars afterwards, so no value of a plan can become structure.
A scalar that is nothing but `${name}` takes the value with its type (a number, a list); within a text it is text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Any

import yaml

import manifests
from homelab import configuration
from homelab.plan import authority
from homelab.plan.model import Plan, value_at
from homelab.plan.named import unreadable
from homelab.ports import Raw, Ref
from homelab.stack.components import COMPONENTS, STAGES, Component, is_wished
from homelab.stack.made import NAMES as MADE
from homelab.stack.upstream import Source
from homelab.stack.versions import Versions, versions

MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = "homelab-tui"
COMPONENT = "homelab-tui/component"
STAGE = "homelab-tui/stage"
DIGEST = "homelab-tui/digest"
"""Annotation: digest of the object as wished. A field that left the manifest shows by it, others by their values."""

_NAME = re.compile(r"\$\{([^}]*)\}")


class RenderError(Exception):
    """A manifest and its component do not fit together; the text names file or component and the name at fault."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What rendering needs to know of the cluster."""

    pods: tuple[IPv4Network, ...] = ()
    """Networks that pods have addresses of; empty when nobody could be asked."""
    proxies: tuple[IPv4Address | IPv6Address, ...] = ()
    """Addresses that the API server's proxy asks pods from; empty when nobody could be asked."""
    taken_back: Mapping[str, str] = field(default_factory=dict)
    """NetworkPolicies that made the console blind, by name, each with the digest of what it was."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One object, ready to be applied, and where it comes from."""

    stage: str
    component: str
    obj: Raw
    made: Mapping[str, str] = field(default_factory=dict)
    """Of a Secret: what its values are made from, once, by key. They are never part of `obj`."""

    @property
    def ref(self) -> Ref:
        """The object's name."""
        return Ref.of(self.obj)


def _internal_sources(plan: Plan, facts: Facts) -> list[str]:
    """Who may use the internal ingress: the LAN, the trusted networks and the pods."""
    return [str(network) for network in (plan.network.lan, *plan.network.trusted, *facts.pods)]


def _proxy_sources(plan: Plan, facts: Facts) -> list[Raw]:
    """Whom the console asks pods through: the API server. Raises RenderError, since an empty list is everybody."""
    found = {*facts.proxies, *(node.address for node in plan.nodes)}
    if not found:
        raise RenderError(
            "no node is known, so nobody could be let in to Consul and Traefik; list the nodes in the plan"
        )
    ordered = sorted(found, key=lambda address: (address.version, int(address)))
    return [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}} for address in ordered]


def _quorum(plan: Plan, facts: Facts) -> int:
    """Servers that must agree. Source: Consul docs, consensus."""
    return plan.store.servers // 2 + 1


def _directory(plan: Plan, facts: Facts) -> str:
    """Where certificates are ordered."""
    return plan.certificates.server or LETS_ENCRYPT[plan.certificates.environment]


def _root(plan: Plan, facts: Facts) -> str:
    """The root certificates of the CA; empty where every machine knows it. Raises RenderError."""
    file = plan.certificates.ca
    if file is None:
        return ""
    try:
        found = authority.roots(file)
    except (OSError, ValueError) as error:
        why = f"certificates.ca: {file} cannot be read: {unreadable(error)}; name the file of the CA's root"
        raise RenderError(why) from None
    if not found:
        raise RenderError(f"certificates.ca: {file} holds no certificate; name the PEM file of the CA's root")
    return found


def _root_file(plan: Plan, facts: Facts) -> str:
    """Where the issuer finds that root; empty without one."""
    return "/programs/ca.pem" if plan.certificates.ca else ""


def _own_lines(plan: Plan, facts: Facts) -> str:
    """The user's lines of dynamic configuration. Raises RenderError."""
    file = plan.ingress.external.config
    try:
        return configuration.own(file) if file else ""
    except (OSError, ValueError) as error:
        why = f"ingress.external.config: {file} cannot be read: {error}; name a file of lines `key = value`"
        raise RenderError(why) from None


LETS_ENCRYPT = {
    "staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
    "production": "https://acme-v02.api.letsencrypt.org/directory",
}
"""Directories by environment. Source: Let's Encrypt docs, staging environment."""
DERIVED: Mapping[str, Callable[[Plan, Facts], Any]] = {
    "sources.internal": _internal_sources,
    "sources.proxy": _proxy_sources,
    "store.quorum": _quorum,
    "configuration.own": _own_lines,
    "certificates.directory": _directory,
    "certificates.root": _root,
    "certificates.root_file": _root_file,
    "certificates.contact": lambda plan, facts: plan.certificates.email or "",
}
"""Names that are not in the plan but follow from it and the cluster."""


def render(
    plan: Plan, facts: Facts, upstream: Source, stages: Iterable[str] = STAGES, pins: Versions | None = None
) -> tuple[Rendered, ...]:
    """Every object of the stages, in the order of deploying. Raises RenderError, UpstreamError, DownloadError."""
    pins = pins or versions()
    wanted = set(stages)
    every = (
        _rendered(component, obj)
        for component in COMPONENTS
        if component.stage in wanted and is_wished(component, plan)
        for obj in _objects(component, plan, facts, upstream, pins)
    )
    return tuple(item for item in every if not _is_taken_back(item, facts))


def _is_taken_back(item: Rendered, facts: Facts) -> bool:
    """Whether this very policy made the console blind; another one of that name is worth a try."""
    if item.ref.kind.name != "NetworkPolicy":
        return False
    return bool(facts.taken_back.get(item.ref.name) == item.obj["metadata"]["annotations"][DIGEST])


def _rendered(component: Component, obj: Raw) -> Rendered:
    """The object; what is made once is not part of it, or it would be made anew each time."""
    made = obj.get("stringData") if obj["kind"] == "Secret" else None
    shown = {key: value for key, value in obj.items() if key != "stringData"} if made else obj
    return Rendered(component.stage, component.id, _marked(shown, component), made or {})


def as_yaml(rendered: Iterable[Rendered]) -> str:
    """Plain YAML, one document per object, for `kubectl apply --server-side -f -`."""
    objects = [item.obj for item in rendered]
    return yaml.dump_all(objects, Dumper=_Dumper, explicit_start=True, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.CSafeDumper):
    """Quotes also the texts that kubectl's YAML reader alone takes for a number or a truth value: `12e4`, `09`, `y`."""


_GO_NUMBER = re.compile(r"[-+]?(0_*[xXoObB][0-9a-fA-F_]+|[0-9_]*\.?[0-9_]*([eE][-+]?[0-9_]+)?)$")
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _GO_NUMBER, list("-+.0123456789"))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN"))


def _objects(component: Component, plan: Plan, facts: Facts, upstream: Source, pins: Versions) -> Iterator[Raw]:
    for name in component.upstream:
        pinned = pins.upstream[name]
        yield from parse(upstream.read(pinned).decode(), pinned.basename)
    values = {name: _value(name, component, plan, facts, pins) for name in component.uses}
    values |= {name: f"${{{name}}}" for name in MADE}
    used: set[str] = set()
    for file, text in manifests.texts(component.id).items():
        found = [
            substitute(obj, values, used, f"{component.id}/{file}") for obj in parse(text, f"{component.id}/{file}")
        ]
        values[f"digest.{file.removesuffix('.yaml')}"] = _digest(found)
        yield from found
    if unused := sorted(set(component.uses) - used):
        raise RenderError(f"component {component.id}: no manifest uses {', '.join(unused)}; take it out of its line")


def parse(text: str, where: str) -> Iterator[Raw]:
    """The objects of a YAML text. Raises RenderError."""
    try:
        documents = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError as error:
        raise RenderError(f"{where} is not YAML: {error}") from None
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict) or not {"apiVersion", "kind", "metadata"} <= document.keys():
            raise RenderError(f"{where} holds something that is no Kubernetes object")
        yield document


def _value(name: str, component: Component, plan: Plan, facts: Facts, pins: Versions) -> Any:
    if name in DERIVED:
        return DERIVED[name](plan, facts)
    try:
        if name.startswith("images."):
            return pins.images[name.removeprefix("images.")]
        if name.startswith("files."):
            return manifests.program(component.id, name.removeprefix("files."))
        found = value_at(plan, name)
    except (KeyError, FileNotFoundError):
        raise RenderError(f"component {component.id} uses {name}, which is neither in the plan nor pinned") from None
    if found is None:
        raise RenderError(f"component {component.id} needs {name}, which the plan leaves open; set it in the plan")
    if isinstance(found, tuple):
        return [str(item) for item in found]
    return found if isinstance(found, bool | int) else str(found)


def substitute(node: Any, values: Mapping[str, Any], used: set[str], where: str) -> Any:
    """Replace every `${name}` in the scalars of a parsed document, adding it to `used`. Raises RenderError."""
    if isinstance(node, dict):
        return {key: substitute(value, values, used, where) for key, value in node.items()}
    if isinstance(node, list):
        return [substitute(item, values, used, where) for item in node]
    if not isinstance(node, str):
        return node
    if whole := _NAME.fullmatch(node):
        return _look_up(whole[1], values, used, where)
    return _NAME.sub(lambda found: _as_text(found[1], _look_up(found[1], values, used, where), where), node)


def _as_text(name: str, value: Any, where: str) -> str:
    if isinstance(value, list):
        raise RenderError(f"{where}: ${{{name}}} is a list, so it must stand alone and not within a text")
    return str(value)


def _look_up(name: str, values: Mapping[str, Any], used: set[str], where: str) -> Any:
    if name not in values:
        raise RenderError(
            f"{where}: unknown name ${{{name}}}; its component may use: {', '.join(sorted(values)) or 'none'}"
        )
    used.add(name)
    return values[name]


def _marked(obj: Raw, component: Component) -> Raw:
    """The object with the labels by which we know it again, and the digest of what was wished."""
    meta = obj["metadata"]
    labels = {**(meta.get("labels") or {}), MANAGED_BY: OURS, COMPONENT: component.id, STAGE: component.stage}
    marked = {**obj, "metadata": {**meta, "labels": labels}}
    notes = {**(meta.get("annotations") or {}), DIGEST: _digest(marked)}
    return {**marked, "metadata": {**marked["metadata"], "annotations": notes}}


def _digest(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
