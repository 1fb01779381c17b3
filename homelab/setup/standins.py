"""What takes the place of a wrong field while the rules look at the others."""

from __future__ import annotations

from collections.abc import Mapping

_MANY = ", ".join(f"{name} 203.0.113.{50 + at}" for at, name in enumerate("abcdefghi"))

STANDINS: Mapping[str, tuple[str, str]] = {
    "nodes": ("a 198.51.100.50 control-plane", f"m 203.0.113.49 control-plane, {_MANY}"),
    "network.lan": ("0.0.0.0/0", "233.252.0.0/24"),
    "network.gateway": ("198.51.100.1", "203.0.113.1"),
    "network.dns": ("198.51.100.2", "203.0.113.2"),
    "network.dhcp": ("", "203.0.113.100-203.0.113.110"),
    "network.reserved": ("", "203.0.113.120-203.0.113.130"),
    "network.hosts": ("", "host 203.0.113.140"),
    "network.trusted": ("", "233.252.1.0/24"),
    "load_balancer.pool": ("198.51.100.20-198.51.100.30", "203.0.113.20-203.0.113.30"),
    "ingress.internal.address": ("198.51.100.20", "203.0.113.20"),
    "ingress.external.address": ("198.51.100.21", "203.0.113.21"),
    "ingress.internal.domain": ("internal.first.example", "internal.second.example"),
    "ingress.external.domain": ("external.first.example", "external.second.example"),
    "ingress.internal.replicas": ("1", "2"),
    "ingress.external.replicas": ("1", "2"),
    "store.servers": ("1", "3"),
    "router.kind": ("other", "dnsmasq"),
    "certificates.environment": ("staging", "production"),
    "certificates.profile": ("classic", "shortlived"),
    "certificates.email": ("", "a@first.example"),
    "certificates.server": ("", "https://ca.first.example/directory"),
    "certificates.ca": ("", ""),
    "ingress.external.config": ("", ""),
}
"""Two texts for every field, as different as can be. Addresses and names are those kept for documentation."""
