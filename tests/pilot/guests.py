"""What a household has when a host is guarded by a password: the Middleware, its Secret, and doors that ask for it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

from rooms import NAMESPACE, Household, deployed, ingress, thing

from homelab.access.htpasswd import hashes
from homelab.adapters.passwords import LibpassPasswords
from homelab.ports import Kind, Raw, Ref, Reply

HOST = "dashboard.cloud.test"
GUARD = {"traefik.ingress.kubernetes.io/router.middlewares": "homelab-auth@kubernetescrd"}
SECRET = Kind("v1", "Secret")
FILE = Ref(SECRET, "homelab", "ingress-auth")
APR1 = b"guest:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/"
"""Source: Apache's documentation, password formats: its example for `myPassword`."""
LONG = "correct.horse.battery"
OTHER = "staple.staple.correct"


class Doors:
    """Keeps `ports.Web` as a Traefik would that has taken in the Secret of now."""

    def __init__(self, home: Household) -> None:
        self._home = home

    async def get(self, url: str, address: IPv4Address, credentials: tuple[str, str] | None = None) -> Reply:
        """404 without the Secret, 401 to strangers, 200 to its users."""
        known = hashes(content(self._home)) if self._home.store.get(FILE) else {}
        if not known:
            return Reply(404, {})
        user, password = credentials or ("", "")
        if user in known and await LibpassPasswords().verify(password, known[user].decode()):
            return Reply(200, {})
        return Reply(401, {})


def guarded(home: Household, *lines: bytes) -> None:
    """A public host with a password, and who has one."""
    deployed(home)
    home.put(
        thing(NAMESPACE, "kube-system"),
        middleware("homelab", "auth", "ingress-auth"),
        ingress("dashboard", HOST, labels={"traffic-type": "external"}, annotations=GUARD),
    )
    if lines:
        home.put(secret(*lines))


def middleware(namespace: str, name: str, file: str) -> Raw:
    """One that asks for a password."""
    kind = Kind("traefik.io/v1alpha1", "Middleware")
    return thing(kind, name, namespace, spec={"basicAuth": {"secret": file}}, labels={"traffic-type": "external"})


def secret(*lines: bytes, namespace: str = "homelab", name: str = "ingress-auth", **more: str) -> Raw:
    """A Secret with these lines, and perhaps with further keys."""
    encoded: Mapping[str, str] = {"users": b64encode(b"".join(line + b"\n" for line in lines)).decode(), **more}
    return thing(SECRET, name, namespace) | {"data": dict(encoded)}


def content(home: Household) -> bytes:
    """The file as it is on the cluster."""
    found = home.store.get(FILE)
    assert found
    return b64decode(next(iter(found["data"].values())))


def names(home: Household) -> list[str]:
    """Who is in it."""
    return list(hashes(content(home)))


def files_with(folder: Path, text: str) -> list[Path]:
    """Files below a folder in which a text stands."""
    found = []
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file() and text.encode() in path.read_bytes():
                found.append(path)
    return found
