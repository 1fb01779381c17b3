"""The stack as plain YAML, one folder per component; `versions.toml` pins every image and upstream file."""

from importlib.resources import files


def texts(component: str) -> dict[str, str]:
    """The YAML files of one component, file name -> text, in the order of their names."""
    folder = files(__name__) / component
    found = {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    return dict(sorted(found.items()))


def program(component: str, name: str) -> str:
    """The text of a program beside the YAML of a component. Raises FileNotFoundError."""
    return (files(__name__) / component / name).read_text("utf-8")


def versions() -> str:
    """The text of `versions.toml`."""
    return (files(__name__) / "versions.toml").read_text("utf-8")
