"""The loader with a real Consul and the real Traefik: that the table is true, and that rights and marker are enough."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import realconsul
from programs import dynamic, loader
from realconsul import until

pytestmark = realconsul.needed
BY_KIND = {"": "text", "#": "1", "?": "true", "!": "true", "~": "10s"}


def leaves(place: dynamic.Known, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Every key of the table with an example value."""
    if place.kind is not None:
        yield "/".join(path), dynamic.WORDS.get(place.words, [BY_KIND[place.kind]])[-1]
    for name, child in place.children.items():
        yield from leaves(child, (*path, child.name or {"0": "0"}.get(name, name)))


def test_traefik_accepts_every_row_of_the_table(tmp_path: Path) -> None:
    rows = {path.replace("*", "one").replace("+", "0"): value for path, value in leaves(dynamic.known())}
    assert len(rows) > 200
    assert not [trouble for row in rows.items() if (trouble := dynamic.complaint(*row))]
    with realconsul.consul(tmp_path) as clients, realconsul.traefik(tmp_path, clients["traefik"]) as ask:
        management = clients["management"]
        operations = [loader.write(dynamic.ROOT + key, value.encode()) for key, value in rows.items()]
        operations.append(loader.write(f"{dynamic.ROOT}http/middlewares/last/addPrefix/prefix", b"/"))
        for start in range(0, len(operations), dynamic.TXN_LIMIT):
            management.commit(operations[start : start + dynamic.TXN_LIMIT])

        shown = until(lambda: ask("http/middlewares/last@consul"))

    assert shown["provider"] == "consul"
    assert "field not found" not in (tmp_path / "traefik.log").read_text()


CONFIG = """\
# The challenge, to the issuer.
http/routers/acme/rule = PathPrefix(`/.well-known/acme-challenge/`)
http/routers/acme/service = acme
http/services/acme/loadBalancer/servers/0/url = http://127.0.0.1:5002
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "config").write_text(CONFIG)
    return tmp_path / "config"


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[dict[str, loader.Consul]]:
    with realconsul.consul(tmp_path) as found:
        yield found


def test_a_configuration_is_loaded_once_and_its_marker_shows(
    clients: dict[str, loader.Consul], file: Path, tmp_path: Path
) -> None:
    assert loader.load(clients["loader"], file) == (True, dynamic.digest(CONFIG))
    assert loader.load(clients["loader"], file) == (False, dynamic.digest(CONFIG))

    with realconsul.traefik(tmp_path, clients["traefik"]) as ask:
        assert until(lambda: ask(f"http/middlewares/homelab-{dynamic.digest(CONFIG)}@consul"))
        assert ask("http/routers/acme@consul")["rule"].startswith("PathPrefix")


def test_what_is_no_longer_wished_goes_and_certificates_stay(clients: dict[str, loader.Consul], file: Path) -> None:
    certificate = dynamic.ROOT + "tls/certificates/a.example.test/certFile"
    clients["issuer"].commit([loader.write(certificate, b"pem")])
    loader.load(clients["loader"], file)

    file.write_text("tls/options/default/sniStrict = true\n")
    loader.load(clients["loader"], file)

    found = clients["management"].below(dynamic.ROOT)
    assert certificate in found
    assert not [key for key in found if "acme" in key]


def test_a_configuration_that_is_older_when_it_is_written_does_not_win(
    clients: dict[str, loader.Consul], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "AGAIN_SECONDS", 0.0)
    newer = CONFIG + "tls/options/default/sniStrict = true\n"

    class Overtaken(loader.Consul):
        """Slower than somebody who loads a change."""

        def commit(self, operations: Iterable[loader.Operation]) -> None:
            if file.read_text() == CONFIG:
                file.write_text(newer)
                loader.load(clients["loader"], file)
            super().commit(operations)

    slow = Overtaken(clients["loader"].address, clients["loader"].token)

    assert loader.patiently(realconsul.PATIENCE, lambda: loader.load(slow, file)) == (False, dynamic.digest(newer))
    found = clients["management"].below(dynamic.ROOT)
    assert {key: pair.value for key, pair in found.items()} == dynamic.wished(newer)


def test_a_key_that_somebody_wrote_by_hand_is_taken_out(clients: dict[str, loader.Consul], file: Path) -> None:
    loader.load(clients["loader"], file)
    bogus = dynamic.ROOT + "http/routers/acme/bogus"
    clients["management"].commit([loader.write(bogus, b"1")])

    assert loader.load(clients["loader"], file)[0]

    assert bogus not in clients["management"].below(dynamic.ROOT)


def test_the_console_reads_what_the_loader_owns_and_no_certificate(
    clients: dict[str, loader.Consul], file: Path
) -> None:
    clients["issuer"].commit([loader.write(dynamic.ROOT + "tls/certificates/a.example.test/keyFile", b"key")])
    loader.load(clients["loader"], file)

    found = clients["console"].below(dynamic.ROOT)

    assert {key: pair.value for key, pair in found.items()} == dynamic.wished(CONFIG)


def test_a_token_without_rights_is_told_from_a_slower_writer(clients: dict[str, loader.Consul], file: Path) -> None:
    with pytest.raises(dynamic.Trouble, match="refuses the token") as refused:
        loader.load(clients["traefik"], file)
    assert not isinstance(refused.value, loader.Outrun | loader.Away)

    with pytest.raises(loader.Outrun):
        clients["loader"].commit(loader.transaction(dynamic.wished(CONFIG), "name", 1))
    assert not clients["management"].below(dynamic.ROOT)
