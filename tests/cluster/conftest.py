"""The cluster of KUBECONFIG, steered by the program HOMELAB_CLUSTER; without them these tests are skipped and say so.

HOMELAB_PLAN names the plan of that home; by default it is the article's, with the domains of `example.test`.
A test CA is named by HOMELAB_ACME_SERVER, HOMELAB_ACME_CA and HOMELAB_ACME_ROOT; by default it is the one that keeps
its files beside those of the cluster.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from household import Home, environment

from homelab.plan.file import read

HERE = Path(os.environ.get("KUBECONFIG", "")).parent.parent / "pki" / "acme-ca.crt"
if HERE.is_file():
    os.environ.setdefault("HOMELAB_ACME_SERVER", "https://acme.example.test:14000/dir")
    os.environ.setdefault("HOMELAB_ACME_CA", str(HERE))
    os.environ.setdefault("HOMELAB_ACME_ROOT", "https://acme.example.test:15000/roots/0")
NEEDED = ("KUBECONFIG", "HOMELAB_CLUSTER")
AUTHORITY = {"certificates.server": "HOMELAB_ACME_SERVER", "certificates.ca": "HOMELAB_ACME_CA"}
DOMAINS = {"ingress.internal.domain": "internal.example.test", "ingress.external.domain": "cloud.example.test"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a cluster."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            if missing:
                item.add_marker(pytest.mark.skip(reason=f"needs a cluster: {' and '.join(missing)} not set"))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home, its cluster as it is, with a plan file beside it."""
    folder = tmp_path_factory.mktemp("home")
    found = Home(os.environ["HOMELAB_CLUSTER"], folder, folder / "mirror", environment(folder))
    found.cluster("mirror", str(found.mirror))
    found.tui("plan", "init")
    plan = folder / "homelab.yaml"
    if given := os.environ.get("HOMELAB_PLAN"):
        plan.write_text(Path(given).read_text())
    else:
        for key, domain in DOMAINS.items():
            plan.write_text(read(plan.read_text()).with_value(key, domain))
    for key, name in AUTHORITY.items():
        if given := os.environ.get(name):
            plan.write_text(read(plan.read_text()).with_value(key, given))
    return found


@pytest.fixture(scope="session")
def bare(home: Home) -> Home:
    """The home with a cluster that has nothing on it."""
    home.cluster("reset")
    return home


@pytest.fixture(scope="session")
def deployed(bare: Home) -> Home:
    """The home with the stack on it."""
    bare.apply()
    return bare
