"""A plan with nothing but what must be said, and a way to write it differently."""

from __future__ import annotations

from homelab.plan.file import initial

SMALLEST = """\
version: 1
network: {lan: 10.0.0.0/24, gateway: 10.0.0.1}
nodes:
  pi: {address: 10.0.0.5}
load_balancer: {pool: 10.0.0.16/28}
ingress:
  internal: {address: 10.0.0.20, domain: in.home.test}
  external: {address: 10.0.0.21, domain: out.home.test}
"""


def changed(old: str, new: str, text: str | None = None) -> str:
    """The article's plan with one piece of text replaced."""
    text = text or initial()
    assert text.count(old) == 1, old
    return text.replace(old, new)
