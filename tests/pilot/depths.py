"""Pods behind the app of a household, with something to say."""

from __future__ import annotations

from pathlib import Path

from rooms import Household, deployed, thing

from homelab.ports import Kind, Raw

POD, EVENT = Kind("v1", "Pod"), Kind("v1", "Event")
HOST = "web.home.test"


def pod(name: str, *, ready: bool = True, **container: object) -> Raw:
    """One that the Service `web` selects."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    seen = {"name": "web", "ready": ready, "restartCount": 0, "state": {"running": {}}, **container}
    found = thing(
        POD,
        name,
        "apps",
        labels={"app": "web"},
        spec={"nodeName": "node1", "containers": [{"name": "web", "image": "example.test/web"}]},
        status={"phase": "Running", "podIP": "10.1.0.7", "conditions": conditions, "containerStatuses": [seen]},
    )
    found["metadata"]["labels"] = {"app": "web"}
    return found


def event(about: Raw, reason: str, message: str, *, warning: bool = False, at: str = "2099-11-23T05:00:00Z") -> Raw:
    """Something that happened to an object."""
    meta = about["metadata"]
    involved = {"kind": about["kind"], "namespace": meta["namespace"], "name": meta["name"]}
    made = thing(EVENT, f"{meta['name']}.{reason.lower()}", meta["namespace"])
    kind = "Warning" if warning else "Normal"
    said = {"reason": reason, "message": message, "type": kind, "count": 2, "lastTimestamp": at}
    return {**made, "involvedObject": involved, **said}


def talking(home: Household, *names: str) -> None:
    """The article's home, the app's Service with pods that it selects, and what they have said."""
    deployed(home)
    found = next(one for one in home.store.all(Kind("v1", "Service"), "apps"))
    home.put({**found, "spec": {**found["spec"], "selector": {"app": "web"}}})
    for name in names:
        home.put(pod(name))
        home.logs[name] = said(home.folder, name, f"{name} has begun\n")


def said(folder: Path, name: str, text: str) -> Path:
    """Some more of what a pod says."""
    path = folder / f"{name}.log"
    with open(path, "a") as file:
        file.write(text)
    return path
