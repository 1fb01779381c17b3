"""A backup of a home with a public host: its store is emptied, then all of its cluster; nothing is ordered for it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_IMODE

import pytest
from household import Home, eventually
from outside import ROOT_FILE, consul, fingerprints, https, issue, public, publish, said

pytestmark = pytest.mark.skipif(
    not os.environ.get("HOMELAB_ACME_ROOT"), reason="needs HOMELAB_ACME_SERVER, HOMELAB_ACME_CA and HOMELAB_ACME_ROOT"
)

SPACE = ("-n", "homelab")
MANAGEMENT = (*SPACE, "get", "secret", "consul-management", "-o", "jsonpath={.metadata.uid}")


@dataclass(frozen=True)
class Kept:
    """A backup, and what the home was then."""

    file: Path
    fingerprints: tuple[str, ...]
    stored: str


def sealed(home: Home, *arguments: str, check: int = 0) -> str:
    """What `homelab-tui` prints, with the passphrase on its standard input."""
    done = subprocess.run(
        home.command(*arguments),
        input="correct horse\n",
        cwd=home.folder,
        env=home.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == check, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def stored(home: Home) -> str:
    """A digest of what the store has for Traefik and of every host; the issuer's lock is not part of it."""
    keys = "consul kv export traefik-external/; consul kv export homelab/acme/private/"
    return consul(home, f"{{ {keys}; consul kv get -recurse homelab/acme/ | grep /state:; }} | sha256sum")


@contextmanager
def resting(home: Home) -> Iterator[None]:
    """The issuer starts no run by its schedule."""
    patch = (*SPACE, "patch", "cronjob", "issuer", "--type=merge", "-p")
    home.kubectl(*patch, json.dumps({"spec": {"suspend": True}}))
    try:
        yield
    finally:
        home.kubectl(*patch, json.dumps({"spec": {"suspend": False}}))


@pytest.fixture(scope="module")
def kept(home: Home) -> Kept:
    """A backup of the home with the sample app published and its certificate there."""
    home.apply()
    root = os.environ["HOMELAB_ACME_ROOT"]
    eventually("the CA tells its root", lambda: home.at("wan", "curl", "-sfk", "-o", ROOT_FILE, root) == "")
    publish(home)
    issue(home, "before-backup")
    eventually("https answers", lambda: https(home, public(home)) == "200")
    file = home.folder / "home.sealed"
    sealed(home, "backup", str(file))
    return Kept(file, tuple(fingerprints(home, public(home))), stored(home))


def test_the_file_is_its_owner_s_alone(kept: Kept) -> None:
    assert S_IMODE(kept.file.stat().st_mode) == 0o600


def test_a_home_that_lost_nothing_gets_nothing(kept: Kept, home: Home) -> None:
    assert "nothing to restore" in sealed(home, "restore", str(kept.file), "--yes")


def test_an_emptied_store_is_as_it_was_and_a_second_restore_writes_nothing(kept: Kept, home: Home) -> None:
    with resting(home):
        consul(home, "consul kv delete -recurse traefik-external/ && consul kv delete -recurse homelab/")

        assert "done: " in sealed(home, "restore", str(kept.file), "--yes")
        assert stored(home) == kept.stored
        assert "nothing to restore" in sealed(home, "restore", str(kept.file), "--yes")

    eventually("the same is served", lambda: tuple(fingerprints(home, public(home))) == kept.fingerprints)
    assert said(issue(home, "after-restore"), public(home)) == ["not due"]


def test_a_bare_cluster_becomes_that_home_again_without_a_new_order(kept: Kept, home: Home) -> None:
    home.cluster("reset")

    assert "Consul does not answer yet" in sealed(home, "restore", str(kept.file), "--yes")
    made = home.kubectl(*MANAGEMENT)
    home.apply()
    sealed(home, "restore", str(kept.file), "--yes")
    publish(home)

    assert home.kubectl(*MANAGEMENT) == made
    eventually("https answers", lambda: https(home, public(home)) == "200")
    eventually("all serve the same", lambda: tuple(fingerprints(home, public(home))) == kept.fingerprints)
    assert said(issue(home, "after-reset"), public(home)) == ["not due"]


def test_another_home_is_refused(kept: Kept, home: Home) -> None:
    home.cluster("reset")
    home.apply()
    before = home.kubectl(*MANAGEMENT)

    told = sealed(home, "restore", str(kept.file), "--yes", check=1)

    assert "another home's stack" in told
    assert home.kubectl(*MANAGEMENT) == before
