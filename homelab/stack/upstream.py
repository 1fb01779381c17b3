"""Upstream files: downloaded once, or read from a mirror folder; the pinned sum decides in either case."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from homelab.ports import Downloads
from homelab.stack.versions import Pinned


class UpstreamError(Exception):
    """A pinned file cannot be had as it was pinned; the text says which, why, and what to do."""


class Source(Protocol):
    """Whoever has the pinned files."""

    def read(self, pinned: Pinned) -> bytes:
        """The file's bytes. Raises UpstreamError, DownloadError."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """The pinned files as their projects made them. Keeps `Source`."""

    downloads: Downloads
    cache: Path
    """Folder of the user's cache; files in it are named by their sum."""
    mirror: Path | None = None
    """A folder that holds the files under their own names; when given, nothing is downloaded and nothing cached."""

    def read(self, pinned: Pinned) -> bytes:
        """The file's bytes, proved by their sum. Raises UpstreamError, DownloadError."""
        if self.mirror:
            return self._mirrored(self.mirror / pinned.basename, pinned)
        kept = self.cache / pinned.sha256
        if (data := _proved(kept, pinned)) is not None:
            return data
        data = self.downloads.fetch(pinned.url)
        _prove(
            data, pinned, pinned.url, "try again; if it stays so, the file was changed upstream and must not be used"
        )
        _keep(kept, data)
        return data

    @staticmethod
    def _mirrored(path: Path, pinned: Pinned) -> bytes:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UpstreamError(
                f"{path} cannot be read: {error.strerror}; "
                f"the mirror folder must hold {pinned.basename} from {pinned.url}"
            ) from None
        _prove(data, pinned, str(path), f"fetch it anew from {pinned.url}")
        return data


def _prove(data: bytes, pinned: Pinned, where: str, fix: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != pinned.sha256:
        raise UpstreamError(f"{where} has the sha256 {found}, pinned is {pinned.sha256}; nothing was used of it; {fix}")


def _proved(path: Path, pinned: Pinned) -> bytes | None:
    """A cached file that still is what it was; a damaged one counts as absent and is fetched anew."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == pinned.sha256 else None


def _keep(path: Path, data: bytes) -> None:
    """Write whole or not at all, so that a cut leaves no half file under the final name."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
            try:
                temporary.write(data)
                temporary.flush()
                os.fsync(temporary.fileno())
                Path(temporary.name).replace(path)
            except BaseException:
                Path(temporary.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UpstreamError(
            f"{path.parent} cannot hold the downloaded file: {error.strerror}; "
            f"free some space, or set XDG_CACHE_HOME, or use --mirror DIR"
        ) from None
