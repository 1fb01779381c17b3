"""`homelab-tui backup` and `restore`: what cannot be made anew, in one sealed file."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from homelab.ports import Ref, SealError
from homelab.stack.backup import Backup
from homelab.stack.backup import backup as taken
from homelab.stack.restore import Restoration, Restoring
from tui import wiring
from tui.headless import running
from tui.headless.stack import may_write
from tui.headless.terminal import ask, say
from tui.headless.unseen import new_path, secret, write_new
from tui.options import Options, Refused

LARGEST = 64 * 1024 * 1024
"""Bytes of a file that may be a backup: hosts by the thousand have less."""
AGAIN = "run the same command again to go on"


def backup(parsed: Namespace, options: Options) -> int:
    """Write everything into a new file. Raises Refused, SealError."""
    if options.read_only:
        raise Refused("--read-only is set: no backup is written")
    path = new_path(parsed.file)
    passphrase = secret("passphrase", anew=True)

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            found = await taken(cluster, wiring.filling(cluster), datetime.now(UTC).isoformat(timespec="seconds"))
        _write(path, wiring.sealing().seal(found.dump(), passphrase))
        say(f"{path} written: {len(found.secrets)} Secrets, {len(found.values)} values of the store")
        say("keep it off the cluster; without its passphrase nobody can open it, you neither")
        return 0

    return running.run(work)


def restore(parsed: Namespace, options: Options) -> int:
    """Put back what is missing. Raises Refused, SealError, OtherHome."""
    may_write(parsed, options, "restore")
    found = _opened(Path(os.path.expanduser(parsed.file)))

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            restoring = Restoring(cluster, wiring.filling(cluster), found)
            wanted = await restoring.survey()
            _announce(found, wanted)
            if wanted.writes:
                if not parsed.yes and not await ask("Type restore to go on:", "restore"):
                    say("nothing was restored")
                    return 1
                with await wiring.journal(cluster, options) as journal:
                    done = await restoring.run(journal)
                say(f"done: {done.writes} restored")
            if wanted.values is None:
                say("Consul does not answer yet: run homelab-tui apply, then this again for the values of the store")
            return 0

    return running.run(work, AGAIN)


def _announce(found: Backup, wanted: Restoration) -> None:
    """Everything that would be written, by name, and what stays though it is other than in the backup."""
    say(f"the backup of {found.taken}")
    for name in wanted.namespaces:
        say(f"would create Namespace {name}")
    _each("would create {}", (str(Ref.of(one)) for one in wanted.secrets))
    _each("would add what is missing to {}", (str(Ref.of(one)) for one in wanted.mended))
    _each("would write {}", wanted.values or ())
    _each("stays: {}", wanted.stays)
    if not wanted.writes:
        say("nothing to restore")


def _each(text: str, names: Iterable[str]) -> None:
    for name in names:
        say(text.format(name))


def _opened(path: Path) -> Backup:
    """The backup in a file. Raises Refused, SealError."""
    try:
        with path.open("rb") as file:
            sealed = file.read(LARGEST)
    except OSError as error:
        why = f"{path} cannot be read: {error.strerror}; name the file that `homelab-tui backup` wrote"
        raise SealError(why) from None
    try:
        return Backup.parse(wiring.sealing().open(sealed, secret("passphrase", anew=False)))
    except SealError as error:
        raise SealError(f"{path} {error}") from None


def _write(path: Path, sealed: bytes) -> None:
    """Whole or not at all, for its owner's eyes alone. Raises SealError."""
    try:
        write_new(path, sealed)
    except FileExistsError:
        raise SealError(f"{path} has been made meanwhile, and stays as it is: name another file") from None
    except OSError as error:
        raise SealError(f"{path} was not written: {error.strerror}; nothing is left of it") from None
