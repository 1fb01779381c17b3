"""What the lab changes in the arguments of a manifest, and what it reads from a pod template."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

import manifests
from homelab.lab.programs.arguments import beyond, command_line, entry_points, services
from homelab.lab.programs.containers import Container, Probe, container, port_number
from homelab.lab.programs.program import ProgramError
from homelab.lab.programs.sample import port
from homelab.lab.programs.traefik import Around, Place, Ports, Traefik
from homelab.ports import Raw

OWN = IPv4Network("127.1.0.0/16")
PROGRAMS = ("traefik", "traefik/whoami")
ALONE = Around({}, {})


def place(path: Path) -> Place:
    """What a lab gives Traefik, without one to start."""
    return Place(path / "traefik", path / "kubeconfig", path, Ports(), OWN)


def internal() -> Raw:
    """The pod template of our own internal Traefik."""
    (deployment,) = yaml.safe_load_all(manifests.texts("traefik-internal")["deployment.yaml"])
    template: Raw = deployment["spec"]["template"]["spec"]
    template["containers"][0]["image"] = "traefik:v3.7.15"
    return template


def test_our_manifest_keeps_every_argument_but_the_addresses() -> None:
    given = internal()["containers"][0]["args"]

    made = command_line(given, {"web": ("127.0.0.1", 8020), "traefik": ("127.1.2.3", 8080)})

    assert set(given) - set(made) == {"--entrypoints.web.address=:8000", "--entrypoints.traefik.address=:8080"}
    assert set(made) - set(given) == {
        "--entrypoints.web.address=127.0.0.1:8020",
        "--entrypoints.traefik.address=127.1.2.3:8080",
    }


@pytest.mark.parametrize(
    "written",
    [
        ["--entryPoints.Web.Address=:8000"],
        ["-entrypoints.Web.address=0.0.0.0:8000"],
        ["--entrypoints.Web.address", ":8000"],
    ],
)
def test_an_address_is_found_however_it_is_written(written: list[str]) -> None:
    made = command_line([*written, "--ping=true"], {"Web": ("127.0.0.1", 8020), "traefik": ("127.1.2.3", 8080)})

    assert made == [
        "--entrypoints.Web.address=127.0.0.1:8020",
        "--entrypoints.traefik.address=127.1.2.3:8080",
        "--ping=true",
    ]


def test_a_protocol_stays_with_its_entry_point() -> None:
    made = command_line(["--entrypoints.dns.address=:53/udp"], {"dns": ("127.0.0.1", 8020), "traefik": ("::1", 1)})

    assert "--entrypoints.dns.address=127.0.0.1:8020/udp" in made


def test_entry_points_that_traefik_adds_by_itself_are_moved_to_the_loopback_too() -> None:
    assert [(entry.name, entry.port) for entry in entry_points(["--api.insecure"])] == [("http", 80), ("traefik", 8080)]


@pytest.mark.parametrize(
    "written", ["--entrypoints.extra=true", "-entryPoints.extra", "--entrypoints.extra.http.tls=true"]
)
def test_an_entry_point_that_is_only_named_is_moved_too(written: str) -> None:
    places = {"web": ("127.0.0.1", 8020), "extra": ("127.0.0.1", 8021), "traefik": ("127.1.2.3", 8080)}

    made = command_line(["--entrypoints.web.address=:80", written], places)

    assert "--entrypoints.extra.address=127.0.0.1:8021" in made
    assert written in made


def test_names_that_differ_in_case_are_one_entry_point() -> None:
    found = entry_points(["--entrypoints.web.address=:80", "--entryPoints.WEB.address=:81"])

    assert [(entry.name.lower(), entry.port) for entry in found] == [("web", 81), ("traefik", 8080)]


def test_an_option_that_lacks_its_value_does_not_eat_an_address() -> None:
    made = command_line(["--entrypoints.web=true", "--log.level"], {"web": ("127.0.0.1", 1), "traefik": ("::1", 1)})

    assert made[-1] == "--log.level"


@pytest.mark.parametrize(
    ("written", "option"),
    [
        ("--configFile=/etc/passwd", "--configFile"),
        ("-configfile", "-configfile"),
        ("--log.filepath=/var/log/traefik.log", "--log.filepath"),
        ("--accesslog.filepath=access.log", "--accesslog.filepath"),
        ("--providers.file.directory=/etc", "--providers.file"),
        ("--providers.docker=true", "--providers.docker"),
        ("--certificatesresolvers.le.acme.storage=/data/acme.json", "--certificatesresolvers.le"),
        ("--experimental.plugins.x.modulename=y", "--experimental.plugins.x"),
        ("--providers.consulcatalog=true", "--providers.consulcatalog"),
        ("--providers.consul.tls.ca=/etc/passwd", "--providers.consul.tls.ca"),
        ("--providers.consul.token=secret", "--providers.consul.token"),
        ("--providers.consul.endpoints[0]=example.test:8500", "--providers.consul.endpoints[0]"),
        ("--providers.consul.endpoints=consul.homelab.svc:8500", None),
        ("--providers.consul.rootkey=traefik-external", None),
        ("--providers.consul=true", None),
        ("--accesslog.filepath=/dev/stdout", None),
        ("--log.level=DEBUG", None),
        ("--providers.kubernetescrd.namespaces=home", None),
        ("--providers.providersthrottleduration=1", None),
    ],
)
def test_options_that_reach_beyond_the_cluster_are_known(written: str, option: str | None) -> None:
    assert beyond(["--ping=true", written]) == option


def test_our_manifest_reaches_for_nothing_else() -> None:
    assert beyond(internal()["containers"][0]["args"]) is None


async def test_a_traefik_that_reaches_beyond_the_cluster_is_not_started(tmp_path: Path) -> None:
    found = Container("traefik", "traefik", ("--configfile=/etc/passwd",), None)

    with pytest.raises(ProgramError, match=r"^Traefik is not started with --configfile: in the lab it reads nothing"):
        await Traefik(place(tmp_path), "home/traefik", found, "127.1.2.3", ALONE).start()


def external() -> Raw:
    """The pod template of our own external Traefik."""
    every = yaml.safe_load_all(manifests.texts("traefik-external")["replicas.yaml"])
    template: Raw = next(obj for obj in every if obj["kind"] == "StatefulSet")["spec"]["template"]["spec"]
    template["containers"][0]["image"] = "traefik:v3.7.15"
    return template


def test_consul_is_read_where_the_lab_has_it() -> None:
    given = external()["containers"][0]["args"]
    (name,) = services(given)
    places = dict.fromkeys(("web", "websecure", "traefik"), ("127.0.0.1", 8020))

    made = command_line(given, places, {name: "127.1.2.3:8500"})

    assert beyond(given) is None
    assert name == "consul.homelab.svc:8500"
    assert "--providers.consul.endpoints=127.1.2.3:8500" in made
    assert "--providers.consul.rootkey=traefik-external" in made


def test_without_an_endpoint_traefik_would_look_for_consul_on_this_machine() -> None:
    assert services(["--providers.consul=true"]) == ("127.0.0.1:8500",)


async def test_a_traefik_whose_consul_is_not_in_the_lab_is_not_started(tmp_path: Path) -> None:
    found = Container("traefik", "traefik", ("--providers.consul.endpoints=example.test:8500",), None)

    with pytest.raises(ProgramError, match=r"^no ready pod of the lab answers at example\.test:8500$"):
        await Traefik(place(tmp_path), "home/traefik", found, "127.1.2.3", ALONE).start()


async def test_a_token_that_is_mounted_nowhere_is_said(tmp_path: Path) -> None:
    variable = (("CONSUL_HTTP_TOKEN_FILE", "/tokens/token"),)
    found = Container("traefik", "traefik", ("--entrypoints.web.address=:80",), None, variable)

    with pytest.raises(ProgramError, match=r"^CONSUL_HTTP_TOKEN_FILE names /tokens/token, which no"):
        await Traefik(place(tmp_path), "home/traefik", found, "127.0.0.1", ALONE).start()


def test_ports_that_are_all_taken_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        monkeypatch.setattr("homelab.lab.programs.traefik.FIRST_PORT", port)
        monkeypatch.setattr("homelab.lab.programs.traefik.LAST_PORT", port + 1)

        with pytest.raises(ProgramError, match=f"^no port of 127.0.0.1 is free from {port} on$"):
            Ports().take("one")


def test_the_probe_of_a_template_is_read_with_the_number_of_its_port() -> None:
    found = container(internal(), PROGRAMS)

    assert found
    assert (found.repository, found.probe) == ("traefik", Probe(path="/ping", port=8080, period=2, failures=2))
    assert port_number(internal(), "web") == 8000


@pytest.mark.parametrize("image", ["traefik:v3.7.15", "docker.io/library/traefik", "traefik@sha256:00"])
def test_a_program_is_known_by_its_image_s_repository(image: str) -> None:
    assert container({"containers": [{"name": "one", "image": "nginx"}, {"name": "two", "image": image}]}, PROGRAMS)


@pytest.mark.parametrize("image", ["example.test/traefik:v3", "someone/traefik", "traefik-mesh"])
def test_other_people_s_images_are_not_taken_for_a_program(image: str) -> None:
    assert container({"containers": [{"name": "one", "image": image}]}, PROGRAMS) is None


def test_a_probe_that_the_lab_does_not_know_counts_as_none() -> None:
    found = container({"containers": [{"image": "traefik", "readinessProbe": {"tcpSocket": {"port": 80}}}]}, PROGRAMS)

    assert found
    assert found.probe is None


@pytest.mark.parametrize(
    ("arguments", "number"),
    [(("--port=8080",), 8080), (("-port", "81"), 81), ((), 80), (("--name=port",), 80), (("--port",), 80)],
)
def test_the_sample_app_listens_where_its_arguments_say(arguments: tuple[str, ...], number: int) -> None:
    assert port(arguments) == number


async def test_a_configuration_of_this_machine_s_own_traefik_is_not_read_by_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = container(internal(), PROGRAMS)
    assert found
    foreign = tmp_path / "traefik.yml"
    foreign.touch()
    monkeypatch.setattr("homelab.lab.programs.traefik.FOREIGN", (foreign,))

    with pytest.raises(ProgramError, match=f"Traefik would read {foreign} in place of its arguments"):
        await Traefik(place(tmp_path), "homelab/traefik-internal", found, "127.1.2.3", ALONE).start()


def test_an_entry_point_gets_its_port_again_and_never_another_s() -> None:
    ports = Ports()

    first, second = ports.take("one"), ports.take("two")

    assert first != second
    assert ports.take("one") == first
