"""What holds for every test."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings

EXAMPLES = 50
"""Of each property in one run; each run draws others."""
settings.register_profile("shared machine", deadline=None, max_examples=EXAMPLES)  # an example may take its time
settings.load_profile("shared machine")


@pytest.fixture(scope="session", autouse=True)
def no_names(request: pytest.FixtureRequest) -> Iterator[None]:
    """No name is asked for outside this machine, and none is known; a real cluster's may be."""
    if any("cluster" in item.keywords for item in request.session.items):
        yield
        return
    real = socket.getaddrinfo

    def known(host: Any, *arguments: Any, **options: Any) -> Any:
        if not _is_here(host):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *arguments, **options)

    with patch("socket.getaddrinfo", known):
        yield


def _is_here(host: Any) -> bool:
    """Whether no server is asked: no host, an address, this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
