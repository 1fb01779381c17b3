"""Which kinds the lab serves: a table of built-in ones, and those that stored CustomResourceDefinitions add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from homelab.observe.raw import dig, items, strings, text
from homelab.ports import Kind, Raw

DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
NAMESPACE = Kind("v1", "Namespace")

_BUILT_IN = """
v1                              ConfigMap configmaps cm namespaced
v1                              Endpoints endpoints ep namespaced
v1                              Event events ev namespaced
v1                              LimitRange limitranges limits namespaced
v1                              Namespace namespaces ns status
v1                              Node nodes no status
v1                              PersistentVolume persistentvolumes pv status
v1                              PersistentVolumeClaim persistentvolumeclaims pvc namespaced status
v1                              Pod pods po namespaced status generation all
v1                              ResourceQuota resourcequotas quota namespaced status
v1                              Secret secrets - namespaced
v1                              Service services svc namespaced status all
v1                              ServiceAccount serviceaccounts sa namespaced
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration mutatingwebhookconfigurations - generation
admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration validatingwebhookconfigurations - generation
apiextensions.k8s.io/v1         CustomResourceDefinition customresourcedefinitions crd,crds status generation
apps/v1                         ControllerRevision controllerrevisions - namespaced
apps/v1                         DaemonSet daemonsets ds namespaced status generation all
apps/v1                         Deployment deployments deploy namespaced status generation scale all
apps/v1                         ReplicaSet replicasets rs namespaced status generation scale all
apps/v1                         StatefulSet statefulsets sts namespaced status generation scale all
authorization.k8s.io/v1         SelfSubjectAccessReview selfsubjectaccessreviews - review
batch/v1                        CronJob cronjobs cj namespaced status generation all
batch/v1                        Job jobs - namespaced status generation all
coordination.k8s.io/v1          Lease leases - namespaced
discovery.k8s.io/v1             EndpointSlice endpointslices - namespaced generation
networking.k8s.io/v1            Ingress ingresses ing namespaced status generation
networking.k8s.io/v1            IngressClass ingressclasses - generation
networking.k8s.io/v1            NetworkPolicy networkpolicies netpol namespaced generation
policy/v1                       PodDisruptionBudget poddisruptionbudgets pdb namespaced status generation
rbac.authorization.k8s.io/v1    ClusterRole clusterroles - -
rbac.authorization.k8s.io/v1    ClusterRoleBinding clusterrolebindings - -
rbac.authorization.k8s.io/v1    Role roles - namespaced
rbac.authorization.k8s.io/v1    RoleBinding rolebindings - namespaced
scheduling.k8s.io/v1            PriorityClass priorityclasses pc generation
storage.k8s.io/v1               StorageClass storageclasses sc -
"""


@dataclass(frozen=True)
class Resource:
    """How the API serves one kind."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short: tuple[str, ...] = ()
    list_kind: str = ""
    namespaced: bool = True
    has_status: bool = False
    """Status is written through its own path only."""
    has_scale: bool = False
    is_review: bool = False
    """Asked and answered in one request; never stored."""
    has_generation: bool = True
    categories: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = field(default=None, compare=False)
    """OpenAPI schema of a custom resource; None for built-in kinds."""
    columns: tuple[Raw, ...] = field(default=(), compare=False)
    """`additionalPrinterColumns` of a custom resource."""
    served: bool = True
    """Defined and stored, but without a path when it is not."""

    @cached_property
    def api_version(self) -> str:
        """As objects carry it: `v1`, `apps/v1`, ..."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def as_kind(self) -> Kind:
        """The same as the core names it."""
        return Kind(self.api_version, self.kind)

    @property
    def built_in(self) -> bool:
        """Not from a CustomResourceDefinition."""
        return self.schema is None

    @cached_property
    def qualified(self) -> str:
        """As messages name it: `services`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


class Resources:
    """All kinds that are served right now."""

    def __init__(self) -> None:
        self._by_kind: dict[Kind, Resource] = {}
        self._by_path: dict[tuple[str, str], Resource] = {}
        self._custom: dict[str, Resource] = {}
        for resource in _built_in():
            self._add(resource)

    def of(self, kind: Kind) -> Resource | None:
        """The resource of a kind, served or not, or None when there is no such kind."""
        return self._by_kind.get(kind)

    def at(self, api_version: str, plural: str) -> Resource | None:
        """The resource of a path, or None when it is not served."""
        return self._by_path.get((api_version, plural))

    def all(self) -> Iterable[Resource]:
        """Every resource that is served, built-in ones first."""
        return tuple(self._by_path.values())

    def all_defined(self) -> Iterable[Resource]:
        """Every resource, served or not."""
        return tuple(self._by_kind.values())

    def has_group(self, name: str) -> bool:
        """Whether any kind of the group is served."""
        return any(resource.group == name for resource in self._by_path.values())

    def define(self, definition: Raw) -> None:
        """Serve what a CustomResourceDefinition says, instead of what it said before."""
        resource = custom(definition)
        self.withdraw(definition)
        self._custom[definition["metadata"]["name"]] = resource
        self._add(resource)

    def withdraw(self, definition: Raw) -> Resource | None:
        """Stop serving what a CustomResourceDefinition said."""
        resource = self._custom.pop(definition["metadata"]["name"], None)
        if resource:
            del self._by_kind[resource.as_kind]
            self._by_path.pop((resource.api_version, resource.plural), None)
        return resource

    def _add(self, resource: Resource) -> None:
        self._by_kind[resource.as_kind] = resource
        if resource.served:
            self._by_path[resource.api_version, resource.plural] = resource


def custom(definition: Raw) -> Resource:
    """The stored version of a CustomResourceDefinition; its other versions are not served."""
    spec = definition["spec"]
    version = next(v for v in spec["versions"] if v.get("storage"))
    names = spec["names"]
    return Resource(
        group=spec["group"],
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        singular=text(names, "singular") or names["kind"].lower(),
        short=strings(names, "shortNames"),
        list_kind=text(names, "listKind") or f"{names['kind']}List",
        namespaced=spec["scope"] == "Namespaced",
        has_status=dig(version, "subresources", "status") is not None,
        categories=strings(names, "categories"),
        schema=dig(version, "schema", "openAPIV3Schema") or {},
        columns=tuple(items(version, "additionalPrinterColumns")),
        served=bool(version.get("served")),
    )


def _built_in() -> Iterable[Resource]:
    for line in _BUILT_IN.strip().splitlines():
        api_version, kind, plural, short, *flags = line.split()
        group, _, version = api_version.rpartition("/")
        resource = Resource(group, version, kind, plural, kind.lower())
        yield replace(
            resource,
            short=() if short == "-" else tuple(short.split(",")),
            namespaced="namespaced" in flags,
            has_status="status" in flags,
            has_scale="scale" in flags,
            is_review="review" in flags,
            has_generation="generation" in flags,
            categories=("all",) if "all" in flags else (),
        )
