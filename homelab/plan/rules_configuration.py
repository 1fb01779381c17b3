"""Files of the user's: what the loader or the issuer in the cluster would refuse is told before, and every secret."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from homelab import configuration
from homelab.finding import Finding
from homelab.plan import authority
from homelab.plan.model import Plan
from homelab.plan.named import unreadable
from homelab.plan.registry import check, error

KEY = "ingress.external.config"
ROOT = "certificates.ca"


@check("ca-file", "The file of the CA's root is not in order")
def ca_file(plan: Plan) -> Iterator[Finding]:
    """The issuer trusts the CA by it, and whatever lies beside the certificates is one slip away from lying open."""
    if file := plan.certificates.ca:
        try:
            found = authority.blocks(file)
        except (OSError, ValueError) as problem:
            yield error(ROOT, f"{file} cannot be read: {unreadable(problem)}", TRUST, EXPORT)
            return
        if not any(block.label == "CERTIFICATE" for block in found):
            yield error(ROOT, f"{file} holds no certificate", TRUST, EXPORT)
        for block in found:
            if block.is_key:
                yield error(ROOT, f"{file}:{block.line} begins a private key", THEFT, APART)
            elif block.label == "CERTIFICATE" and block.certificate is None:
                broken = f"{file}:{block.line} begins a certificate that cannot be read"
                yield error(ROOT, broken, TRUST, "export it anew from the CA, and copy it with its first and last line")


TRUST = "by this file the issuer knows the CA, and without it no certificate can be had"
EXPORT = (
    "name the PEM file of the CA's root, with a line -----BEGIN CERTIFICATE-----; "
    "from a binary one: openssl x509 -inform der -in FILE -out root.pem"
)
THEFT = "what this file is for goes into a ConfigMap, which many may read, and whoever has a CA's key can be any host"
APART = "name a file that holds the certificate alone: openssl x509 -in FILE -out root.pem"


@check("config-file", "The file of dynamic configuration cannot be read")
def config_file(plan: Plan) -> Iterator[Finding]:
    """Without it nobody knows what is wished."""
    if file := plan.ingress.external.config:
        try:
            configuration.own(file)
        except (OSError, ValueError) as problem:
            yield error(
                KEY,
                f"{file} cannot be read: {unreadable(problem)}",
                "the external Traefik is to be configured by it, so nothing of the stack can be rendered",
                "name a text file of lines `key = value`, from the folder in which the command runs, or write null",
            )


@check("config-line", "A line of dynamic configuration is not accepted")
def config_line(plan: Plan) -> Iterator[Finding]:
    """By the rules of the loader, and without touching what is ours. Source: Traefik v3.7, pkg/config/dynamic."""
    for one in configuration.faults(_text(plan)):
        yield error(KEY, f"{plan.ingress.external.config}:{one.number}: {one.what}", one.why, one.fix)


@check("config-size", "The dynamic configuration is too long")
def config_size(plan: Plan) -> Iterator[Finding]:
    """All of it is written in one transaction. Source: Consul API docs, txn."""
    if (left := configuration.room(_text(plan))) < 0:
        yield error(
            KEY,
            f"{plan.ingress.external.config} has {-left} keys too many",
            "Traefik must meet the old configuration or the new one, so Consul takes it in one transaction",
            "write lists with commas on one line, or use objects of kind Middleware and IngressRoute",
        )


def _text(plan: Plan) -> str:
    """The user's lines; none where there is no file that can be read."""
    with suppress(OSError, ValueError):
        return configuration.own(plan.ingress.external.config) if plan.ingress.external.config else ""
    return ""
