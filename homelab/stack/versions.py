"""The pinned images and upstream files of `versions.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import manifests


@dataclass(frozen=True, slots=True)
class Pinned:
    """One upstream file: where it is and what it must be."""

    url: str
    sha256: str

    @property
    def basename(self) -> str:
        """The name under which a mirror folder holds it."""
        return PurePosixPath(self.url).name


@dataclass(frozen=True, slots=True)
class Versions:
    """Everything that is pinned."""

    images: Mapping[str, str]
    upstream: Mapping[str, Pinned]


def versions(text: str | None = None) -> Versions:
    """Read the pins; by default those of the package."""
    document = tomllib.loads(manifests.versions() if text is None else text)
    return Versions(
        images=document["images"],
        upstream={name: Pinned(**entry) for name, entry in document["upstream"].items()},
    )
