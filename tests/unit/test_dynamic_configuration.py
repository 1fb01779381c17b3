"""The user's own lines of dynamic configuration, what Consul has of all of them, and what is told of that."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from objects import article_plan
from plans import changed

from homelab import configuration
from homelab.configuration import HASH, ROOT, Change, changes, faults, strange, told, whole
from homelab.lab.upstream import StandIns
from homelab.observe.configuration import CONFIG_MAP, Configuration, ConfigurationState
from homelab.observe.configuration import configuration as observed
from homelab.observe.taking import Took, older
from homelab.observe.text import configuration_lines, configuration_words
from homelab.plan.file import read
from homelab.plan.model import Plan
from homelab.ports import Raw, Value
from homelab.stack.configuration import CONFIG, JOB, fresh, text_of
from homelab.stack.render import Facts, RenderError, render
from screens.dashboard.consul import configured

LINES = Path(__file__).parent / "lines"
FINE = LINES / "fine.conf"
TEXT = "http/routers/a/rule = Host(`a`)\nhttp/routers/a/service = a\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("http/middlewares/x/headrs/stsSeconds = 1", "the nearest key is http/middlewares/x/headers"),
        ("http/routers/acme-challenge/priority = 5", "take another name"),
        ("HTTP/Services/Acme-Challenge/loadBalancer/strategy = wrr", "take another name"),
        ("http/middlewares/homelab-1/addPrefix/prefix = /", "take another name"),
        ("tls/options/default/minVersion = VersionTLS13", "name options of your own"),
        ("tls/options/Default/alpnProtocols = h2", "name options of your own"),
        ("tls/certificates/a/certFile = x", "Traefik knows no 'certificates' here"),
        ("http/middlewares/u/basicAuth/users = a:b", "put it into a Secret"),
        ("http/middlewares/u/headers/customRequestHeaders/Authorization = Basic x", "put it into a Secret"),
        ("http/routers/a/priority = high", "'high' is not a whole number"),
        ("http/routers/a/rule", "'' is not a text"),
        ("HTTP/routers/a/rule = x", "write http/routers/a/rule"),
        ("tls/Options/a/minVersion = VersionTLS12", "write tls/options/a/minVersion"),
        ("tls/options/a/cipherSuites = TLS_AES_128", "'TLS_AES_128' is not a cipher suite"),
    ],
)
def test_a_line_that_would_do_harm_is_told_with_its_number_and_fix(line: str, words: str) -> None:
    (found,) = faults(f"# mine\n\n{line}\n")

    assert found.number == 3
    assert words in f"{found.what} | {found.fix}"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("http/routers/a/priority = 9223372036854775808", "makes it refuse all of its configuration"),
        ("tls/options/default/cipherSuites = foo", "one wrong word there ends HTTPS of every host"),
        ("tls/options/a/cipherSuites = foo", "Traefik loads it without a word"),
        ("tls/options/a/maxVersion = VersionTLS11", "Traefik loads it without a word"),
        ("HTTP/routers/a/rule = x", "the loader may write nowhere else"),
    ],
)
def test_the_reason_is_the_true_one(line: str, why: str) -> None:
    (found,) = faults(line)

    assert why in found.why


def test_of_two_lines_with_one_key_the_second_is_told() -> None:
    (found,) = faults("http/routers/a/rule = x\nHTTP/routers/A/rule = y\n")

    assert (found.number, found.what) == (2, "HTTP/routers/A/rule: is there twice")


def rendered(plan: Plan) -> tuple[str, str]:
    """The text of the configuration, and the name of the Job that loads it."""
    found = render(plan, Facts(), StandIns(), ["config"])
    (job,) = [item.ref.name for item in found if item.ref.kind == JOB]
    (text,) = [text_of(item.obj) for item in found if item.ref == CONFIG]
    return text, job


def with_file(path: Path) -> Plan:
    """The article's plan with lines of the user's own."""
    plan = read(changed("config: null ", f"config: {path} ")).plan
    assert plan
    return plan


def test_lines_that_are_fine_stand_beside_ours_and_another_job_loads_them() -> None:
    assert not list(faults(configuration.own(str(FINE))))

    (text, job), (ours, before) = rendered(with_file(FINE)), rendered(article_plan())

    assert text == ours.rstrip("\n") + "\n" + FINE.read_text()
    assert job != before
    assert ROOT + "tls/options/modern/minVersion" in whole(text)


def test_the_example_of_the_docs_is_in_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    example = "\n".join(line.strip() for line in page.splitlines() if line.startswith(("    http/", "    tls/")))

    assert len(example.splitlines()) == 7
    assert list(faults(example)) == []


def test_a_file_may_come_from_windows_and_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_bytes(b"\xef\xbb\xbfhttp/routers/a/rule = x\r\n\r\n")
    (tmp_path / "b.conf").write_text("\n")

    assert configuration.own(str(tmp_path / "a.conf")) == "http/routers/a/rule = x"
    assert rendered(with_file(tmp_path / "b.conf")) == rendered(article_plan())


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"#" * 2**19])
def test_what_is_no_short_text_is_not_rendered(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "mine.conf"
    if content:
        file.write_bytes(content)

    with pytest.raises(RenderError, match=r"ingress\.external\.config: .*mine\.conf cannot be read: "):
        rendered(with_file(file))


def test_whatever_a_line_holds_is_no_name_of_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "mine.conf").write_text("http/routers/a/rule = Host(`${images.certbot}`)\n")

    assert "Host(`${images.certbot}`)" in rendered(with_file(tmp_path / "mine.conf"))[0]


# What Consul has


def held(**keys: str) -> dict[str, bytes]:
    """What Consul has of TEXT, with some keys below `http/` changed."""
    return {**whole(TEXT), **{f"{ROOT}http/{key.replace('__', '/')}": value.encode() for key, value in keys.items()}}


def test_nothing_differs_where_consul_has_all_of_it_whatever_else_it_has() -> None:
    more = {f"{ROOT}tls/certificates/a/keyFile": b"key", "homelab/acme/lock": b"{}"}

    assert changes({**held(), **more}, whole(TEXT)) == ()


def test_every_key_that_differs_is_a_line() -> None:
    now = held(routers__a__rule="Host(`b`)", routers__a__bogus="1", routers__b__rule="x")
    del now[f"{ROOT}http/routers/a/service"]

    assert told(changes(now, whole(TEXT))) == [
        "- http/routers/a/bogus = 1   (by hand; Traefik knows no 'bogus' here)",
        "~ http/routers/a/rule = Host(`b`) -> Host(`a`)",
        "+ http/routers/a/service = a",
        "- http/routers/b/rule = x",
    ]


def test_a_wrong_word_of_an_option_is_not_told_as_a_key_that_traefik_refuses() -> None:
    now = held() | {f"{ROOT}tls/options/default/cipherSuites": b"foo"}

    assert told(changes(now, whole(TEXT))) == ["- tls/options/default/cipherSuites = foo"]


def test_what_neither_the_loader_nor_the_issuer_writes_is_by_hand() -> None:
    pair = (f"{ROOT}tls/certificates/a.b/{name}" for name in ("certFile", "keyFile"))
    ours = [key for key in (*held(), *pair) if key.startswith(ROOT)]
    theirs = [
        f"{ROOT}HTTP/routers/a/rule",
        f"{ROOT}tcp/blah/x",
        f"{ROOT}tls/certificates/a.b",
        f"{ROOT}tls/certificates/a.b/certFile/x",
        f"{ROOT}tls/certificates/a.b/nonsense",
        f"{ROOT}tls/certificates/keyFile",
        f"{ROOT}tls/stores/default/defaultCertificate/certFile",
    ]

    assert strange([*ours, *theirs]) == tuple(theirs)


def test_another_comment_is_another_configuration_and_only_then_its_name_is_told() -> None:
    lines = told(changes(whole(TEXT), whole(TEXT + "# more\n")))

    assert len(lines) == 3
    assert all("homelab" in line for line in lines)
    assert told(changes(whole(TEXT), whole(TEXT + "http/routers/b/rule = x\n"))) == ["+ http/routers/b/rule = x"]


def test_the_value_of_a_secret_is_not_shown() -> None:
    for key in ("http/middlewares/u/basicAuth/users/0", "http/middlewares/u/basicAuth/user"):
        assert told([Change(key, "anna:hash", None)]) == [f"- {key} (its value is not shown)"]


# What status says


def config_map(text: str = TEXT) -> Raw:
    """The configuration that is wished."""
    meta = {"name": CONFIG_MAP, "namespace": "homelab"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"config": text}}


def status(keys: dict[str, bytes] | None, *errors: str | None, text: str = TEXT) -> Configuration:
    """What is told of keys in Consul and of replicas."""
    replicas = [Took(f"homelab/traefik-external-{number}", "m", error) for number, error in enumerate(errors)]
    values = None if keys is None else {key: Value(value, None) for key, value in keys.items()}
    found = observed([config_map(text)], values, replicas)
    assert found
    return found


def test_where_consul_and_all_replicas_have_it_it_is_loaded() -> None:
    found = status(held(), None, None)

    assert (found.state, found.error) == (ConfigurationState.LOADED, None)
    assert configuration_lines(found, 80) == ["Configuration: ✓ loaded, taken by 2 of 2"]


def test_without_a_configuration_nothing_is_said() -> None:
    assert observed([], {}, []) is None


@pytest.mark.parametrize(
    ("keys", "text", "state", "words"),
    [
        (held(routers__a__bogus="1"), TEXT, "refused", "http/routers/a/bogus was written by hand and Traefik does not"),
        (held(routers__b__rule="x"), TEXT, "differs", "http/routers/b/rule was written by hand; mend it: homelab-tui"),
        (held(routers__a__rule="x"), TEXT, "differs", "http/routers/a/rule was changed by hand"),
        (whole("http/routers/a/rule = Host(`a`)\n"), TEXT, "differs", "http/routers/a/service is missing"),
        ({HASH: b"x"}, TEXT, "differs", "or the console's token may not read them; mend it: homelab-tui apply"),
        (held(), "http/routers/a/rul = x\n", "differs", "changed by hand: the configuration is not loaded"),
        (None, TEXT, "unknown", "cannot be read"),
    ],
)
def test_what_is_wrong_is_told_with_the_fix(keys: dict[str, bytes] | None, text: str, state: str, words: str) -> None:
    found = status(keys, None, text=text)

    assert found.state.value == state
    assert words in (found.error or "")


def test_a_replica_that_has_not_taken_it_is_named() -> None:
    found = status(held(), None, older("homelab/traefik-external-1"))

    assert found.state is ConfigurationState.PARTLY
    first, *below = configuration_lines(found, 300)
    assert first == "Configuration: ▲ loaded, taken by 1 of 2"
    assert below[0].startswith("    homelab/traefik-external-1: it serves an older configuration")
    assert below[0].endswith("see kubectl -n homelab logs traefik-external-1")


def test_the_pane_says_what_is_wrong_and_nothing_else() -> None:
    bad = status(held(routers__a__bogus="1"), None)

    assert configuration_words(status(held(), None)) == ()
    assert configuration_words(bad) == ("configuration refused",)
    assert dict(configured(bad)) == {"Configuration": "✗ refused", "Why": bad.error, "Keys": "http/routers/a/bogus"}


# The Job that runs again


def test_a_job_that_runs_again_is_the_one_that_was_asked_for() -> None:
    (job,) = [item.obj for item in render(article_plan(), Facts(), StandIns(), ["config"]) if item.ref.kind == JOB]
    made = {"controller-uid": "u-1", "batch.kubernetes.io/controller-uid": "u-1", "job-name": "x"}
    live = deepcopy(job)
    live["metadata"] |= {"uid": "u-1", "resourceVersion": "7", "managedFields": []}
    live["spec"] |= {"selector": {"matchLabels": {"controller-uid": "u-1"}}, "completions": 1}
    live["spec"]["template"]["metadata"]["labels"] |= made
    live["status"] = {"succeeded": 1}

    again = fresh(live)

    assert {**again, "spec": {key: value for key, value in again["spec"].items() if key != "completions"}} == job
