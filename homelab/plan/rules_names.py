"""Domains: what DNS allows, and whose names a wildcard takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from homelab.finding import Finding, brief
from homelab.plan.model import Plan
from homelab.plan.registry import check, error, warning

LONGEST_NAME = 253
LONGEST_LABEL = 63
"""Source: RFC 1035, 2.3.4."""
EXAMPLES = ("domain.com", "example.com", "example.net", "example.org")
"""Domains of the article and of RFC 2606: surely nobody's own."""
HOME_ONLY = frozenset({"corp", "home", "internal", "intranet", "lan", "local", "localdomain", "private", "test"})
"""Last labels that the public DNS does not serve. Source: RFC 2606, RFC 6762 G, RFC 8375; ICANN on `.internal`."""
SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gov", "net", "org"})
"""Labels below a country's one that are no one's own: co.uk, com.br."""
PUBLIC = frozenset(
    {
        "app",
        "biz",
        "cloud",
        "com",
        "dev",
        "edu",
        "gov",
        "info",
        "io",
        "me",
        "net",
        "online",
        "org",
        "page",
        "site",
        "xyz",
    }
)
"""Some public top-level domains; every label of two letters is a country's."""
COUNTRY = 2


@check("domain-form", "A domain is no DNS name")
def domain_form(plan: Plan) -> Iterator[Finding]:
    """Kubernetes takes lower-case DNS names as hosts, nothing else. Source: RFC 1123 2.1; Kubernetes docs, names."""
    for at, domain in domains(plan):
        if fault := form_fault(domain):
            what, fix = fault
            why = "hosts of apps are made by putting a name before it, and Kubernetes takes lower-case DNS names only"
            yield error(at, f"`{brief(domain)}` {what}", why, fix)


@check("domains-equal", "Both ingresses have the same domain")
def domains_equal(plan: Plan) -> Iterator[Finding]:
    """A name would lead to the one in the LAN and to the other outside."""
    internal, external = plan.ingress.internal.domain, plan.ingress.external.domain
    if internal == external:
        yield error(
            "ingress.external.domain",
            f"{external} is the internal domain too",
            "the router's wildcard and the public one would answer the same names differently",
            f"choose two that stand side by side, such as internal.{parent(external)} and cloud.{parent(external)}",
        )


@check("domains-nested", "One domain lies below the other")
def domains_nested(plan: Plan) -> Iterator[Finding]:
    """A wildcard answers for everything below it, the other zone's names too. Source: dnsmasq manual, --address."""
    internal, external = plan.ingress.internal.domain, plan.ingress.external.domain
    for outer, inner, at in (
        (internal, external, "ingress.internal.domain"),
        (external, internal, "ingress.external.domain"),
    ):
        if inner.endswith(f".{outer}"):
            yield error(
                at,
                f"{inner} lies below {outer}",
                f"the wildcard *.{outer} answers for the names of {inner} too, and leads them to the wrong ingress",
                f"choose two that stand side by side, such as internal.{outer} and cloud.{outer}",
            )


@check("wildcard-top-level", "The internal wildcard takes a whole top-level domain")
def wildcard_top_level(plan: Plan) -> Iterator[Finding]:
    """With `com` as the internal domain the router would answer for every name that ends so."""
    for at, domain in domains(plan):
        if "." in domain or form_fault(domain) or domain in HOME_ONLY:
            continue
        report = error if domain in PUBLIC or len(domain) == COUNTRY else warning
        yield report(
            at,
            f"`{domain}` is a single label",
            f"the wildcard *.{domain} takes every name that ends in .{domain}, other people's too",
            f"put a name of your own before it, such as home.{domain}, or use internal.home.arpa",
        )


@check("wildcard-public-names", "The internal wildcard takes the public names of a whole domain")
def wildcard_public_names(plan: Plan) -> Iterator[Finding]:
    """The router then answers for www and mail of that domain as well. Source: dnsmasq manual, --address."""
    domain = plan.ingress.internal.domain
    if is_registrable(domain):
        yield warning(
            "ingress.internal.domain",
            f"{domain} is a whole domain, not a part of one",
            f"in the LAN every name below {domain} leads to the internal ingress, www.{domain} and mail.{domain} too",
            f"use a part of it, such as internal.{domain}, unless it has no public names",
        )


@check("domain-mdns", "A domain ends in .local")
def domain_mdns(plan: Plan) -> Iterator[Finding]:
    """Macs, phones and Linux ask such names by multicast and never ask the router. Source: RFC 6762, 3."""
    for at, domain in domains(plan):
        if domain.rpartition(".")[2] == "local":
            yield warning(
                at,
                f"{domain} ends in .local",
                "many machines ask for .local by multicast and never ask the router, so the wildcard has no effect",
                "use a part of a domain of your own, or internal.home.arpa",
            )


@check("domain-example", "A domain is still the example's")
def domain_example(plan: Plan) -> Iterator[Finding]:
    """`plan init` writes them; a warning, so that a fresh plan passes its check."""
    for at, domain in domains(plan):
        if domain.endswith(tuple(f".{example}" for example in EXAMPLES)) or domain in EXAMPLES:
            yield warning(
                at,
                f"{domain} is the example's domain, not yours",
                "nobody outside can reach an app under a domain of someone else, and it gets no certificate",
                "write a part of your own domain",
            )


@check("external-domain-private", "Let's Encrypt cannot sign for the external domain")
def external_domain_private(plan: Plan) -> Iterator[Finding]:
    """Names that the public DNS does not serve cannot be validated. Source: Let's Encrypt docs, challenge types."""
    domain = plan.ingress.external.domain
    if is_home_only(domain) and plan.certificates.server is None:
        yield warning(
            "ingress.external.domain",
            f"{domain} is not in the public DNS",
            "Let's Encrypt asks the public DNS for every name that it signs",
            "use a part of a registered domain, or name a CA of your own in certificates.server",
        )


def domains(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Both domains with their keys."""
    ingress = plan.ingress
    return ("ingress.internal.domain", ingress.internal.domain), ("ingress.external.domain", ingress.external.domain)


def form_fault(domain: str) -> tuple[str, str] | None:
    """What keeps a text from being a domain, and the fix; None if nothing does."""
    if _is_address(domain):
        return "is an address, not a domain", "write a name; the address has a key of its own"
    if "://" in domain or "/" in domain or ":" in domain:
        return "is more than a domain", "write the name alone, without https://, port or path"
    if domain.startswith("*"):
        return (
            "begins with a wildcard",
            f"write {brief(domain.lstrip('*').lstrip('.')) or 'the domain'}; the wildcard is made from it",
        )
    if domain.endswith("."):
        return "ends in a dot", f"write {brief(domain.rstrip('.')) or 'the domain'}"
    if domain != domain.lower():
        return "has upper-case letters", f"write {brief(domain.lower())}"
    return _label_fault(domain)


def _label_fault(domain: str) -> tuple[str, str] | None:
    if len(domain) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters", "choose a shorter one"
    for label in domain.split("."):
        if not label:
            return "has an empty part between two dots", "delete the dot that is too much"
        if len(label) > LONGEST_LABEL:
            return f"has a part longer than {LONGEST_LABEL} characters", "shorten that part"
        if "_" in label:
            return "has an underscore", f"write {brief(domain.replace('_', '-'))}"
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", label):
            return f"has the part `{label}`", "use letters a-z, digits and hyphens, no hyphen at either end of a part"
    return None


def is_registrable(domain: str) -> bool:
    """Whether a public domain is a registered one itself, such as `domain.com` or `domain.co.uk`."""
    labels = domain.split(".")
    country_has_second = len(labels[-1]) == COUNTRY and len(labels) > 1 and labels[-2] in SECOND_LEVEL
    return not is_home_only(domain) and 1 < len(labels) <= (3 if country_has_second else 2)


def is_home_only(domain: str) -> bool:
    """Whether the public DNS surely does not serve it."""
    return domain.rpartition(".")[2] in HOME_ONLY or f".{domain}".endswith(".home.arpa")


def parent(domain: str) -> str:
    """The domain around a domain; itself for a single label."""
    return domain.partition(".")[2] or domain


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
