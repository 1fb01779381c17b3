"""The settings' file: what it may say, what is told of the rest, and that no file breaks anything."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import Shell, home, shell

from screens.commands import CHOSEN, COMMANDS
from screens.keys import chosen, renewed, table
from tui.headless.settings import text
from tui.settings import Settings, brief, line_of, load, read

__all__ = ["home", "shell"]


@pytest.fixture(autouse=True)
def own_keys() -> Iterator[None]:
    """Keys that a test chose are nobody else's."""
    yield
    CHOSEN.clear()


@pytest.fixture
def file(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file would be."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    found = tmp_path / "homelab-tui" / "settings.toml"
    found.parent.mkdir()
    return found


def test_without_a_file_the_defaults_count(file: Path) -> None:
    assert load(file).settings == Settings()
    assert load(file).findings == ()


def test_what_is_printed_is_what_is_read() -> None:
    known = Settings(theme="light", read_only=True, bcrypt_cost=12, keys={"view.home": "h"})

    assert read(text(known)).settings == known
    assert tomllib.loads(text(Settings()))["bcrypt_cost"] == 10


@pytest.mark.parametrize(
    ("line", "what", "fix"),
    [
        ('theme = "dark"', "there is no 'dark'", "write one of calm, light, contrast, terminal"),
        ("bcrypt_cost = 15", "15 is out of its bounds", "write a number from 4 to 14"),
        ("bcrypt_cost = true", "it is true or false, and takes a whole number", "write bcrypt_cost = 10"),
        ("bcrypt-cost = 9", "there is no such setting", "write bcrypt_cost"),
        ("keys = 3", "it is a whole number, and takes a table", 'write [keys], below it "view.home" = "h"'),
        ("keys.quit = 3", "a key is written in quotes", 'write "quit" = "h"'),
        ('keys."viw.home" = "h"', "there is no such command", "write view.home"),
        ('keys.view.home = "j"', "j moves the cursor", "take another one"),
        ('keys.view.home = "ctrl+m"', "ctrl+m arrives as enter from a terminal", "take another one"),
        ('keys.view.home = "c"', "c copies in a text", "take another one"),
        ('keys.view.home = "2"', "its key is that of view.allocations too, in the same place", "take another one"),
        ('keys.view.home = "o"', "its key is that of table.sort too, in the same place", "take another one"),
        ('keys.view.home = "alt+x"', "'alt+x' is no key that every terminal sends", "take a letter"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_the_fix(line: str, what: str, fix: str) -> None:
    found = read(f"# mine\nlog_lines = 200\n{line}\n")

    (finding,) = found.findings
    assert (finding.what, finding.line) == (what, 3)
    assert finding.fix.startswith(fix)
    assert found.settings == Settings(log_lines=200), "what is right counts all the same"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('read_only = "yes"', "true is used"),
        ("read_only = 1", "true is used"),
        ("read-only = true", "it counts as that"),
    ],
)
def test_read_only_that_is_written_wrong_counts_all_the_same(line: str, why: str) -> None:
    found = read(f"theme = 'light'\n{line}\n")

    (finding,) = found.findings
    assert (finding.line, finding.why.startswith(why)) == (2, True)
    assert found.settings == Settings(theme="light", read_only=True)
    assert not read("readonly = false\n").settings.read_only


def test_two_commands_may_change_places_and_a_usual_key_may_be_written_down() -> None:
    assert chosen({"view.home": "2", "view.allocations": "1", "pause": "z"}) == (
        {"view.home": "2", "view.allocations": "1"},
        [],
    )


def test_a_line_is_found_in_sections_and_in_dotted_names() -> None:
    written = 'a = 1\n[keys]\n"view.home" = "h"\nview.routes = "r"\n'

    assert [line_of(written, f"keys.view.{name}") for name in ("home", "routes", "none")] == [3, 4, 2]


@pytest.mark.parametrize(
    "content", [b"theme = \n", b"\xff\xfe", b"[" * 5000, b"a = " + b"[" * 5000, b"a = " + b"9" * 5000]
)
def test_a_file_that_is_no_toml_is_told_and_has_no_effect(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    found = load(file)

    assert found.settings == Settings()
    assert str(file) in (brief(found, file) or "")


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        (b"read_only = true", True),
        (b"read_only yes", True),
        (b'"read_only" = "on"', True),
        (b"read_only = true # \xff", True),
        (b"read_only = false", False),
        (b"# read_only = true", False),
        (b"not_read_only = true", False),
    ],
)
def test_one_that_cannot_be_read_but_asks_for_read_only_has_it(file: Path, line: bytes, asked: bool) -> None:
    file.write_bytes(line + b"\ntheme = calm\n")

    assert load(file).settings.read_only is asked


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"theme = calm\n", 1),
        (b"a = 1\ntheme = 'calm", 2),
        (b"a = 1\na = 2\n", 2),
        (b"a = 1\n\nb = [1,\n\n", 3),
        (b"a = 1\nb = '\xff'\n", 2),
        (b"a = 1\nb = " + b"9" * 5000, 2),
        (b"a = 1\nb = " + b"[" * 5000, 2),
    ],
)
def test_what_is_no_toml_has_its_line(file: Path, content: bytes, line: int) -> None:
    file.write_bytes(content)

    (finding,) = load(file).findings
    assert finding.line == line
    assert f"{file}:{line}: " in (brief(load(file), file) or "")


@settings(max_examples=100)
@given(
    st.text(max_size=80) | st.lists(st.sampled_from(["keys", ".", "=", "[", "]", '"', "\n", "3", "theme"])).map("".join)
)
def test_no_text_breaks_it(written: str) -> None:
    with suppress(ValueError):
        read(written)


def test_the_command_writes_prints_and_checks(shell: Shell, file: Path) -> None:
    assert shell("settings", "init").code == 0
    assert shell("settings", "check").out == f"{file}: no errors\n"
    assert 'theme = "calm"' in shell("settings").out
    assert "exists" in shell("settings", "init").err

    file.write_text("bcrypt_cost = 99\n")
    wrong = shell("settings", "check")
    assert wrong.code == 1
    assert wrong.out.startswith(f"error: {file}:1: bcrypt_cost: 99 is out of its bounds\n  why: ")
    assert shell("settings").code == 2


def test_other_commands_refuse_a_wrong_file(shell: Shell, file: Path) -> None:
    file.write_text('thme = "light"\n')

    found = shell("plan", "check")

    assert found.code == 2
    assert found.err.startswith(f"homelab-tui: {file}:1: thme: there is no such setting: write theme")


def test_the_readme_has_the_keys_of_now() -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text()

    assert renewed(page) == page, "the table of keys is stale: `make keys` writes it anew"
    assert all(f"| {one.help} |" in table() for one in COMMANDS if one.key)
