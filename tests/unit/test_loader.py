"""What the loader lets through, and the transaction that it makes of it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from programs import dynamic, loader

CONFIG = """
# The challenge
http/routers/acme/rule = PathPrefix(`/.well-known/acme-challenge/`) && !Path(`/a=b`)
http/routers/acme/priority = 1000000
http/services/acme/loadBalancer/servers/0/url = http://issuer.homelab.svc:5002
"""


def test_lines_become_keys_and_values() -> None:
    assert dynamic.parsed(CONFIG) == {
        "http/routers/acme/rule": "PathPrefix(`/.well-known/acme-challenge/`) && !Path(`/a=b`)",
        "http/routers/acme/priority": "1000000",
        "http/services/acme/loadBalancer/servers/0/url": "http://issuer.homelab.svc:5002",
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("http/Routers/acme/Rule", "Host(`a`)"),
        ("http/routers/acme/entryPoints", "web,websecure"),
        ("http/routers/acme/entrypoints/0", "web"),
        ("http/routers/acme/tls", "true"),
        ("http/routers/acme/tls/domains/first/sans/1", "b.example.test"),
        ("http/services/a/loadbalancer/servers/one/url", "http://10.0.0.1"),
        ("http/middlewares/h/headers/customResponseHeaders/X-Frame", "DENY"),
        ("http/middlewares/r/rateLimit/period", "1m30s"),
        ("tls/options/default/sniStrict", "false"),
        ("tls/options/modern/cipherSuites", "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384"),
        ("http/routers/acme/priority", "-9223372036854775808"),
        ("http/middlewares/r/rateLimit/period", "2562046h59m59.999999999s"),
        ("http/middlewares/r/rateLimit/period", "9223369200"),
    ],
)
def test_what_traefik_knows_is_let_through(key: str, value: str) -> None:
    assert dynamic.complaint(key, value) is None


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("http/routers/acme/prioritty", "1", "the nearest key is http/routers/acme/priority"),
        ("http/router/acme/rule", "x", "the nearest key is http/routers"),
        ("http/routers/acme/bogus", "1", "there is rule, service"),
        ("http/routers/acme", "1", "has no value of its own"),
        ("http/routers/1/rule", "x", "knows no '1'"),
        ("http/routers/a@b/rule", "x", "knows no 'a@b'"),
        ("http/routers//rule", "x", "knows no ''"),
        ("http/routers/acme/rule/", "x", "knows no ''"),
        ("http/middlewares/r/ratelimit/bursts", "1", "the nearest key is http/middlewares/r/ratelimit/burst"),
        ("http/middlewares/x/errors/status/first", "500", "knows no 'first'"),
        ("tls/certificates/a/certFile", "pem", "knows no 'certificates'"),
        ("tcp/routers/a/rule", "x", "below"),
        ("http/routers/acme/priority", "high", "'high' is not a whole number"),
        ("http/routers/acme/tls", "yes", "'yes' is not true or false"),
        ("http/middlewares/r/rateLimit/period", "soon", "'soon' is not a duration"),
        ("http/routers/acme/rule", "", "'' is not a text"),
        ("http/routers/acme/priority", "9223372036854775808", "is not a whole number"),
        ("http/routers/acme/priority", "-9223372036854775809", "is not a whole number"),
        ("http/routers/acme/priority", "9" * 5000, "is not a whole number"),
        ("http/routers/acme/priority", "٣", "'٣' is not a whole number"),
        ("http/middlewares/r/rateLimit/period", "2562048h", "is not a duration"),
        ("http/middlewares/r/rateLimit/period", "2562047h1ns", "is not a duration"),
        ("http/middlewares/r/rateLimit/period", "9" * 5000, "is not a duration"),
        ("http/middlewares/r/rateLimit/period", "١s", "'١s' is not a duration"),
        ("HTTP/routers/acme/rule", "x", "write http/routers/acme/rule"),
        ("TLS/options/a/sniStrict", "true", "write tls/options/a/sniStrict"),
        ("tls/options/a/minVersion", "1.2", "is not one of VersionTLS10, "),
        ("tls/options/a/cipherSuites", "TLS_AES_128_GCM_SHA256,", "is not a cipher suite"),
        ("tls/options/a/cipherSuites/0", "foo", "is not a cipher suite"),
        ("tls/options/a/curvePreferences", "X25519,foo", "is not a curve"),
        ("tls/options/a/clientAuth/clientAuthType", "foo", "is not one of NoClientCert, "),
        ("http/serversTransports/a/maxVersion", "foo", "is not one of VersionTLS10, "),
    ],
)
def test_what_would_do_harm_is_named(key: str, value: str, words: str) -> None:
    assert words in (dynamic.complaint(key, value) or "")


def test_every_wrong_line_is_named_with_its_number() -> None:
    text = "http/routers/a/rule = x\n\n# fine\nhttp/routers/a/rul = x\nno-key\nHTTP/routers/A/rule = y\n"

    with pytest.raises(dynamic.Trouble, match=r"line 4: .*line 5: no-key.*line 6: .*twice"):
        dynamic.parsed(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "tls/options/a/maxVersion = VersionTLS12\ntls/options/a/minVersion = VersionTLS13\n",
            "minVersion, VersionTLS13",
        ),
        ("tls/options/a/maxVersion = VersionTLS11\n", "minVersion, VersionTLS12"),
        (
            "tls/options/A/maxVersion = VersionTLS12\ntls/options/a/minversion = VersionTLS13\n",
            "minVersion, VersionTLS13",
        ),
    ],
)
def test_a_highest_version_below_the_lowest_is_named(text: str, words: str) -> None:
    with pytest.raises(dynamic.Trouble, match=f"line 1: .*maxVersion: .*is below {words}"):
        dynamic.parsed(text)


def test_what_is_only_called_so_is_no_version() -> None:
    dynamic.parsed("http/middlewares/h/headers/customResponseHeaders/maxVersion = 1\n")


def test_one_transaction_replaces_what_the_loader_owns_and_nothing_else() -> None:
    name = dynamic.digest(CONFIG)

    first, *rest = loader.transaction(dynamic.wished(CONFIG), name, 7)

    value = base64.b64encode(name.encode()).decode()
    assert first["KV"] == {"Verb": "cas", "Key": "homelab/config/hash", "Value": value, "Index": 7}
    assert [entry["KV"] for entry in rest[:2]] == [
        {"Verb": "delete-tree", "Key": "traefik-external/http/"},
        {"Verb": "delete-tree", "Key": "traefik-external/tls/options/"},
    ]
    assert {entry["KV"]["Verb"] for entry in rest[2:]} == {"set"}
    written = {entry["KV"]["Key"].removeprefix("traefik-external/") for entry in rest[2:]}
    assert written == {*dynamic.parsed(CONFIG), f"http/middlewares/homelab-{name}/addPrefix/prefix"}


def test_more_than_one_transaction_holds_is_refused() -> None:
    fits = "".join(f"http/middlewares/m{number}/addPrefix/prefix = /\n" for number in range(56))
    assert len(loader.transaction(dynamic.wished(fits), "name", 0)) == dynamic.TXN_LIMIT

    with pytest.raises(dynamic.Trouble, match="1 keys too many"):
        dynamic.wished(fits + "http/middlewares/more/addPrefix/prefix = /\n")


def test_a_comment_makes_another_configuration() -> None:
    assert dynamic.digest(CONFIG) != dynamic.digest(CONFIG + "# more\n")
    assert len(dynamic.digest(CONFIG)) == 16


def test_trouble_that_may_pass_is_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "AGAIN_SECONDS", 0.0)
    answers = iter([loader.Away("no leader"), loader.Outrun("another was faster"), None])

    def ask() -> str:
        if trouble := next(answers):
            raise trouble
        return "done"

    assert loader.patiently(10, ask) == "done"
    assert capsys.readouterr().out.count("waiting") == 1


def test_trouble_that_stays_is_raised_at_once() -> None:
    def ask() -> None:
        raise loader.Outrun("another was faster")

    with pytest.raises(loader.Outrun):
        loader.patiently(3600, ask, (loader.Away,))


def test_without_consul_it_says_so_and_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("token", "t-secret"), ("config", CONFIG)):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "127.0.0.1:1")
    monkeypatch.setenv("CONSUL_HTTP_TOKEN_FILE", f"{tmp_path}/token")
    monkeypatch.setenv("HOMELAB_CONFIG", f"{tmp_path}/config")
    monkeypatch.setenv("HOMELAB_PATIENCE", "0")

    assert loader.main() == 1

    said = capsys.readouterr().out
    assert "Consul at http://127.0.0.1:1 does not answer" in said
    assert "t-secret" not in said
