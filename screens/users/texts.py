"""What the view of the users says: pure functions from what is known to rows and lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from homelab.access.model import Access, HashKind, Heard, Incoming, User, UserFile
from homelab.observe.snapshot import SourceState
from homelab.observe.text import GAP, Head, Row, cells, wrapped
from screens.board import HIGH
from screens.freshness import SIGNS, WORST_FIRST, Freshness
from screens.widgets.definitions import definitions
from screens.widgets.lines import Line
from screens.widgets.pane import RULE
from screens.widgets.patch_table import MARGIN, STYLE_OF_SIGN

HEAD = Head(("USER", "HASH", "NOTE"), drops=())
SHARE, LOW_SHARE = 2, 3
"""What is said below the users takes at most one in so many lines of the screen, and of a low one."""
NO_STACK = "Nothing asks for a password yet: press 6 to deploy the stack"
NOBODY = "No user yet: press a to add the first one."
UNTIL_THEN = "Until then Traefik lets nobody in: what it guards answers 404"
MADE = "not there yet: the first user makes it"
IN_CLEAR = "at the internal address: plain HTTP, so the password can be heard on the LAN"
NO_MIDDLEWARE = "none yet: it comes with the stack, press 6"
GUARDS_NOTHING = "no host yet: an Ingress names the Middleware in its annotation router.middlewares"


def freshness(access: Access | None, shared: Freshness) -> Freshness:
    """How old the files are: the worst of their own state and of that of what leads to them."""
    state = SourceState.LIVE
    if access is None or (access.files is None and access.trouble is None):
        state = SourceState.LOADING
    elif access.trouble:
        state = SourceState.FAILED if access.files is None else SourceState.STALE
    if WORST_FIRST.index(shared.state) <= WORST_FIRST.index(state):
        return shared
    return Freshness(state, f"{SIGNS[state]} {state}", access.trouble if access else None)


def summary(access: Access) -> tuple[str, ...]:
    """Which file, which of several, and how much it guards."""
    file, known = access.front, access.files or ()
    if file is None:
        return ()
    count = len(file.hosts)
    guarded = f"guards {count} host{'' if count == 1 else 's'}" if count else "guards nothing yet"
    several = (f"{known.index(file) + 1} of {len(known)}",) if len(known) > 1 else ()
    return (file.secret, *several, guarded)


def empty(file: UserFile | None) -> tuple[str, ...]:
    """What is said in the place of users."""
    if file is None:
        return (NO_STACK,)
    if file.refusal:
        return (file.refusal,)
    return file.notes if file.content and file.notes else (NOBODY, UNTIL_THEN)


def rows(users: Sequence[User], room: int) -> tuple[Row, ...]:
    """One for each user; what is to be said of them stands below it, where it does not fit beside."""
    names, kinds = (max(map(cells, column), default=0) for column in ([u.name for u in users], [u.kind for u in users]))
    return tuple(row(one, room - cells(f"{MARGIN}{GAP}{GAP} ") - names - kinds) for one in users)


def row(user: User, room: int) -> Row:
    """One user; `room` is that of the note."""
    sign = "✗" if user.kind is HashKind.UNKNOWN else "▲"
    note = f"{sign} {user.note}" if user.note else "✓"
    shown, below = (sign, (user.note,)) if user.note and cells(note) > room else (note, ())
    return Row((user.name, user.kind.value, shown), below, user.name)


def below(access: Access, width: int, height: int) -> list[Line]:
    """What is to be said of the file in front, the most telling first; of a low terminal it takes little."""
    file = access.front
    if file is None:
        return []
    refused = f"▲ {file.refusal}" if file.refusal and file.users else None
    said = [*filter(None, (refused,)), *(f"▲ {note}" for note in file.notes), *map(answer, access.heard)]
    lines = [line for one in said for line in sentence(one, width)]
    if height < HIGH:
        return cut(lines, height // LOW_SHARE)
    return [((f" {RULE * (width - 1)}", "dim"),), *cut(lines + definitions(facts(file), width), height // SHARE)]


def cut(lines: list[Line], most: int) -> list[Line]:
    """The first lines; the last one says that there is more."""
    return lines if len(lines) <= most else [*lines[: most - 1], ((f"{GAP}…", "dim"),)]


def sentence(said: str, width: int) -> Iterable[Line]:
    """A sign and a sentence that hangs behind it."""
    first, *rest = wrapped(said, width - 2 * len(GAP))
    style = STYLE_OF_SIGN.get(first[0], "")
    yield ((f"{GAP}{first[0]}", style), (first[1:], ""))
    yield from (((f"{GAP}{GAP}{line.strip()}", ""),) for line in rest)


def facts(file: UserFile) -> tuple[tuple[str, str], ...]:
    """Names and values."""
    return (
        ("Opens", ", ".join(file.hosts) or GUARDS_NOTHING),
        ("Middleware", ", ".join(file.middlewares) or NO_MIDDLEWARE),
        ("Secret", f"{file.secret}{'' if file.version or file.refusal else f', {MADE}'}"),
        *((("In clear", IN_CLEAR),) if any(door.url.startswith("http:") for door in file.doors) else ()),
    )


def answer(heard: Heard) -> str:
    """What one route said, with its sign."""
    texts = [one for one in (heard.without, heard.known) if isinstance(one, str)]
    sign = "✓" if heard.is_fine else "?" if texts else "✗"
    return f"{sign} asked {host(heard)}: {verdict(heard)}"


def verdict(heard: Heard) -> str:
    """`401 without, 200 as anna`, and what is wrong with that."""
    if isinstance(heard.without, str):
        return heard.without
    said = f"{heard.without} without"
    if heard.known is not None:
        said += (
            f", {heard.known} as {heard.user}" if isinstance(heard.known, int) else f"; as {heard.user}: {heard.known}"
        )
    return f"{said}{'' if heard.is_fine else blame(heard)}"


def blame(heard: Heard) -> str:
    """What an answer that is not right means."""
    if heard.without == HTTPStatus.NOT_FOUND:
        return ": Traefik does not serve it, see key 3"
    if heard.without != HTTPStatus.UNAUTHORIZED:
        return (
            ": it is open to everybody"
            if isinstance(heard.without, int) and heard.without < HTTPStatus.BAD_REQUEST
            else ""
        )
    return ": the password is not accepted" if heard.known == HTTPStatus.UNAUTHORIZED else ""


def number_of(asked: Incoming) -> str:
    """How many an import is about."""
    return f"{asked.number} user{'' if asked.number == 1 else 's'}"


def host(heard: Heard) -> str:
    """The door as a person writes it; where the way is not encrypted it says so."""
    parts = urlsplit(heard.door.url)
    path = parts.path if parts.path != "/" else ""
    return f"{'' if parts.scheme == 'https' else 'http://'}{parts.netloc}{path}"
