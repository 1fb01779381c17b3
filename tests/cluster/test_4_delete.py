"""Taking the stack away again: nothing of others is touched, and in the end nothing of ours is left."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pexpect
import pytest
from household import Home, eventually, hang_up

ALL = ("--include", "crds,namespaces,volumes,certificates")


@pytest.fixture(scope="module")
def before(home: Home) -> set[str]:
    """What a bare cluster has."""
    home.cluster("reset")
    found = home.names()
    home.apply()
    return found


@pytest.fixture(autouse=True, scope="module")
def again(before: set[str]) -> None:
    """The stack is there when this story begins."""


def apply(home: Home) -> str:
    """The stack once more, on disks that nobody has used: this cluster's do not clean themselves."""
    home.cluster("volumes")
    return home.apply().stdout


def test_services_and_objects_of_others_keep_what_they_need(home: Home) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "game", "namespace": "default"},
                "spec": {"type": "LoadBalancer", "ports": [{"port": 25565}], "selector": {"app": "game"}},
            },
            {
                "apiVersion": "traefik.io/v1alpha1",
                "kind": "Middleware",
                "metadata": {"name": "prefix", "namespace": "default"},
                "spec": {"stripPrefix": {"prefixes": ["/x"]}},
            },
        ],
    }
    home.kubectl("apply", "-f", "-", stdin=json.dumps(theirs))
    eventually("the game has an address", lambda: game(home))
    address = game(home)
    try:
        said = home.tui("delete", "--yes", *ALL).stdout
        assert "stays: Deployment metallb-system/controller: needed by objects of others: Service default/game" in said
        assert "middlewares.traefik.io: needed by objects of others: Middleware default/prefix" in said
        assert game(home) == address
        assert "prefix" in home.kubectl("-n", "default", "get", "middlewares.traefik.io", "-o", "name")
        assert "traefik-internal" not in home.kubectl("-n", "homelab", "get", "deployments,services", "-o", "name")
    finally:
        home.kubectl("delete", "-f", "-", stdin=json.dumps(theirs), check=False)
    apply(home)


def game(home: Home) -> str:
    """The address of somebody's game server."""
    return home.kubectl(
        "-n", "default", "get", "service", "game", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"
    )


def test_whatever_others_have_in_a_namespace_of_ours_keeps_it(home: Home) -> None:
    """A users' Secret in the sample app's namespace: of no kind that a deployer would think of first."""
    home.kubectl("-n", "whoami", "create", "secret", "generic", "ingress-auth", "--from-literal=users=anna")
    said = home.tui("delete", "--yes", "--include", "namespaces,volumes,certificates").stdout

    assert "stays: Namespace whoami: needed by objects of others: Secret whoami/ingress-auth" in said
    assert "secret/ingress-auth" in home.kubectl("-n", "whoami", "get", "secrets", "-o", "name")
    assert "namespace/homelab" not in home.kubectl("get", "namespaces", "-o", "name")
    home.kubectl("-n", "whoami", "delete", "secret", "ingress-auth")
    apply(home)


def test_what_others_make_while_the_question_stands_is_kept_too(home: Home) -> None:
    late = {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "Middleware",
        "metadata": {"name": "late", "namespace": "default"},
        "spec": {"stripPrefix": {"prefixes": ["/x"]}},
    }
    command = shlex.join(home.command("delete", *ALL))
    asking: Any = pexpect.spawn(
        "sh", ["-c", command], cwd=home.folder, env=home.environment, encoding="utf-8", timeout=120
    )
    asking.expect("Type delete to go on:")
    home.kubectl("apply", "-f", "-", stdin=json.dumps(late))
    asking.sendline("delete")
    said = asking.read()
    asking.close()

    assert asking.exitstatus == 0, said
    assert "middlewares.traefik.io: needed by objects of others: Middleware default/late" in said
    assert "late" in home.kubectl("-n", "default", "get", "middlewares.traefik.io", "-o", "name")
    home.kubectl("-n", "default", "delete", "middlewares.traefik.io", "late")


def test_a_removal_that_is_cut_can_be_taken_back_or_ended(home: Home) -> None:
    apply(home)
    with home.started("delete", "--yes", *ALL) as session:
        code = hang_up(session, lambda line: line.startswith("internal: "))
    assert code == 128 + 1

    assert f"{home.size} as wished" in apply(home)


def test_without_a_word_the_kinds_and_namespaces_stay_and_are_listed(home: Home) -> None:
    said = home.tui("delete", "--yes").stdout

    assert "stays: Namespace homelab: kept without --include namespaces" in said
    assert "stays: CustomResourceDefinition middlewares.traefik.io: kept without --include crds" in said
    assert home.kubectl("get", "deployments,daemonsets,services", "-n", "metallb-system", "-o", "name") == ""
    assert "namespace/homelab" in home.kubectl("get", "namespaces", "-o", "name")


def test_with_every_word_nothing_of_ours_is_left(home: Home, before: set[str]) -> None:
    apply(home)

    home.tui("delete", "--yes", *ALL)

    eventually("what Kubernetes clears up by itself", lambda: not home.names() ^ before, 30)
    assert home.kubectl("get", "all", "-A", "-l", "app.kubernetes.io/managed-by=homelab-tui", "-o", "name") == ""


def test_deleting_twice_finds_nothing_more(home: Home) -> None:
    assert "nothing to remove" in home.tui("delete", "--yes", *ALL).stdout


def test_kubectl_brings_what_render_prints_onto_a_bare_cluster(home: Home) -> None:
    """As docs/deploy.md says: the same line again, until MetalLB's webhook is up; then `apply` finds all of it."""
    home.cluster("volumes")
    printed = home.tui("render", "--mirror", str(home.mirror)).stdout
    command = ("apply", "--server-side", "--field-manager=homelab-tui", "-f", "-")
    said = eventually("kubectl is content", lambda: content(home, command, printed), 120)

    assert said.count("serverside-applied") == home.size
    home.apply()  # makes tokens and keys, which no text that is printed may hold
    assert f"{home.size} as wished" in apply(home)
    assert home.kubectl(*command, stdin=printed).count("serverside-applied") == home.size
    home.tui("delete", "--yes", *ALL)


def content(home: Home, command: tuple[str, ...], printed: str) -> str | None:
    """What kubectl prints, once it succeeds."""
    said = home.kubectl(*command, stdin=printed, check=False)
    return said if said.count("serverside-applied") == home.size else None
