"""What a cluster has before anybody deploys anything: nodes, namespaces, and what its installer left."""

from __future__ import annotations

import platform
from datetime import datetime
from ipaddress import IPv4Network

import yaml

from homelab.lab.controllers.clock import stamp
from homelab.lab.controllers.kinds import NODE, SERVICE
from homelab.lab.controllers.services import NETWORK
from homelab.lab.store import Store, utc_now
from homelab.plan.model import Node, Plan
from homelab.ports import Raw

VERSION = "v1.37.2+lab"
"""Of the Kubernetes that the lab plays."""
POD_NETWORK = IPv4Network("127.0.0.0/8")
"""Pods have loopback addresses, so that programs of this machine can be pods."""
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


def seed(store: Store, plan: Plan, part: int = 1) -> None:
    """Make a bare cluster of the plan's nodes; pods have addresses of 127.PART.0.0/16, so labs live side by side."""
    for name in NAMESPACES:
        store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for number, node in enumerate(plan.nodes, 1):
        store.create(_node(node, f"127.{part}.{number}.0/24", utc_now()))
    store.create(_installers_notes())
    store.create(_api_service())


def _node(node: Node, network: str, now: datetime) -> Raw:
    arch = _MACHINES.get(platform.machine(), platform.machine())
    role = {CONTROL_PLANE: ""} if node.role == "control-plane" else {}
    known = {"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": arch}
    return {
        "apiVersion": NODE.api_version,
        "kind": NODE.name,
        "metadata": {"name": node.name, "labels": known | role},
        "spec": {"podCIDR": network, "podCIDRs": [network]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": str(node.address)},
                {"type": "Hostname", "address": node.name},
            ],
            "capacity": {"cpu": "4", "memory": "8Gi", "pods": "253"},
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "253"},
            "conditions": [
                _healthy(kind, stamp(now)) for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
            ],
            "nodeInfo": {
                "architecture": arch,
                "operatingSystem": "linux",
                "kubeletVersion": VERSION,
                "kubeProxyVersion": "",
                "containerRuntimeVersion": f"lab://{VERSION}",
                "osImage": "homelab-tui lab",
                "kernelVersion": platform.release(),
                "machineID": node.name,
                "systemUUID": node.name,
                "bootID": node.name,
            },
        },
    }


def _healthy(kind: str, at: str) -> Raw:
    ready = kind == "Ready"
    reason, message = ("KubeletReady", "kubelet is posting ready status") if ready else (f"KubeletHasNo{kind}", "")
    times = {"lastHeartbeatTime": at, "lastTransitionTime": at}
    return {"type": kind, "status": str(ready), "reason": reason, "message": message, **times}


def _installers_notes() -> Raw:
    """By which the product knows the networks; the whole loopback, so that `curl` on this machine counts as a pod."""
    networking = {"podSubnet": str(POD_NETWORK), "serviceSubnet": str(NETWORK), "dnsDomain": "cluster.local"}
    settings = {"kind": "ClusterConfiguration", "kubernetesVersion": VERSION, "networking": networking}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kubeadm-config", "namespace": "kube-system"},
        "data": {"ClusterConfiguration": yaml.safe_dump(settings)},
    }


def _api_service() -> Raw:
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.name,
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": str(NETWORK[1]),
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    }
