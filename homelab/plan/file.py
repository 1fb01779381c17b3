"""The plan file: read with the line of every fault, changed in place, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from errno import ELOOP
from pathlib import Path
from stat import S_IMODE, S_ISREG

from homelab.finding import Finding, Severity
from homelab.plan import edit
from homelab.plan.build import build
from homelab.plan.document import Document, PlanError, parse
from homelab.plan.edit import Value
from homelab.plan.model import Plan

LARGEST = 2**20
"""Bytes of a plan; a home of a thousand machines needs a tenth."""
MEANT = "name the plan itself with --plan FILE"
"""What to do about a file that is no plan."""

__all__ = ["PlanError", "Reading", "Value", "content", "initial", "load", "parsed", "read", "save"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file says: a plan, or the findings why there is none."""

    plan: Plan | None
    findings: tuple[Finding, ...]
    """Faults of form, sorted by line; `checks.findings_of` adds those of meaning."""
    document: Document
    """The text with its tree."""

    @property
    def name(self) -> str:
        """The file that was read."""
        return self.document.name

    def line(self, path: str) -> int | None:
        """Line of a key, counted from 1; of the nearest section around a key that is not written."""
        return self.document.line(path)

    def with_value(self, path: str, value: Value) -> str:
        """The text with one key set and every other line untouched; missing keys are added. Raises PlanError."""
        return edit.with_value(self.document, path, value)

    def without(self, path: str) -> str:
        """The text without one key, such as `nodes.node2`. Raises PlanError."""
        return edit.without(self.document, path)


def read(text: str, name: str = "homelab.yaml") -> Reading:
    """Reads a plan. Never raises: whatever is wrong is a finding, and `plan` is then None."""
    return _reading(*parse(text, name))


def _reading(document: Document, faults: tuple[Finding, ...]) -> Reading:
    if faults or document.root is None:
        return Reading(None, faults, document)
    plan, findings = build(document)
    return Reading(plan, tuple(sorted(findings, key=lambda f: f.line or 0)), document)


def load(path: Path, *others: Path) -> Reading:
    """Reads the first of the files that is there. Raises PlanError if none is, or it cannot be opened."""
    places = (path, *others)
    found = next((place for place in places if _is_there(place)), None)
    if found is None:
        looked = " or ".join(str(place) for place in places)
        raise PlanError(f"no plan at {looked}; write a first one with `homelab-tui plan init`")
    return _reading(*parsed(found, MEANT))


def parsed(path: Path, meant: str) -> tuple[Document, tuple[Finding, ...]]:
    """The file's tree, and what makes it no plain YAML. Raises PlanError, which says what is `meant` by no plan."""
    raw = content(path, meant)
    try:
        return parse(raw.decode(), str(path))
    except UnicodeDecodeError as error:
        return Document(str(path), "", None), (_not_utf8(path, raw, error.start),)


def save(path: Path, text: str, *, apart: bool = False) -> None:
    """Writes a plan file whole or not at all: mode 0600 if it is new, else its own mode and owner; links are followed.

    One `apart` is for its owner alone, and takes the place of a link or of anybody's file. Raises PlanError; the old
    file is then as it was.
    """
    try:
        _replace(path if apart else path.resolve(), text.encode(), apart=apart)
    except (OSError, RuntimeError, UnicodeEncodeError) as error:  # RuntimeError: a link that leads to itself
        reason = getattr(error, "strerror", None) or error
        raise PlanError(f"{path} was not written: {reason}; the old file, if any, is untouched") from None


def initial() -> str:
    """The article's plan, a comment beside every key: what `plan init` writes."""
    return Path(__file__).with_name("article.yaml").read_text(encoding="utf-8")


def _is_there(path: Path) -> bool:
    """Whether a file may be meant by this name; where that cannot be known, reading it says why."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def content(path: Path, meant: str) -> bytes:
    """What the file holds; a pipe, a device or somebody's video is not waited for. Raises PlanError.

    `meant` says what to do about a file that is none of ours.
    """
    try:
        if not S_ISREG(path.stat().st_mode):
            raise PlanError(f"{path} is no regular file; {meant}")
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
    except OSError as error:
        if error.errno == ELOOP:
            raise PlanError(f"{path} is a link that leads to itself; delete it and make it anew") from None
        raise PlanError(f"{path} cannot be read: {error.strerror}; check its owner and mode with `ls -l`") from None
    if len(found) > LARGEST:
        raise PlanError(f"{path} is larger than 1 MiB, so it is no plan; {meant}")
    return found


def _replace(target: Path, raw: bytes, *, apart: bool) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            if not apart:
                _like(target, file.fileno())
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(target.parent)


def _like(target: Path, handle: int) -> None:
    """Gives a file the mode and owner of the one it will replace; `sudo` must not take it from its user."""
    with suppress(FileNotFoundError):
        old = target.stat()
        os.fchmod(handle, S_IMODE(old.st_mode))
        with suppress(PermissionError):
            os.fchown(handle, old.st_uid, old.st_gid)


def _sync_folder(folder: Path) -> None:
    """Makes the new name survive a power cut; some file systems cannot, which is no fault of the file."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _not_utf8(path: Path, raw: bytes, offset: int) -> Finding:
    line = raw.count(b"\n", 0, offset) + 1
    what = f"byte 0x{raw[offset]:02x} is no UTF-8"
    why = "the file was saved in another encoding, so its text cannot be known"
    fix = f"save it as UTF-8, or run `iconv -f latin1 -t utf-8 {path.name}`"
    return Finding(Severity.ERROR, str(path), what, why, fix, line)
