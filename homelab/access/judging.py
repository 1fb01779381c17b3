"""What is wrong with an app before it is put on show: one small rule each, everything a person needs in its finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from homelab.access.around import Around
from homelab.access.expose import own, ports
from homelab.access.hosts import duplicates, names
from homelab.access.model import ZONES, App
from homelab.access.refusing import refusal
from homelab.finding import Finding
from homelab.observe.backends import Backends, backends, port_list, service_port
from homelab.observe.ingress import TRAFFIC_TYPE, Backend, wishes_of
from homelab.observe.raw import dig, full_name, items, label, name, namespace, number, text
from homelab.plan.model import Plan
from homelab.plan.registry import error, warning
from homelab.ports import Raw

HTTPS = 443


def judge(app: App, plan: Plan, around: Around) -> tuple[Finding, ...]:
    """What is wrong, errors first. `at` is the field: service, port, zone, internal, external, path, auth."""
    known = backends(around.services, around.slices)
    found = (
        *_space(app, around),
        *_service(app, around, known),
        *_policies(app, around),
        *_labels(app, around),
        *_zones(app),
        *names(app, plan),
        *duplicates(app, around),
        *_auth(app, around),
        *_unread(around),
    )
    return tuple(sorted(found, key=lambda one: not one.is_error))


def consent(app: App, before: App | None) -> str | None:
    """What a person has to type `yes` to before this is applied: an app that the whole world may look at; else None."""
    if "external" not in app.hosts or app.auth:
        return None
    if before and "external" in before.hosts and not before.auth:
        return None
    return f"Everybody on the internet may use {app.hosts['external']} without a password."


def _space(app: App, around: Around) -> Iterator[Finding]:
    """Whether the namespace takes an Ingress."""
    if around.namespaces is None:
        return
    found = next((one for one in around.namespaces if name(one) == app.namespace), None)
    if found is None:
        why = "an Ingress stands in the namespace of its Service, and there is none of that name"
        yield error("service", f"there is no namespace {app.namespace}", why, "choose a Service of the list")
    elif text(found, "metadata", "deletionTimestamp"):
        why = "Kubernetes takes nothing new into it, and everything in it goes"
        yield error(
            "service", f"namespace {app.namespace} is being deleted", why, "wait until it is gone, or choose another"
        )


def _service(app: App, around: Around, known: Backends) -> Iterator[Finding]:
    """Whether there is something to show."""
    if around.services is None:
        return
    called = f"{app.namespace}/{app.service}"
    found = (known.services or {}).get(called)
    if found is None:
        why = "the route would lead nowhere, and Traefik leave it out"
        yield error("service", f"Service {called} does not exist", why, "choose one of the list, or create it")
        return
    if said := refusal(found, ()):
        yield error(
            "service",
            f"Service {called} cannot be shown: {said}",
            "an Ingress shows web pages of apps",
            "choose another Service",
        )
        return
    yield from _port(app, found)
    if known.ready(Backend(called, app.port)) == 0:
        why = "Traefik leaves a route out until somebody is behind it"
        yield warning(
            "service",
            f"Service {called} has no ready endpoint",
            why,
            "look at its selector and pods; it appears by itself when one is ready",
        )


def _port(app: App, service: Raw) -> Iterator[Finding]:
    if service_port(service, app.port) is None or str(app.port) not in _tcp(service):
        why = "Traefik goes by the Service's own ports, over TCP"
        fix = f"choose one of {', '.join(ports(service))}"
        yield error(
            "port", f"Service {full_name(service)} has no TCP port {app.port}; it has {port_list(service)}", why, fix
        )
    elif any(str(app.port) in _called(one) and _is_tls(one) for one in items(service, "spec", "ports")):
        why = (
            "by that number or name Traefik speaks TLS to the pods, and trusts no certificate that they made themselves"
        )
        yield warning("port", f"port {app.port} is for HTTPS", why, "choose a port for plain HTTP if there is one")


def _tcp(service: Raw) -> set[str]:
    found = (one for one in items(service, "spec", "ports") if (text(one, "protocol") or "TCP") == "TCP")
    return {called for one in found for called in _called(one)}


def _called(port: Raw) -> set[str]:
    return {str(number(port, "port")), text(port, "name") or ""}


def _is_tls(port: Raw) -> bool:
    """Source: Traefik docs, Kubernetes Ingress, communication between Traefik and pods."""
    return number(port, "port") == HTTPS or (text(port, "name") or "").startswith("https")


def _policies(app: App, around: Around) -> Iterator[Finding]:
    """A namespace that is shut altogether; finer policies are not judged."""
    here = [one for one in around.policies or () if namespace(one) == app.namespace and "Ingress" in _types(one)]
    shut = [one for one in here if not dig(one, "spec", "podSelector")]
    if shut and not any(items(one, "spec", "ingress") for one in here):
        why = "where the network enforces it, Traefik does not reach the pods: 504 or 502 in place of the app"
        fix = "add a NetworkPolicy there that admits pods of namespace homelab to the app's port"
        yield warning("service", f"NetworkPolicy {full_name(shut[0])} lets nobody in", why, fix)


def _types(policy: Raw) -> list[str]:
    return dig(policy, "spec", "policyTypes") or ["Ingress"]


def _labels(app: App, around: Around) -> Iterator[Finding]:
    """Labels that were meant to make something public, and do not."""
    for one in around.ingresses or ():
        wrong = _mistyped(one)
        leads = any(
            wish.backend and wish.backend.service == f"{app.namespace}/{app.service}" for wish in wishes_of(one)
        )
        if leads and not own(app, one) and wrong:
            why = "only the value external makes an Ingress public; with any other it is internal"
            fix = f"kubectl -n {namespace(one)} label --overwrite ingress {name(one)} {TRAFFIC_TYPE}=external"
            yield warning("service", f"Ingress {full_name(one)} of this Service has the label {wrong}", why, fix)


def _mistyped(obj: Raw) -> str | None:
    """A label that is nearly the one by which the external Traefik chooses, in its key or in its value."""
    labels: Mapping[str, str] = dig(obj, "metadata", "labels") or {}
    near = [key for key in labels if key != TRAFFIC_TYPE and get_close_matches(key.lower(), [TRAFFIC_TYPE], cutoff=0.8)]
    wrong = [TRAFFIC_TYPE] if labels.get(TRAFFIC_TYPE, "internal") not in ZONES else near
    return f"{wrong[0]}={labels[wrong[0]]}" if wrong else None


def _zones(app: App) -> Iterator[Finding]:
    if not app.zones:
        yield error(
            "zone",
            "no zone is chosen",
            "nobody would see the app",
            "choose internal, external or both; withdrawing is another key",
        )


def _auth(app: App, around: Around) -> Iterator[Finding]:
    """Whether a password is asked for as it is meant."""
    if app.auth is None:
        if "external" in app.hosts:
            why = "whoever finds the name may use the app; certificates are published with their names, so it is found"
            yield warning(
                "auth",
                "public without a password",
                why,
                "choose homelab/auth, unless the app asks for a password itself",
            )
        return
    yield from _middleware(app, app.auth, around)
    if "internal" in app.hosts:
        why = "the internal ingress speaks plain HTTP, and basic auth sends the password with every request"
        fix = "show it externally alone, or use a password there that is used nowhere else"
        yield warning("auth", "the password travels unencrypted on the internal address", why, fix)


def _middleware(app: App, called: str, around: Around) -> Iterator[Finding]:
    if around.middlewares is None:
        return
    found = next((one for one in around.middlewares if full_name(one) == called), None)
    if found is None:
        why = "Traefik answers 404 for a route whose middleware it cannot find"
        fix = (
            f"choose one of {', '.join(around.auths)}"
            if around.auths
            else "homelab/auth comes with the stack: homelab-tui apply"
        )
        yield error("auth", f"there is no Middleware {called}", why, fix)
        return
    if called not in around.auths:
        yield error(
            "auth",
            f"Middleware {called} asks for no password",
            "everybody could use the app",
            "choose another, or none",
        )
    if said := around.userless.get(called):
        yield error("auth", f"nobody can come in: {said.what}", said.why, said.fix)
    if "external" in app.hosts and label(found, TRAFFIC_TYPE) != "external":
        wrong = _mistyped(found)
        what = f"has the label {wrong}" if wrong else f"lacks the label {TRAFFIC_TYPE}=external"
        why = "the external Traefik sees only what has that label, and answers 404 for the route"
        fix = f"kubectl -n {namespace(found)} label --overwrite middleware {name(found)} {TRAFFIC_TYPE}=external"
        yield error("auth", f"Middleware {called} {what}", why, fix)


def _unread(around: Around) -> Iterator[Finding]:
    for why in around.unread:
        yield warning(
            "service",
            "not everything could be looked at",
            why,
            "ask for the right to read it, or use another kubeconfig",
        )
