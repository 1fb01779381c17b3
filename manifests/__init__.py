"""The stack as plain YAML, one folder per component; `versions.toml` pins every image and upstream file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def texts(component: str) -> dict[str, str]:
    """The YAML files of one component, file name -> text, in the order of their names."""
    folder = _here() / component
    found = {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    return dict(sorted(found.items()))


def program(component: str, name: str) -> str:
    """The text of a program beside the YAML of a component. Raises FileNotFoundError."""
    return (_here() / component / name).read_text("utf-8")


def versions() -> str:
    """The text of `versions.toml`."""
    return (_here() / "versions.toml").read_text("utf-8")


def _here() -> Traversable:
    from importlib.resources import files  # noqa: PLC0415 - slow to load, and the console starts without any of this

    return files(__name__)
