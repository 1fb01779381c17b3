"""The users as a service of the console: their files while somebody looks, changes, and what the ingress then answers.

Passwords come with a wish and go with it: what is told to the scene has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import replace
from typing import Protocol

from homelab.access import doors, users
from homelab.access.htpasswd import incoming, touched
from homelab.access.model import Access, Door, Edit, Heard, Incoming, UserFile, Verb
from homelab.access.users import Clashed, Saved, journaled
from homelab.observe.allocations import Allocation, allocations
from homelab.observe.snapshot import KINDS
from homelab.pauses import pauses
from homelab.ports import Cluster
from screens.scene import Said
from screens.users.texts import answer, number_of
from tui import lists, wiring
from tui.console import explaining
from tui.feed import CannotConnect
from tui.headless.unseen import new_path
from tui.options import Options

ZONES = "homelab-tui/zone"
"""Label of the Services whose addresses lead to the Traefiks."""
MOST_SEEN = 100
"""Files that are kept as they were shown."""
BUSY = "the last change is not written yet; wait for what comes of it"
ANEW = "nothing was written: the connection is another than {} was read over; open key 7 anew, then change it"
NOTHING = "the users are not known yet; wait for that"
READ_ONLY = "read-only: nothing is written"


class Home(Protocol):
    """Whose users they are."""

    async def attached(self) -> Options:
        """What is to be used, once the lab is there where it is to be the lab. Raises CannotConnect."""

    def reached(self) -> AbstractAsyncContextManager[Cluster]:
        """The connection that there is, else one of its own. Raises CannotConnect."""


class Accessing:
    """One for each console; `tell` gets the scene's `access` and `said`."""

    def __init__(self, home: Home, tell: Callable[..., None]) -> None:
        self._home, self._tell = home, tell
        self._access = Access()
        self._following: asyncio.Task[None] | None = None
        self._held: tuple[Allocation, ...] = ()
        self._read_by: Cluster | None = None
        """Over which they were read: a lab that is started anew is another home."""
        self._saved: Saved | None = None
        """The last change of this console, which can be taken back."""
        self._contested: tuple[Edit, UserFile, UserFile] | None = None
        """What could not be written, the file that it was meant for, and the file as it is now."""
        self._incoming: tuple[UserFile, bytes] | None = None
        """What is to be written once an import is agreed to, and over what."""
        self.writing = ""
        """What is on its way to the cluster: nobody may leave before it is known what came of it."""
        self._seen: dict[str, UserFile] = {}
        """The files as they were shown, the last of them: whoever began to change one meant that."""

    # Looking

    async def follow(self) -> None:
        """Tell the files, and every change of them, until the view is left."""
        if self._following is None:
            self._following = asyncio.create_task(self._follow())
            with suppress(asyncio.CancelledError):  # the view was left, or the cluster
                await self._following

    async def leave(self) -> None:
        """Another view is in front: nothing is followed."""
        if self._following:
            self._following.cancel()
        self._following = None

    async def _follow(self) -> None:
        for pause in pauses():
            try:
                async with self._home.reached() as cluster:
                    self._read_by = cluster
                    with explaining():
                        self._held = await held(cluster)
                    async with aclosing(users.live(cluster, lambda: self._held)) as readings:
                        async for reading in readings:
                            self._show(files=reading.files, trouble=reading.trouble)
                            if reading.trouble and not await self._is_reached_by(cluster):
                                break
            except CannotConnect as error:
                self._show(trouble=str(error))
            await asyncio.sleep(pause)

    async def _is_reached_by(self, cluster: Cluster) -> bool:
        """Whether the console goes that way still: a lab that was started anew has another. Raises CannotConnect."""
        async with self._home.reached() as now:
            return now is cluster

    async def turn(self, by: str) -> None:
        """Another file in front."""
        known, front = self._access.files or (), self._access.front
        if front:
            other = known[(known.index(front) + int(by)) % len(known)]
            self._show(at=other.secret, heard=())

    # Changing

    async def save(self, mark: str, verb: str, user: str, password: str = "", name: str = "") -> None:
        """Do an edit to a file as a person saw it, and ask what it guards. Raises CannotConnect."""
        file = self._seen.get(mark) or self._front()
        await self._edit(file, Edit(Verb(verb), user, password or None, name or None))

    async def settle(self, choice: str) -> None:
        """Merge, overwrite, or drop what could not be written. Raises CannotConnect."""
        if self._contested is None:
            return
        edit, file, now = self._contested
        self._contested = None
        self._show(clash=None)
        if choice == "merge":
            await self._edit(now, edit)
        elif choice == "overwrite":
            await self._edit(users.overwriting(file, now), edit)
        else:
            self._tell(said=Said(f"yours is dropped: {file.secret} stays as they left it", "▲"))

    async def undo(self) -> None:
        """Take the last change of this console back. Raises CannotConnect."""
        if (last := self._saved) is None:
            raise CannotConnect("there is nothing to take back")
        async with self._writing("undo", last.now.secret, last.what) as cluster:
            saved = await users.undo(cluster, last)
        await self._told(saved, None, can_undo=False)

    async def load(self, path: str) -> None:
        """Ask whether the users of a file of this machine are to come to those in front. Raises CannotConnect."""
        file = self._front()
        with explaining():
            wanted, told = incoming(file.content, await asyncio.to_thread(lists.listed, path))
        if wanted == file.content:
            same = f"nothing to import: every user of {path} is in {file.secret} with the same password"
            self._tell(said=Said("; ".join((same, *told))))
            return
        self._incoming = file, wanted
        self._show(incoming=Incoming(file.secret, path, len(touched(file.content, wanted)), told))

    async def take_in(self, answer: str) -> None:
        """Import what was asked about, where the answer is not empty. Raises CannotConnect."""
        asked, found = self._access.incoming, self._incoming
        self._incoming = None
        self._show(incoming=None)
        if asked is None or found is None:
            return
        if not answer:
            self._tell(said=Said(f"nothing was imported: {asked.secret} stays as it is", "▲"))
            return
        async with self._writing("import", asked.secret, asked.source) as cluster:
            saved = await users.put(cluster, *found, f"{number_of(asked)} imported")
        await self._told(saved, None)

    async def keep(self, path: str) -> None:
        """Write the users in front to a file of this machine that is not there yet. Raises CannotConnect."""
        file = self._front()
        with explaining():
            self._tell(said=Said(await asyncio.to_thread(lambda: lists.write_out(new_path(path), file))))

    async def _edit(self, file: UserFile, edit: Edit) -> None:
        is_hashed = edit.password is not None
        self._tell(said=Said(f"{'hashing and writing' if is_hashed else 'writing'} {file.secret} …", "○"))
        options = await self._home.attached()
        try:
            async with self._writing(edit.verb, file.secret, users.about(edit)) as cluster:
                cost = options.settings.bcrypt_cost
                saved = await users.save(cluster, wiring.passwords(), file, edit, cost=cost)
        except Clashed as error:
            if self._read_by is None or not await self._is_reached_by(self._read_by):
                raise CannotConnect(ANEW.format(file.secret)) from None
            self._contested = (edit, file, error.now)
            shown = replace(error.clash, mine=replace(edit, password=None))
            self._show(clash=shown)
            asks = "" if self._following else "; key 7 asks"  # the view does so by itself
            self._tell(said=Said(f"nothing is written yet: somebody else changed {file.secret}{asks}", "▲"))
            return
        await self._told(saved, edit)

    @asynccontextmanager
    async def _writing(self, verb: str, secret: str, about: str) -> AsyncIterator[Cluster]:
        """A line of the journal before, and one after; no two at a time. Raises CannotConnect, Clashed."""
        if self.writing:
            raise CannotConnect(BUSY)
        options = await self._home.attached()
        if options.read_only:
            raise CannotConnect(READ_ONLY)
        self.writing = f"{secret}: {verb} {about}"
        try:
            async with self._home.reached() as cluster:
                with explaining(), await wiring.journal(cluster, options) as journal:
                    async with journaled(journal, secret, verb, about):
                        yield cluster
        finally:
            self.writing = ""

    async def _told(self, saved: Saved, edit: Edit | None, *, can_undo: bool = True) -> None:
        """Show what was written at once; then ask, since that may take its time."""
        self._saved = saved if can_undo and saved.before.users else None
        known = self._access.files or ()
        now = replace(saved.now, doors=saved.before.doors)
        self._show(
            files=tuple(now if one.secret == now.secret else one for one in known),
            undo=f"{saved.what}: {now.secret} becomes what it was before." if self._saved else None,
            heard=(),
        )
        known_by = (edit.user, edit.password) if edit and edit.password else (None, None)
        await self._ask(f"written: {saved.what}", now.doors, *known_by)

    # Asking

    async def verify(self, user: str, password: str) -> None:
        """Ask what the file in front guards, without the password and with it. Raises CannotConnect."""
        file = self._front()
        if not file.doors:
            raise CannotConnect(f"nothing can be asked: no host that can be reached is guarded by {file.secret}")
        self._show(heard=())
        await self._ask(f"{user} tried", file.doors, user, password, patience=0.0)

    async def _ask(
        self, done: str, at: Iterable[Door], user: str | None, password: str | None, *, patience: float = doors.PATIENCE
    ) -> None:
        chosen = doors.some(at)
        if not chosen:
            self._tell(said=Said(f"{done}; it guards no host that could be asked"))
            return
        self._tell(said=Said(f"{done}; asking {len(chosen)} door{'s' if len(chosen) > 1 else ''} …", "○"))
        web = wiring.web(await self._home.attached())
        found: tuple[Heard, ...] = ()
        async with aclosing(doors.each_heard(web, chosen, user, password, patience=patience)) as answers:
            async for heard in answers:
                found = (*found, heard)
                self._show(heard=tuple(sorted(found, key=lambda one: chosen.index(one.door))))
        worst = min(found, key=lambda one: (one.is_fine, one.door.zone))  # of those that are well the external one
        others = len(found) - 1
        more = f" (and {others} more door{'s' if others > 1 else ''})" if others else ""
        sign, said = answer(worst)[0], answer(worst)[2:]
        self._tell(said=Said(f"{done}; {said}{more}", "✓" if worst.is_fine else "▲" if sign == "?" else "✗"))

    def _front(self) -> UserFile:
        if front := self._access.front:
            return front
        raise CannotConnect(self._access.trouble or NOTHING)

    def _show(self, **news: object) -> None:
        """Tell what is news."""
        before, self._access = self._access, replace(self._access, **news)  # type: ignore[arg-type]  # names of its fields
        self._seen |= {one.mark: one for one in self._access.files or ()}
        for mark in list(self._seen)[:-MOST_SEEN]:
            del self._seen[mark]
        if self._access != before:
            self._tell(access=self._access)


async def held(cluster: Cluster) -> tuple[Allocation, ...]:
    """The addresses that lead to the Traefiks. Raises ClusterError."""
    return allocations(await cluster.list(KINDS["services"].kind, labels=ZONES), (), ())
