"""docs/getting-started.md: its screens are those of the first evening as it was just lived through."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
SCREEN = re.compile(r"(?<=^```screen )(\w+)\n(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
RECORD = "HOMELAB_RECORD"
"""Set: the page is written anew instead of being compared."""
RUNTIME = "/run/user/1000"
PASSING = (
    (re.compile(r"saved \d\d:\d\d"), "saved 19:04"),
    (re.compile(r"https://127\.0\.0\.1:\d+"), "https://127.0.0.1:6443"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:8020"),
    (re.compile(r"Deployed in \d+ s"), "Deployed in 2 s"),
    (re.compile(r" {5}[ \d]\d s(?=  )"), "      0 s"),
)
"""What is another one each time, and what stands for it."""


def lasting(screen: str, folder: Path) -> str:
    """A screen without what is another one each time; `folder` is where the lab keeps its files."""
    for pattern, instead in PASSING:
        screen = pattern.sub(instead, screen)
    return re.sub(rf"{re.escape(str(folder))}\S*", lambda found: _renamed(found[0], str(folder)), screen)


def _renamed(path: str, folder: str) -> str:
    """As wide as it was: columns stand behind it."""
    return path.replace(folder, RUNTIME).ljust(len(path))


def told() -> dict[str, str]:
    """The page's screens by name."""
    return {name: text.rstrip("\n") for name, text in SCREEN.findall(PAGE.read_text())}


def compare(seen: Mapping[str, str]) -> None:
    """Fails where the page tells of other screens than were seen, unless it is to be recorded."""
    if os.environ.get(RECORD):
        PAGE.write_text(SCREEN.sub(lambda found: f"{found[1]}\n{seen[found[1]]}\n", PAGE.read_text()))
    before, now = ("\n".join(found[name] for name in seen).splitlines() for found in (told(), seen))
    differences = "\n".join(unified_diff(before, now, PAGE.name, "seen", n=1, lineterm=""))
    assert not differences, f"run this test with {RECORD}=1, and look at the page:\n{differences}"
