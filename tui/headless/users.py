"""`homelab-tui users`: who may come in through the ingress, without the screen."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from homelab.access.credentials import generated, hint, name_fault, password_fault
from homelab.access.doors import each_heard, some
from homelab.access.files import HOME
from homelab.access.htpasswd import Unfit, check, hashes, incoming, is_read, touched
from homelab.access.model import Edit, Heard, User, UserFile, Verb
from homelab.access.users import Clashed, NotSaved, Saved, about, journaled, put, read, save
from homelab.observe.allocations import allocations
from homelab.observe.snapshot import KINDS, VERSION, plain
from homelab.observe.text import Head, Row, table, wrapped
from homelab.ports import Cluster
from tui import wiring
from tui.headless import running
from tui.headless.stack import may_write
from tui.headless.terminal import ask, say, warn, width
from tui.headless.unseen import new_path, secret
from tui.lists import listed, write_out
from tui.options import Options, Refused

HEAD = Head(("NAME", "HASH", "NOTE"), drops=("HASH",))
UNGUARDED = (
    "no Ingress asks for a password of {}; the annotation for that is in docs/users.md, and nothing could be asked"
)


def list_users(parsed: Namespace, options: Options) -> int:
    """Print every file of users, what it opens, and who is in it."""

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            found = await _read(cluster)
        if parsed.json:
            print(json.dumps({"version": VERSION, "files": [_as_json(one) for one in found]}, indent=2))
        else:
            say("\n".join(line for one in found for line in _lines(one)))
        return 0

    return running.run(work)


def _as_json(one: UserFile) -> dict[str, object]:
    """All but the file itself, which has the hashes."""
    return {key: value for key, value in plain(one).items() if key != "content"}


def _lines(one: UserFile) -> Iterator[str]:
    missing = "" if one.version or one.refusal else " (not there yet; the first user makes it)"
    yield from table(f"{one.secret}{missing}", HEAD, map(_row, one.users), "no user", width())
    opens = f"opens {', '.join(one.hosts)}" if one.hosts else "opens nothing: no Ingress names its Middleware"
    for text in (opens, *filter(None, (one.refusal, *one.notes))):
        yield from wrapped(f"  {text}", width())
    yield ""


def _row(user: User) -> Row:
    return Row((user.name, user.kind.value, user.note or "-"))


def add(parsed: Namespace, options: Options) -> int:
    """Add a user. Raises Refused."""
    _may(options)
    if why := name_fault(parsed.name):
        raise Refused(why)
    return _change(parsed, options, Edit(Verb.ADD, parsed.name, _password(parsed)))


def passwd(parsed: Namespace, options: Options) -> int:
    """Give a user another password. Raises Refused."""
    _may(options)
    return _change(parsed, options, Edit(Verb.PASSWORD, parsed.name, _password(parsed)))


def rename(parsed: Namespace, options: Options) -> int:
    """Call a user something else; the password stays. Raises Refused."""
    _may(options)
    return _change(parsed, options, Edit(Verb.RENAME, parsed.name, name=parsed.new))


def remove(parsed: Namespace, options: Options) -> int:
    """Let a user in no longer. Raises Refused."""
    may_write(parsed, options, "remove")
    return _change(parsed, options, Edit(Verb.REMOVE, parsed.name), is_asked=not parsed.yes)


def _may(options: Options) -> None:
    if options.read_only:
        raise Refused("--read-only is set: users stay as they are")


def _password(parsed: Namespace) -> str:
    """Typed twice, read from standard input, or made up. Raises Refused."""
    if parsed.generate:
        return generated()
    try:
        found = secret("password", anew=True).decode()
    except UnicodeDecodeError:
        raise Refused("the password is not UTF-8, which is what browsers send; type it in a UTF-8 terminal") from None
    if why := password_fault(found):
        raise Refused(why)
    if weak := hint(found, parsed.name):
        warn(f"easy to guess: {weak}")
    return found


def _change(parsed: Namespace, options: Options, edit: Edit, *, is_asked: bool = False) -> int:
    """Write, and ask the routes whether it counts: 1 where one answers otherwise. Raises Refused, NotSaved."""

    async def work() -> int:
        async with _opened(parsed, options, is_edited=True) as (cluster, file):
            with _fitting():
                check(file.content, edit)
            if is_asked and not await ask(f"Type {edit.user} to remove {edit.user} from {file.secret}:", edit.user):
                say("nothing was changed")
                return 1
            async with _journaled(cluster, options, file.secret, edit.verb, about(edit)):
                saved = await _saved(cluster, file, edit, options.settings.bcrypt_cost)
            say(f"{saved.what}: Secret {file.secret}")
            if edit.password and parsed.generate:
                say(f"password, shown this once: {edit.password}")
            return await _judged(options, saved.now, edit.user if edit.password else None, edit.password)

    return running.run(work)


@contextmanager
def _fitting() -> Iterator[None]:
    """What cannot be done to a file is wrong use. Raises Refused."""
    try:
        yield
    except Unfit as error:
        raise Refused(str(error)) from None


async def _saved(cluster: Cluster, file: UserFile, edit: Edit, cost: int) -> Saved:
    try:
        return await save(cluster, wiring.passwords(), file, edit, cost=cost)
    except Clashed as error:
        why = f"nothing was written, since Secret {file.secret} has changed meanwhile: {error}"
        raise NotSaved(f"{why}; look with homelab-tui users list, and run the command again") from None


@asynccontextmanager
async def _journaled(cluster: Cluster, options: Options, *what: str) -> AsyncIterator[None]:
    """The journal's lines around a write. Raises Busy, NotKept."""
    with await wiring.journal(cluster, options) as journal:
        async with journaled(journal, *what):
            yield


@asynccontextmanager
async def _opened(
    parsed: Namespace, options: Options, *, is_edited: bool = False
) -> AsyncIterator[tuple[Cluster, UserFile]]:
    """The file that is meant. Raises Refused where there is no such file, NotSaved where it cannot be edited."""
    async with wiring.cluster(options) as cluster:
        found = {one.secret: one for one in await _read(cluster)}
        wanted = parsed.secret or HOME
        if wanted not in found:
            raise Refused(f"no Middleware names a Secret {wanted}; there are: {', '.join(found)}")
        if is_edited and (why := found[wanted].refusal):
            raise NotSaved(why)
        yield cluster, found[wanted]


async def _read(cluster: Cluster) -> tuple[UserFile, ...]:
    services = await cluster.list(KINDS["services"].kind)
    return await read(cluster, allocations(services, (), ()))


async def _judged(options: Options, file: UserFile, user: str | None, password: str | None) -> int:
    """What is to be said of a file that was written, and what its routes say; 1 where it lets nobody in."""
    for note in file.notes:
        warn(note)
    code = await _ask_doors(options, file, user, password)
    return code if is_read(file.content) else 1


async def _ask_doors(options: Options, file: UserFile, user: str | None, password: str | None) -> int:
    """What routes of the file say; 1 where one of them is not fine."""
    if not file.doors:
        say(UNGUARDED.format(file.secret))
        return 0
    is_fine, asked = True, some(file.doors)
    async for heard in each_heard(wiring.web(options), asked, user, password):
        is_fine &= heard.is_fine
        say(_told(heard))
    if left := len(file.doors) - len(asked):
        say(f"{left} more were not asked, since each costs the ingress a check of the password")
    return 0 if is_fine else 1


def _told(heard: Heard) -> str:
    known = "" if heard.known is None else f", {heard.known} as {heard.user}"
    return f"{'✓' if heard.is_fine else '✗'} {heard.door.url}: {heard.without} without a password{known}"


def verify(parsed: Namespace, options: Options) -> int:
    """Try a password on the file and on every route; 1 where it does not let in. Raises Refused."""
    password = secret("password", anew=False).decode("utf-8", "backslashreplace")

    async def work() -> int:
        async with _opened(parsed, options) as (_, file):
            known = hashes(file.content)
            if parsed.name not in known:
                raise Refused(f"there is no user {parsed.name} in {file.secret}")
            if not await wiring.passwords().verify(password, known[parsed.name].decode("ascii", "replace")):
                say(f"✗ this is not the password of {parsed.name} in {file.secret}")
                return 1
            say(f"✓ this is the password of {parsed.name} in {file.secret}")
            return await _ask_doors(options, file, parsed.name, password)

    return running.run(work)


def import_users(parsed: Namespace, options: Options) -> int:
    """Add the users of an htpasswd file, and give those that are there its passwords. Raises Refused."""
    may_write(parsed, options, "import")
    content = listed(parsed.file)

    async def work() -> int:
        async with _opened(parsed, options, is_edited=True) as (cluster, file):
            with _fitting():
                wanted, told = incoming(file.content, content)
            if wanted == file.content:
                same = f"nothing to import: every user of {parsed.file} is in {file.secret} with the same password"
                say("\n".join((same, *told)))
                return 0
            say("\n".join(("after the import:", *told)))
            if not parsed.yes and not await ask("Type yes to go on:", "yes"):
                say("nothing was changed")
                return 1
            number = len(touched(file.content, wanted))
            done = f"{number} user{'' if number == 1 else 's'} imported"
            async with _journaled(cluster, options, file.secret, "import", parsed.file):
                saved = await put(cluster, file, wanted, done)
            say(f"{saved.what}: Secret {file.secret}")
            return await _judged(options, saved.now, None, None)

    return running.run(work)


def export_users(parsed: Namespace, options: Options) -> int:
    """Write the file as it is, hashes and all, into a new one. Raises Refused."""
    path = new_path(parsed.file)

    async def work() -> int:
        async with _opened(parsed, options) as (_, file):
            say(write_out(path, file))
            return 0

    return running.run(work)
