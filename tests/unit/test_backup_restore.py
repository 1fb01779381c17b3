"""What a restore decides, and what the commands say of wrong input."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st
from objects import ours, thing
from shell import Shell, home, shell

from homelab.ports import Raw, Ref, SealError, Value
from homelab.stack.backup import MIRRORS, PASSWORDS, Backup, bare
from homelab.stack.restore import OPERATIONS, OtherHome, decide, demand_same, lacking, part, spaces, transactions
from homelab.stack.stale import CERTIFICATE
from tui.headless import backup as commands

__all__ = ["home", "shell"]

HOST = "a.cloud.example.test"
SERVED = f"traefik-external/tls/certificates/{HOST}/"
STATE = f"homelab/acme/0123456789ab/{HOST}/state"
ROUTE = "traefik-external/http/routers/acme-challenge/rule"
VALUES = {SERVED + "certFile": b"chain", SERVED + "keyFile": b"key", STATE: b"{}", ROUTE: b"PathPrefix(`/`)"}


def secret(name: str, namespace: str = "homelab", **data: str) -> Raw:
    """One of ours, live."""
    found = ours(thing("v1", "Secret", name, namespace, resourceVersion="7"))
    return {**found, "type": "Opaque", "data": {key: b64encode(value.encode()).decode() for key, value in data.items()}}


MANAGEMENT = secret("consul-management", token="t-1", **{"server.json": "{}"})
MIRROR = secret(f"certificate-{HOST}", MIRRORS, **{"20261123T000000Z.tar.gz": "lineage"})
MIRROR["metadata"]["labels"] |= {CERTIFICATE: "0123456789ab"}
PASSWORD = {**secret(PASSWORDS.name, users="anna:hash"), "type": "kubernetes.io/basic-auth"}
CONSOLE = secret("consul-console", token="t-3")
BACKUP = Backup("2026-11-23T00:00:00+00:00", VALUES, tuple(map(bare, (MANAGEMENT, CONSOLE, PASSWORD, MIRROR))))


def live(*found: Raw) -> dict[Ref, Raw | None]:
    """A cluster that has all that is in the backup, with these in place of its own."""
    spaced = {ref: thing("v1", "Namespace", ref.name) for ref in spaces(BACKUP)}
    return {**spaced, **{Ref.of(one): one for one in (MANAGEMENT, CONSOLE, PASSWORD, MIRROR, *found)}}


def held(values: Mapping[str, bytes]) -> dict[str, Value]:
    """A store that has these."""
    return {key: Value(value, None) for key, value in values.items()}


# The content


@given(st.dictionaries(st.text().map("homelab/config/{}".format), st.binary()))
def test_a_backup_is_read_as_it_was_written(values: dict[str, bytes]) -> None:
    backup = Backup("2026-11-23T00:00:00+00:00", values, BACKUP.secrets)

    assert Backup.parse(backup.dump()) == backup


def test_it_keeps_of_a_secret_what_can_be_created_and_its_words_tell_no_value() -> None:
    kept = bare(PASSWORD)

    assert set(kept["metadata"]) == {"name", "namespace", "labels"}
    assert (kept["type"], kept["data"]) == ("kubernetes.io/basic-auth", PASSWORD["data"])
    assert "hash" not in repr(BACKUP)
    assert BACKUP.token == "t-1"


FOREIGN = {
    "a pod": ({"kind": "Pod"}, "Pod homelab/consul-agent"),
    "another version": ({"apiVersion": "v2"}, "Secret homelab/consul-agent"),
    "another name": ({"metadata": {"name": "web", "namespace": "homelab"}}, "Secret homelab/web"),
    "another namespace": ({"metadata": {"name": "web", "namespace": "kube-system"}}, "Secret kube-system/web"),
    "no mirror": ({"metadata": {"name": "web", "namespace": MIRRORS}}, f"Secret {MIRRORS}/web"),
    "another field": ({"immutable": True}, "Secret homelab/consul-agent"),
    "no text": ({"data": {"token": 1}}, "Secret homelab/consul-agent"),
}


@pytest.mark.parametrize(("change", "named"), FOREIGN.values(), ids=FOREIGN)
def test_a_secret_that_no_backup_keeps_is_refused_by_name(change: Raw, named: str) -> None:
    found = {**bare(secret("consul-agent", token="t-2")), **change}

    with pytest.raises(SealError, match=f"^holds {named}, which no backup does: nothing was written; name the file"):
        Backup.parse(Backup(BACKUP.taken, VALUES, (*BACKUP.secrets, found)).dump())


@pytest.mark.parametrize("key", ["zz/other", "traefik-externals", "homelab/acme/lock", ""])
def test_a_value_that_no_backup_keeps_is_refused_by_name(key: str) -> None:
    with pytest.raises(SealError, match=f"^holds the key {key!r}, which no backup does"):
        Backup.parse(Backup(BACKUP.taken, {**VALUES, key: b"1"}, ()).dump())


NOT_OURS = [b"", b"1", b"{}", b"[" * 100_000, b'{"taken": "", "values": {"homelab/a": 1}, "secrets": []}']
NOT_OURS += [b'{"taken": "", "values": {}, "secrets": [%s]}' % one for one in (b"1", b"{}", b'{"metadata": {}}')]


@pytest.mark.parametrize("text", NOT_OURS, ids=range(len(NOT_OURS)))
def test_what_is_no_backup_is_told_plainly(text: bytes) -> None:
    with pytest.raises(SealError, match=r"^holds no backup; name the file that `homelab-tui backup` wrote$"):
        Backup.parse(text)


# What is missing


def test_on_a_bare_cluster_all_is_made_and_the_store_is_not_spoken_of() -> None:
    found = decide(BACKUP, dict.fromkeys(live()), None)

    assert found.namespaces == ("homelab", MIRRORS)
    assert found.secrets == BACKUP.secrets
    assert (found.values, found.stays, found.writes) == (None, (), 6)


def test_where_all_is_there_nothing_is_written() -> None:
    found = decide(BACKUP, live(), held(VALUES))

    assert (found.writes, found.stays) == (0, ())


def test_what_is_other_than_in_the_backup_stays_and_is_named() -> None:
    mirror = {**MIRROR, "data": {"20270101T000000Z.tar.gz": "newer"}}

    found = decide(BACKUP, live({**PASSWORD, "data": {}}, mirror), held({**VALUES, STATE: b"newer"}))

    assert found.writes == 0
    assert [one.partition(":")[0] for one in found.stays] == [
        f"Secret homelab/{PASSWORDS.name}",
        f"Secret {MIRRORS}/certificate-{HOST}",
        "1 value of the store",
    ]


def test_a_token_secret_that_lacks_a_value_gets_it_and_is_written_as_it_was_read() -> None:
    cut = {**MANAGEMENT, "data": {"token": MANAGEMENT["data"]["token"]}}

    demand_same(BACKUP, live(cut))
    found = decide(BACKUP, live(cut), held(VALUES))

    assert found.mended == (MANAGEMENT,)
    assert found.mended[0]["metadata"]["resourceVersion"] == "7"


def test_another_token_than_the_management_one_was_made_since_and_stays() -> None:
    other = live(secret("consul-console", token="t-4"))

    demand_same(BACKUP, other)
    found = decide(BACKUP, other, held(VALUES))

    assert found.writes == 0
    assert found.stays == ("Secret homelab/consul-console: another token than in the backup, made since; it stays",)


OTHERS = {"with another token": secret("consul-management", token="t-2"), "not ours": {**MANAGEMENT, "data": {}}}
OTHERS["not ours"]["metadata"] = {**MANAGEMENT["metadata"], "labels": {}}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_stack_is_refused(other: Raw) -> None:
    with pytest.raises(OtherHome, match="Secret homelab/consul-management: not as in the backup"):
        demand_same(BACKUP, live(other))


def test_a_certificate_comes_back_with_its_key_or_not_at_all() -> None:
    assert lacking(VALUES, []) == VALUES
    assert lacking(VALUES, [SERVED + "keyFile", ROUTE]) == {STATE: b"{}"}


def test_the_configuration_comes_back_as_a_whole_or_not_at_all() -> None:
    assert ROUTE not in lacking(VALUES, ["traefik-external/tls/options/default/minVersion"])


KEYS = st.one_of(
    st.builds(
        "traefik-external/tls/certificates/{}/{}".format, st.integers(0, 99), st.sampled_from(["certFile", "keyFile"])
    ),
    st.builds("traefik-external/http/{}".format, st.integers(0, 55)),
    st.builds("homelab/acme/{}".format, st.integers(0, 99)),
)


@given(st.dictionaries(KEYS, st.binary().map(lambda value: value * 2000)))
def test_all_is_written_once_in_transactions_that_consul_takes_and_that_divide_no_part(
    values: dict[str, bytes],
) -> None:
    found = list(transactions(values))

    assert {key: value for group in found for key, value in group.items()} == values
    assert sum(map(len, found)) == len(values)
    assert all(0 < len(group) <= OPERATIONS for group in found)
    where = [{part(key) for key in group} for group in found]
    assert sum(map(len, where)) == len(set().union(*where))


# The commands


def test_neither_command_writes_where_it_may_not(home: Path, shell: Shell) -> None:
    for command in ("backup", "restore"):
        told = shell(command, "a.sealed", "--read-only")

        assert told.code == 2
        assert told.err.startswith("homelab-tui: --read-only is set: ")
    assert list(home.iterdir()) == []


def test_wrong_input_is_told_before_anything_is_asked(
    home: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "notes.txt").write_text("a shopping list")
    given = home / "passphrase"
    given.write_text("secret\n")

    def said(*arguments: str, typed: Path | None = given) -> str:
        with (typed or Path("/dev/null")).open() as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            told = shell(*arguments)
        assert told.code in (1, 2)
        return told.err.removeprefix("homelab-tui: ")

    assert said("backup", "notes.txt").startswith("notes.txt is there already: ")
    assert said("backup", "no/where.sealed").startswith("there is no folder no; ")
    assert said("backup", "a.sealed", typed=None).startswith("there is no passphrase: ")
    assert said("restore", "notes.txt").startswith("restore asks before it changes anything")
    assert said("restore", "none.sealed", "--yes").startswith("none.sealed cannot be read: No such file")
    assert said("restore", "notes.txt", "--yes").startswith("notes.txt is no backup of homelab-tui; ")


def test_a_passphrase_is_typed_twice_and_unseen() -> None:
    terminal = pexpect.spawn(sys.executable, ["-m", "tui", "backup", "a.sealed"], encoding="utf-8", timeout=20)
    terminal.expect_exact("Passphrase: ")
    terminal.sendline("correct horse")
    terminal.expect_exact("Once more: ")
    before = terminal.before
    terminal.sendline("correct hose")
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert "the two are not the same; nothing was written" in terminal.before
    assert "correct" not in before + terminal.before
    assert terminal.exitstatus == 2


def test_what_has_come_while_a_backup_was_made_stays(tmp_path: Path) -> None:
    file = tmp_path / "a.sealed"
    file.write_bytes(b"another backup")

    with pytest.raises(SealError, match="has been made meanwhile, and stays as it is: name another file"):
        commands._write(file, b"sealed")

    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"another backup"]
