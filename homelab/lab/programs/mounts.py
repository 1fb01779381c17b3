"""What a container finds in its mounts, and where the Services are that it is told of by name."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping

from homelab.lab.controllers.kinds import POD, SERVICE
from homelab.lab.controllers.matching import has_all, labels
from homelab.lab.controllers.owned import is_ready
from homelab.lab.programs.containers import port_number
from homelab.lab.programs.program import ProgramError
from homelab.lab.store import Store
from homelab.observe.raw import items, number, text
from homelab.ports import Kind, Raw, Ref

CONFIG_MAP = Kind("v1", "ConfigMap")
SECRET = Kind("v1", "Secret")
SERVICE_NAME = re.compile(r"(?P<name>[a-z0-9-]+)\.(?P<space>[a-z0-9-]+)\.svc(\.cluster\.local)?:(?P<port>\d+)")
"""Source: Kubernetes docs, DNS for Services."""


def mounted(store: Store, pod: Raw, container: str) -> dict[str, bytes]:
    """The files of ConfigMaps and Secrets by path. Raises ProgramError when one of those is not there."""
    every = (*items(pod, "spec", "initContainers"), *items(pod, "spec", "containers"))
    mounts = next((items(one, "volumeMounts") for one in every if text(one, "name") == container), [])
    volumes = {volume["name"]: volume for volume in items(pod, "spec", "volumes")}
    return {
        f"{mount['mountPath'].rstrip('/')}/{name}": content
        for mount in mounts
        for source in _sources(volumes.get(mount["name"], {}))
        for name, content in _files(store, pod, source)
    }


def address(store: Store, name: str, before: str | None = None) -> str | None:
    """Where a Service's name with its port leads to: a ready pod of it, the same as before while it is one."""
    if not (found := SERVICE_NAME.fullmatch(name)):
        return None
    service = store.get(Ref(SERVICE, found["space"], found["name"])) or {}
    entries = [one for one in items(service, "spec", "ports") if number(one, "port") == int(found["port"])]
    pods = [pod for pod in store.all(POD, found["space"]) if _serves(service, pod)]
    every = sorted(
        f"{pod['status']['podIP']}:{port}"
        for pod in pods
        for entry in entries
        if (port := port_number(pod["spec"], entry.get("targetPort", entry["port"])))
    )
    return before if before in every else next(iter(every), None)


def _serves(service: Raw, pod: Raw) -> bool:
    chosen = has_all((service.get("spec") or {}).get("selector"), labels(pod))
    return chosen and is_ready(pod) and text(pod, "status", "podIP") is not None


def _sources(volume: Raw) -> Iterator[Raw]:
    yield volume
    yield from items(volume, "projected", "sources")


def _files(store: Store, pod: Raw, source: Raw) -> Iterator[tuple[str, bytes]]:
    space = pod["metadata"]["namespace"]
    for kind, key in ((CONFIG_MAP, "configMap"), (SECRET, "secret")):
        if (part := source.get(key)) is None:
            continue
        name = part.get("name") or part.get("secretName")
        if (found := store.get(Ref(kind, space, name))) is None:
            if part.get("optional"):
                continue
            raise ProgramError(f'MountVolume.SetUp failed: {kind.name.lower()} "{name}" not found')
        content = _content(found, encoded=kind == SECRET)
        chosen = [(one["key"], one["path"]) for one in items(part, "items")] or [(one, one) for one in content]
        yield from ((path, content[one]) for one, path in chosen if one in content)


def _content(found: Raw, *, encoded: bool) -> Mapping[str, bytes]:
    plain = found.get("data") or {}
    binary = plain if encoded else found.get("binaryData") or {}
    texts = {} if encoded else {key: value.encode() for key, value in plain.items()}
    return texts | {key: b64decode(value) for key, value in binary.items()}
