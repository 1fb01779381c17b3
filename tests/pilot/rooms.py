"""A home for one test: the lab's API in this process, with objects put straight into its store, and a console on it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from aiohttp import web
from textual._xterm_parser import XTermParser
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

from homelab.lab.api.server import Api
from homelab.lab.programs.words import Words
from homelab.lab.refusal import Refusal
from homelab.lab.store import Store
from homelab.lab.upstream import StandIns
from homelab.plan.file import initial
from homelab.ports import Kind, Raw, Ref
from homelab.stack.versions import versions
from screens.widgets.lines import Lines
from tui.app import Console
from tui.console import Home
from tui.options import Options
from tui.settings import Settings
from tui.typeahead import _rests

TOKEN = "a-token-for-this-test"
PATIENCE = 20.0
"""Seconds after which a condition that does not come true fails its test."""
QUIET_ROUNDS = 3
"""Rounds through all widgets that find nothing: what one of them is handling may lead to a message for another."""
CHEAP = 4
"""bcrypt's least cost: what hashing takes is nobody's point here."""
SMALL, LARGE = (80, 24), (120, 40)
NAMESPACE = Kind("v1", "Namespace")
PARSE = Stylesheet._parse_rules
PARSED: dict[object, list[RuleSet]] = {}


@dataclass
class Household:
    """What a test does to the cluster."""

    folder: Path
    store: Store = field(default_factory=Store)
    forbidden: set[str] = field(default_factory=set)
    """Kinds, in the plural, that the console's user may not read."""
    routers: dict[str, list[Raw]] = field(default_factory=dict)
    """What each Traefik answers, by the pod's name."""
    answers: dict[str, Any] = field(default_factory=dict)
    """What other questions are answered, by the pod's name and the path."""
    logs: dict[str, Path] = field(default_factory=dict)
    """Files with what pods say, by the pod's name."""
    port: int = 0
    _runner: web.ServerRunner | None = None

    @property
    def plan(self) -> Path:
        """The plan's file; the test may write it anew before it opens the console."""
        return self.folder / "homelab.yaml"

    @property
    def kubeconfig(self) -> Path:
        """The way to the API."""
        return self.folder / "kubeconfig"

    async def start(self) -> None:
        """Answer; on the same port as before, if there was one."""
        api = Api(self.store, TOKEN, self._proxied, self._said)

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            kind = next((kind for kind in self.forbidden if kind in request.path.split("/")), None)
            return await api.answer(request) if kind is None else _forbidding(kind)

        server = web.Server(answer, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]
        self.kubeconfig.write_text(yaml.safe_dump(_kubeconfig(f"http://127.0.0.1:{self.port}")))
        self.kubeconfig.chmod(0o600)

    async def stop(self) -> None:
        """Hang up on everybody."""
        if self._runner:
            await self._runner.cleanup()
        self._runner = None

    def _said(self, pod: Raw, container: str, previous: bool) -> Words | None:
        path = self.logs.get(pod["metadata"]["name"])
        return Words(path, 0) if path and not previous else None

    async def _proxied(self, pod: Raw, port: int, path: str, request: web.BaseRequest) -> web.StreamResponse:
        name, asked = pod["metadata"]["name"], path.partition("?")[0].rstrip("/")
        if asked.endswith("/api/http/routers"):
            return web.json_response(self.routers.get(name, []))
        if (said := self.answers.get(name + asked)) is None:
            return web.Response(text="No cluster leader", status=500)
        return web.json_response(said, headers={"X-Consul-Index": "1"})

    def put(self, *objects: Raw) -> None:
        """Objects that are there from now on, in place of older ones of the same name."""
        for obj in objects:
            ref = Ref.of(obj)
            if ref.namespace and not self.store.get(space := Ref(NAMESPACE, None, ref.namespace)):
                self.store.create(thing(space.kind, space.name))
            if self.store.get(ref):
                self.store.update(obj)
            else:
                self.store.create(obj)
            if "status" in obj:
                self.store.set_status(ref, obj["status"])

    def take(self, *objects: Raw) -> None:
        """Objects that are gone from now on."""
        for obj in objects:
            self.store.delete(Ref.of(obj))

    def install_crds(self) -> None:
        """The kinds of MetalLB and of Traefik."""
        for entry in versions().upstream.values():
            found = yaml.safe_load_all(StandIns().read(entry))
            self.put(*(obj for obj in found if obj["kind"] == "CustomResourceDefinition"))


def _forbidding(kind: str) -> web.Response:
    why = f'{kind} is forbidden: User "anna" cannot list resource "{kind}" in API group "" at the cluster scope'
    refusal = Refusal(HTTPStatus.FORBIDDEN, "Forbidden", why, {"kind": kind})
    return web.json_response(refusal.status(), status=refusal.code)


def _kubeconfig(url: str) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        "clusters": [{"name": "lab", "cluster": {"server": url}}],
        "users": [{"name": "lab", "user": {"token": TOKEN}}],
    }


@asynccontextmanager
async def household(folder: Path) -> AsyncIterator[Household]:
    """A bare cluster with three machines and the article's plan; the API answers."""
    home = Household(folder)
    home.plan.write_text(initial())
    home.put(node("master1", "192.168.1.50"), node("node1", "192.168.1.55"), node("node2", "192.168.1.56"))
    near = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
    with patch.dict(os.environ, near):
        await home.start()
        try:
            yield home
        finally:
            await home.stop()


def _parsed(sheet: Stylesheet, *source: object, **more: object) -> list[RuleSet]:
    """What Textual makes of a style sheet: it is the same for every console of this process."""
    key = (*source, *sorted(more.items()), frozenset(sheet._variables.items()))
    if (found := PARSED.get(key)) is None:
        found = PARSED[key] = PARSE(sheet, *source, **more)  # type: ignore[arg-type]
    return found


async def _at_once(*_: object) -> None:
    """In place of waiting for an idle processor."""


@dataclass(frozen=True)
class Person:
    """Who looks at the console and presses keys."""

    app: Console
    pilot: Pilot[int]

    @property
    def lines(self) -> list[str]:
        """The screen as text, a line each, as wide as the terminal."""
        return ["".join(part.text for part in strip) for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """The screen as one text, without what is empty at the right."""
        return "\n".join(line.rstrip() for line in self.lines)

    async def press(self, *keys: str) -> None:
        """Press keys, each of them when the one before is done with, and wait until nothing moves any more."""
        with patch("textual.app.wait_for_idle", _at_once):
            for key in keys:
                await self.app._press_keys([key])
                await self.rest()
        await self.pilot.pause()

    def write(self, sent: str) -> None:
        """What a terminal sends, in one go, as Textual reads it; nothing is waited for."""
        for event in XTermParser().feed(sent):
            self.app.post_message(event)

    async def rest(self) -> None:
        """Wait until no key and no message waits; Textual's own wait sends a message to every widget each time."""
        quiet = 0
        async with asyncio.timeout(PATIENCE):
            while quiet < QUIET_ROUNDS:
                await asyncio.sleep(0.001)
                self.app.screen._on_timer_update()
                everybody = (self.app, *self.app.screen.walk_children(with_self=True))
                rests = self.app.ahead.is_empty and all(map(_rests, everybody))
                quiet = quiet + 1 if rests else 0

    async def sees(self, *words: str) -> None:
        """Wait until all of it is on the screen."""
        await self.until(lambda: all(word in self.text for word in words), words)

    async def misses(self, *words: str) -> None:
        """Wait until none of it is on the screen."""
        await self.until(lambda: not any(word in self.text for word in words), words)

    async def sees_exactly(self, screen: str) -> None:
        """Wait until the whole screen is this."""
        await self.until(lambda: self.text.strip("\n") == screen.strip("\n"), screen)

    async def until(self, condition: Callable[[], bool], what: object = "") -> None:
        """Wait until it is true; when it does not become so the screen is in the failure."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    await asyncio.sleep(0.03)
        except TimeoutError:
            pytest.fail(f"{what} did not come true; the screen:\n{self.text}")

    async def resize(self, width: int, height: int) -> None:
        """Another size of the terminal."""
        await self.pilot.resize_terminal(width, height)
        await self.pilot.pause()

    def line(self, word: str) -> str:
        """The only line of the screen with a word."""
        (found,) = [line for line in self.text.splitlines() if word in line]
        return found


@asynccontextmanager
async def watching(home: Household, size: tuple[int, int] = SMALL, *, read_only: bool = False) -> AsyncIterator[Person]:
    """The console on the household's cluster, as `homelab-tui` opens it, with passwords that cost little."""
    options = Options(
        plan=home.plan,
        kubeconfig=str(home.kubeconfig),
        context=None,
        mirror=None,
        read_only=read_only,
        settings=Settings(bcrypt_cost=CHEAP),
    )
    app = Console(Home(options), read_only=read_only)
    with patch.object(Stylesheet, "_parse_rules", _parsed):
        async with app.run_test(size=size) as pilot:
            yield Person(app, pilot)


@contextmanager
def painting() -> Iterator[list[tuple[str, int]]]:
    """Every line that is painted anew inside the block: the classes of its widget, and which line it was."""
    painted: list[tuple[str, int]] = []
    paint = Lines.strip

    def noted(lines: Lines, at: int) -> Any:
        painted.append((" ".join(sorted(lines.classes)) or type(lines).__name__, at))
        return paint(lines, at)

    with patch.object(Lines, "strip", noted):
        yield painted


# What is in the cluster


def thing(
    kind: Kind, name: str, namespace: str | None = None, *, status: Any = None, spec: Any = None, **meta: Any
) -> Raw:
    """Any object."""
    named = {"name": name, **meta} | ({"namespace": namespace} if namespace else {})
    parts = {"spec": spec, "status": status}
    found = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": named}
    return found | {key: value for key, value in parts.items() if value is not None}


def node(name: str, address: str, *, ready: str = "True") -> Raw:
    """A machine."""
    conditions = [{"type": "Ready", "status": ready}]
    addresses = [{"type": "InternalIP", "address": address}]
    return thing(
        Kind("v1", "Node"),
        name,
        status={"conditions": conditions, "addresses": addresses},
        spec={"podCIDR": "10.1.0.0/24"},
    )


def service(name: str, given: str | None = None, *, wanted: str | None = None, zone: str | None = None) -> Raw:
    """A LoadBalancer Service in namespace homelab."""
    notes = {"metallb.io/loadBalancerIPs": wanted} if wanted else {}
    labels = {"homelab-tui/zone": zone} if zone else {}
    ingress = [{"ip": given}] if given else []
    return thing(
        Kind("v1", "Service"),
        name,
        "homelab",
        annotations=notes,
        labels=labels,
        spec={"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]},
        status={"loadBalancer": {"ingress": ingress}},
    )


def refused(name: str, why: str, number: int = 1) -> Raw:
    """MetalLB's event about a Service that gets no address."""
    about = {"kind": "Service", "namespace": "homelab", "name": name}
    event = thing(Kind("v1", "Event"), f"{name}.{number}", "homelab")
    said = {"reason": "AllocationFailed", "message": why, "lastTimestamp": f"2026-11-23T05:00:0{number}Z"}
    return {**event, "involvedObject": about, **said}


def announced(name: str, by: str) -> Raw:
    """What a MetalLB speaker says that it announces."""
    said = {"node": by, "serviceName": name, "serviceNamespace": "homelab"}
    return thing(Kind("metallb.io/v1beta1", "ServiceL2Status"), f"l2-{name}", "metallb-system", status=said)


def traefik(name: str, zone: str = "internal") -> Raw:
    """A Traefik pod of ours that is ready."""
    labels = {"app.kubernetes.io/name": "traefik", "homelab-tui/zone": zone}
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return thing(Kind("v1", "Pod"), name, "homelab", labels=labels, status=ready)


def ingress(name: str, host: str, *, to: str = "web", **meta: Any) -> Raw:
    """An Ingress in namespace apps to port 80 of a Service."""
    backend = {"service": {"name": to, "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return thing(Kind("networking.k8s.io/v1", "Ingress"), name, "apps", spec={"rules": [rule]}, **meta)


def router(name: str, host: str) -> Raw:
    """The router that Traefik makes of such an Ingress."""
    key = f"apps-{name}-{host.replace('.', '-')}@kubernetes"
    rule = f'Host("{host}") && PathPrefix("/")'
    return {"name": key, "rule": rule, "status": "enabled", "entryPoints": ["web"], "service": "apps-web-80"}


def app(*, ready: bool = True) -> tuple[Raw, Raw]:
    """Service `web` in namespace apps, with one pod behind it."""
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    labels = {"kubernetes.io/service-name": "web"}
    endpoint = {"addresses": ["10.1.0.7"], "conditions": {"ready": ready}}
    behind = thing(Kind("discovery.k8s.io/v1", "EndpointSlice"), "web-1", "apps", labels=labels)
    return (
        thing(Kind("v1", "Service"), "web", "apps", spec={"type": "ClusterIP", "ports": ports}),
        {**behind, "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}], "endpoints": [endpoint]},
    )


def deployed(home: Household) -> None:
    """Both Traefiks with their addresses, and one app that the internal ones serve."""
    home.install_crds()
    home.put(
        service("traefik-internal", "192.168.1.20", zone="internal"),
        service("traefik-external", "192.168.1.21", zone="external"),
        announced("traefik-internal", "node1"),
        announced("traefik-external", "node2"),
        traefik("traefik-internal-1"),
        traefik("traefik-internal-2"),
        *app(),
        ingress("web", "web.home.test"),
    )
    for pod in ("traefik-internal-1", "traefik-internal-2"):
        home.routers[pod] = [router("web", "web.home.test")]
