"""A Service whose row on the screen can be changed at will: nobody serves its class, so its status is ours alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from benchmarks.cluster import Api

NAME = "default/homelab-bench"
SERVICES = "/api/v1/namespaces/default/services"
PATH = f"{SERVICES}/homelab-bench"
NETWORK = "198.51.100"
"""For documentation, so nobody's. Source: RFC 5737."""


class Service:
    """The Service while it is there."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._next = count()

    def address(self) -> str:
        """One that it did not have just before, always as long as the others."""
        return f"{NETWORK}.{100 + next(self._next) % 100}"

    def move(self, address: str) -> None:
        """Give it an address: one row changes, and nothing else."""
        self._api.merge(f"{PATH}/status", {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})

    def note(self, text: str) -> None:
        """Change it where no pane looks."""
        self._api.merge(PATH, {"metadata": {"annotations": {"example.test/note": text}}})


@contextmanager
def service(api: Api) -> Iterator[Service]:
    """Make it, with an address; delete it in the end. Raises Failed."""
    spec = {
        "type": "LoadBalancer",
        "loadBalancerClass": "example.test/nobody",
        "allocateLoadBalancerNodePorts": False,
        "ports": [{"port": 80, "protocol": "TCP"}],
    }
    namespace, _, name = NAME.partition("/")
    meta = {"name": name, "namespace": namespace}
    api.create(SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    try:
        made = Service(api)
        made.move(made.address())
        yield made
    finally:
        api.delete(PATH)
