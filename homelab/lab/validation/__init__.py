"""What the API server refuses in built-in kinds with 422, though the types are right: one module per group of kinds.

Checked is what people get wrong and what the lab's controllers and programs rely on, in the server's own words;
not every rule of every field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from homelab.lab.resources import Resource
from homelab.lab.validation import (
    access,
    cluster,
    ingresses,
    metadata,
    networks,
    pods,
    services,
    settings,
    workloads,
)
from homelab.lab.validation.faults import Fault
from homelab.ports import Kind, Raw

_RULES: Mapping[Kind, Callable[[Raw], Iterable[Fault]]] = {
    Kind("v1", "ConfigMap"): settings.config_map,
    Kind("v1", "Endpoints"): services.endpoints,
    Kind("v1", "Node"): cluster.node,
    Kind("v1", "PersistentVolumeClaim"): cluster.claim,
    Kind("v1", "Pod"): pods.pod,
    Kind("v1", "Secret"): settings.secret,
    Kind("v1", "Service"): services.service,
    Kind("apps/v1", "DaemonSet"): workloads.daemon_set,
    Kind("apps/v1", "Deployment"): workloads.deployment,
    Kind("apps/v1", "ReplicaSet"): workloads.replica_set,
    Kind("apps/v1", "StatefulSet"): workloads.stateful_set,
    Kind("batch/v1", "CronJob"): workloads.cron_job,
    Kind("batch/v1", "Job"): workloads.job,
    Kind("coordination.k8s.io/v1", "Lease"): cluster.lease,
    Kind("discovery.k8s.io/v1", "EndpointSlice"): services.endpoint_slice,
    Kind("networking.k8s.io/v1", "Ingress"): ingresses.ingress,
    Kind("networking.k8s.io/v1", "IngressClass"): ingresses.ingress_class,
    Kind("networking.k8s.io/v1", "NetworkPolicy"): networks.network_policy,
    Kind("policy/v1", "PodDisruptionBudget"): cluster.disruption_budget,
    Kind("rbac.authorization.k8s.io/v1", "ClusterRole"): access.role,
    Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): access.cluster_role_binding,
    Kind("rbac.authorization.k8s.io/v1", "Role"): access.role,
    Kind("rbac.authorization.k8s.io/v1", "RoleBinding"): access.role_binding,
    Kind("scheduling.k8s.io/v1", "PriorityClass"): cluster.priority_class,
    Kind("storage.k8s.io/v1", "StorageClass"): cluster.storage_class,
}


def faults(resource: Resource, obj: Raw, old: Raw | None) -> Iterable[Fault]:
    """All that is wrong with an object whose types are right; `old` is what it replaces."""
    yield from metadata.metadata(resource, obj)
    if rules := _RULES.get(resource.as_kind):
        yield from rules(obj)
    if old and resource.built_in:
        yield from metadata.unlike(resource, obj, old)
        yield from settings.unlike(obj, old)
