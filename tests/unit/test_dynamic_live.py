"""Values at the edge of what is let through, with a real Consul and the real Traefik: it takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import realconsul
from certificates import lineage
from programs import dynamic, loader
from realconsul import until

pytestmark = realconsul.needed
NUMBERS = ("0", "-1", "007", str(2**63 - 1), str(-(2**63)))
DURATIONS = (
    "0",
    "0s",
    "1.5h",
    "1h2m3.5s4ms5us6ns",
    "2562047h",
    "2562046h59m59.999999999s",
    "9223369200",
    "9" * 18 + "ns",
)
LEAVES = {
    "version": "minVersion",
    "ciphers": "cipherSuites",
    "curves": "curvePreferences/0",
    "client": "clientAuth/clientAuthType",
}
KEYS = (
    "http/Routers/x/Rule",
    "http/routers/²/rule",
    "http/routers/a b/rule",
    "http/routers/x/entryPoints/00",
    f"http/routers/x/entryPoints/{10**30}",
    f"http/services/x/loadBalancer/servers/{10**30}/url",
)
"""Which may be written in more than one way."""
TOO_FAR = (
    ("http/routers/x/priority", str(2**63)),
    ("http/routers/x/priority", "٣"),
    ("http/middlewares/x/rateLimit/period", f"{dynamic.LONGEST + 1}h"),
    ("http/middlewares/x/rateLimit/period", "١s"),
    ("http/routers/x/observability/metrics", "yes"),
)


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, loader.Consul]]:
    with realconsul.consul(tmp_path_factory.mktemp("consul")) as found:
        yield found


def put(consul: loader.Consul, keys: Mapping[str, str]) -> None:
    """Have exactly these keys below Traefik's root, unchecked, and a middleware `last`."""
    every = {**keys, "http/middlewares/last/addPrefix/prefix": "/"}
    operations = [loader.clear(dynamic.ROOT)]
    operations += [loader.write(dynamic.ROOT + key, value.encode()) for key, value in every.items()]
    for start in range(0, len(operations), dynamic.TXN_LIMIT):
        consul.commit(operations[start : start + dynamic.TXN_LIMIT])


def used(name: str, leaf: str, value: str) -> dict[str, str]:
    """TLS options, and a router that uses them, so that Traefik builds them."""
    router = {"rule": f"Host(`{name}.test`)", "service": "noop@internal", "entryPoints": "traefik", "tls/options": name}
    return {f"tls/options/{name}/{leaf}": value} | {f"http/routers/{name}/{key}": one for key, one in router.items()}


def test_traefik_takes_values_at_the_edge(clients: dict[str, loader.Consul], tmp_path: Path) -> None:
    numbers = {f"http/middlewares/n{index}/retry/attempts": value for index, value in enumerate(NUMBERS)}
    durations = {f"http/middlewares/d{index}/rateLimit/period": value for index, value in enumerate(DURATIONS)}
    edges = numbers | durations | dict.fromkeys(KEYS, "http://127.0.0.1:1")
    assert not [trouble for edge in edges.items() if (trouble := dynamic.complaint(*edge))]
    put(clients["management"], edges)

    with realconsul.traefik(tmp_path, clients["traefik"]) as ask:
        assert until(lambda: ask("http/middlewares/last@consul"))


def test_traefik_makes_tls_options_of_every_word(clients: dict[str, loader.Consul], tmp_path: Path) -> None:
    keys = used("wrong", "cipherSuites", "wrong")
    for words, leaf in LEAVES.items():
        for number, word in enumerate(dynamic.WORDS[words]):
            keys |= used(f"{words}-{number}", leaf, word)
    for number in (3, 4):  # those that verify
        keys[f"tls/options/client-{number}/clientAuth/caFiles"] = f"{lineage(tmp_path)}/cert.pem"
    keys["http/serversTransports/x/cipherSuites"] = ", ".join(dynamic.WORDS["ciphers"])
    put(clients["management"], keys)

    with realconsul.traefik(tmp_path, clients["traefik"]) as ask:
        until(lambda: ask("http/middlewares/last@consul"))
        routers = until(lambda: ask("http/routers?per_page=1000"))

    assert [one["name"] for one in routers if one["status"] != "enabled"] == ["wrong@consul"]
    assert "invalid CipherSuite: TLS" not in (tmp_path / "traefik.log").read_text()


@pytest.mark.parametrize(("key", "value"), TOO_FAR)
def test_what_is_beyond_the_edge_makes_traefik_refuse_all(
    key: str, value: str, clients: dict[str, loader.Consul], tmp_path: Path
) -> None:
    assert dynamic.refusal(key, value)
    put(clients["management"], {key: value})

    with realconsul.traefik(tmp_path, clients["traefik"]) as ask:
        until(lambda: "Provider error" in (tmp_path / "traefik.log").read_text())
        assert ask("http/middlewares/last@consul") is None
