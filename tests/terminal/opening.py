"""One lab for all tests of this folder, and consoles in terminals of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from consoles import Open

from benchmarks.cluster import Api, Home, lab
from benchmarks.service import Service, service


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    """The lab, deployed."""
    with lab() as found:
        yield found


@pytest.fixture(scope="session")
def api(home: Home) -> Api:
    """For what kubectl would do."""
    return Api(home.kubeconfig)


@pytest.fixture
def row(api: Api) -> Iterator[Service]:
    """A Service whose row can be changed."""
    with service(api) as found:
        yield found


@pytest.fixture
def console(home: Home) -> Iterator[Open]:
    """Opens consoles, which are closed in the end."""
    with ExitStack() as stack:
        yield Open(home, stack)
