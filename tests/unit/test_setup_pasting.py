"""Commands to paste, by the kind of cluster."""

from __future__ import annotations

import pytest

from homelab.finding import Finding, Severity
from homelab.observe.nodes import Node
from homelab.setup.model import Found
from homelab.setup.pasting import pastes

MASTER = Node("master1", ("control-plane",), "192.168.1.50", "arm64", True, (), None, True)
WORKER = Node("node1", ("worker",), "192.168.1.55", "arm64", True, (), None, True)
LOAD_BALANCER = Finding(Severity.ERROR, "k3s servicelb", "k3s's own load balancer is on", "", "")


def test_k3s_names_the_master_and_its_token_file() -> None:
    found = Found(version="v1.37.2+k3s1", nodes=(MASTER, WORKER), server="https://127.0.0.1:6444")

    shown, joins = pastes(found)

    assert shown.where.startswith("on master1")
    assert shown.commands == ("sudo cat /var/lib/rancher/k3s/server/node-token",)
    assert "K3S_URL=https://192.168.1.50:6444 INSTALL_K3S_VERSION=v1.37.2+k3s1" in joins.commands[1]
    assert "K3S_TOKEN=" not in "".join(joins.commands)


def test_k3s_with_its_own_load_balancer_gets_its_flags_first() -> None:
    first, *_ = pastes(Found(version="v1.37.2+k3s1", nodes=(MASTER,), findings=(LOAD_BALANCER,)))

    assert "disable+: [traefik, servicelb]" in first.commands[1]
    assert first.commands[-1] == "sudo systemctl restart k3s"


def test_kubeadm_prints_the_command_itself() -> None:
    (found,) = pastes(Found(version="v1.37.2", nodes=(MASTER,)))

    assert found.commands == ("sudo kubeadm token create --print-join-command",)


@pytest.mark.parametrize("version", [None, "v1.37.2+lab", "v1.33.1-eks-1"])
def test_another_kind_is_left_to_its_own_documents(version: str | None) -> None:
    assert pastes(Found(version=version, nodes=(MASTER,))) == ()
