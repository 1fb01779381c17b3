"""The first paint waits for nothing, and what the panes look like follows the size of the terminal."""

from __future__ import annotations

import re
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from consoles import EVERYTHING, Open

from benchmarks.cluster import Home
from benchmarks.timing import output

pytest_plugins = ("opening",)

NAME = re.compile(r"^[A-Za-z0-9._-]+")
PROBE = """
import sys
from pathlib import Path
from tui import app, cli
begin = app.Console._begin
def noted(self):
    Path({path!r}).write_text(" ".join(sys.modules))
    begin(self)
app.Console._begin = noted
sys.exit(cli.run({arguments!r}))
"""
"""Notes what is loaded when the console goes on after its first paint."""
OURS = {"homelab-tui"}


def with_requirements(distribution: str) -> set[str]:
    """A distribution and all that it needs, extras left out."""
    found: set[str] = set()
    ahead = [distribution]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += [normal(NAME.findall(one)[0]) for one in requires(name) or () if "extra ==" not in one]
    return found


def normal(distribution: str) -> str:
    """A name that is the same however it is written. Source: Python packaging, name normalization."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def distributions(modules: str) -> set[str]:
    """Which distributions modules come from."""
    known = packages_distributions()
    packages = {name.partition(".")[0] for name in modules.split()}
    return {normal(found) for package in packages for found in known.get(package, ())}


def test_nothing_foreign_but_textual_is_loaded_before_the_first_paint(
    home: Home, console: Open, tmp_path: Path
) -> None:
    noted = tmp_path / "modules"
    probe = PROBE.format(path=str(noted), arguments=["--plan", str(home.plan)])
    terminal = console([sys.executable, "-c", probe])
    terminal.until(lambda: noted.exists() and noted.read_text())
    terminal.shows("Allocations")
    anyway = distributions(output([sys.executable, "-c", "import sys; print(*sys.modules)"]))

    loaded = distributions(noted.read_text()) - anyway

    assert "textual" in loaded
    assert loaded <= with_requirements("textual") | OURS


def test_a_terminal_as_small_as_a_watch_and_back(console: Open) -> None:
    terminal = console.ready()
    before = terminal.display

    terminal.resize(20, 5)
    terminal.shows("homelab", "▸Allocatio", "▸1 home  2 3 4 5 6 7")
    terminal.settled()
    assert max(map(len, terminal.display)) <= 20
    terminal.resize(80, 24)

    terminal.until(lambda: terminal.display == before)


def test_one_that_starts_small_becomes_useful_when_it_grows(console: Open) -> None:
    terminal = console(columns=1, lines=1)
    terminal.settled()

    terminal.resize(120, 40)

    terminal.shows(*EVERYTHING)
