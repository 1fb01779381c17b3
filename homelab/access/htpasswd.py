"""A file of htpasswd lines, as bytes: who is in it, and edits that leave every other line as it was. Pure.

Source of what Traefik makes of a line: tried with the real 3.7.15, each case in tests/lab/test_users_traefik.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from unicodedata import normalize

from homelab.access.credentials import name_fault, password_fault
from homelab.access.model import Edit, HashKind, User, Verb

FORMS = {
    HashKind.BCRYPT: re.compile(rb"\$2[abxy]\$\d\d\$[./0-9A-Za-z]{53}[ \t]*"),
    HashKind.APR1: re.compile(rb"\$(?:apr1|1)\$[./0-9A-Za-z]{0,8}\$[./0-9A-Za-z]{22}"),
    HashKind.SHA1: re.compile(rb"\{SHA\}[+/0-9A-Za-z]{27}="),
}
"""How hashes look that Traefik takes. It has `$1$` for the same as `$apr1$`, and minds no blanks after bcrypt's."""
STRANGERS = {b"$5$": "SHA-256 crypt", b"$6$": "SHA-512 crypt", b"$y$": "yescrypt", b"{SSHA}": "salted SHA"}
OLDER = "an older hash; the next change of the password makes it bcrypt"
UNSEEN = " \t\ufeff"
"""Signs around a name that are part of it to Traefik: blanks, and the mark that some editors begin a file with."""
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
MOST_NOTED = 3
"""Lines that are named of those that Traefik cannot read."""


class Unfit(Exception):
    """An edit that cannot be done; the text says why and what to do."""

    def __init__(self, text: str, field: str) -> None:
        """`field` of the form that it is about: `name`, `password`, or `user`, the one that is edited."""
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `body` is what Traefik reads, `end` what separates it from the next."""

    body: bytes
    end: bytes

    @property
    def is_comment(self) -> bool:
        """To htpasswd, that is: Traefik knows no comments."""
        return self.body.startswith(b"#")

    @property
    def is_read(self) -> bool:
        """Whether Traefik can read it. One line that it cannot read makes it refuse the whole file."""
        return not self.body or self.body.count(b":") == 1

    @property
    def user(self) -> str | None:
        """Whose it is; a byte that is no UTF-8 as `\\xe4`. None of a comment, and of what Traefik cannot read."""
        name = self.body.partition(b":")[0]
        return name.decode("utf-8", "backslashreplace") if name and self.is_read and not self.is_comment else None

    @property
    def has_no_name(self) -> bool:
        """Whether it lets in who gives no name: Traefik does so."""
        return self.is_read and self.body.startswith(b":") and kind_of(self.hashed) is not HashKind.UNKNOWN

    @property
    def hashed(self) -> bytes:
        """The password as it is kept."""
        return self.body.partition(b":")[2]

    def renamed(self, name: str) -> Line:
        """The same password for somebody called so."""
        return Line(name.encode() + b":" + self.hashed, self.end)

    def rehashed(self, hashed: bytes) -> Line:
        """Another password for the same name, byte by byte."""
        return Line(self.body.partition(b":")[0] + b":" + hashed, self.end)


def lines(content: bytes) -> list[Line]:
    """Every line; joined again they are the content."""
    return [_line(found) for found in _LINE.findall(content)]


def _line(raw: bytes) -> Line:
    body = raw.removesuffix(b"\n").removesuffix(b"\r")
    return Line(body, raw[len(body) :])


def joined(parts: list[Line]) -> bytes:
    """The content again."""
    return b"".join(line.body + line.end for line in parts)


def hashes(content: bytes) -> dict[str, bytes]:
    """Each name with the password that counts: Traefik takes the last of several lines."""
    return {line.user: line.hashed for line in lines(content) if line.user is not None}


def kind_of(hashed: bytes) -> HashKind:
    """How a password is kept."""
    return next((kind for kind, form in FORMS.items() if form.fullmatch(hashed)), HashKind.UNKNOWN)


def users(content: bytes) -> tuple[User, ...]:
    """Everybody in the file, in its order, each name once, with what is to be said of them."""
    times = Counter(line.user for line in lines(content))
    return tuple(
        User(name, kind_of(hashed), "; ".join(_remarks(name, hashed, times[name])) or None)
        for name, hashed in hashes(content).items()
    )


def _remarks(name: str, hashed: bytes, times: int) -> Iterator[str]:
    kind = kind_of(hashed)
    if kind is HashKind.UNKNOWN:
        stranger = next((called for start, called in STRANGERS.items() if hashed.startswith(start)), None)
        what = f"kept as {stranger}, which" if stranger else "kept in a way that"
        yield f"{what} Traefik does not take: nobody comes in by it; set a password"
    elif kind is not HashKind.BCRYPT:
        yield OLDER
    if times > 1:
        yield f"there {times} times; Traefik takes the last, and removing takes all"
    if name != name.strip(UNSEEN):
        yield "begins or ends with a sign that cannot be seen, so who types the rest is not let in; rename it"
    elif not name.isascii() or "\\x" in name:
        yield "not ASCII: programs that send names in another way than UTF-8 are refused"


def notes(content: bytes) -> tuple[str, ...]:
    """What is to be said of the file as a whole: lines that are no users."""
    every = list(enumerate(lines(content), 1))
    unread = [number for number, line in every if not line.is_read]
    disguised = [number for number, line in every if line.is_comment and kind_of(line.hashed) is not HashKind.UNKNOWN]
    nameless = [number for number, line in every if line.has_no_name]
    return tuple(filter(None, (_unread(unread), _disguised(disguised), _nameless(nameless))))


def is_read(content: bytes) -> bool:
    """Whether Traefik can read every line: else it answers 404 for everybody."""
    return all(line.is_read for line in lines(content))


def _unread(numbers: list[int]) -> str | None:
    if not numbers:
        return None
    return (
        f"{_named(numbers)} cannot be read by Traefik, which then answers 404 for everybody: it takes only "
        "`name:hash` and empty lines, no comments; export the file, mend it, and see docs/users.md for putting it back"
    )


def _disguised(numbers: list[int]) -> str | None:
    if not numbers:
        return None
    begins, lets = ("begins", "lets") if len(numbers) == 1 else ("begin", "let")
    return f"{_named(numbers)} {begins} with # and {lets} somebody in all the same"


def _nameless(numbers: list[int]) -> str | None:
    if not numbers:
        return None
    has, lets, it = ("has", "lets", "it") if len(numbers) == 1 else ("have", "let", "them")
    return f"{_named(numbers)} {has} no name, and {lets} in whoever gives none: take {it} out as docs/users.md says"


def _named(numbers: list[int]) -> str:
    *shown, last = [
        *map(str, numbers[:MOST_NOTED]),
        *([f"{left} more"] if (left := len(numbers) - MOST_NOTED) > 0 else []),
    ]
    return f"lines {', '.join(shown)} and {last}" if shown else f"line {last}"


def check(content: bytes, edit: Edit) -> None:
    """Whether an edit can be done, but for its hash: for judging a form while it is typed. Raises Unfit."""
    known = hashes(content)
    new = edit.user if edit.verb is Verb.ADD else edit.name if edit.verb is Verb.RENAME else None
    if edit.verb is not Verb.ADD and edit.user not in known:
        raise Unfit(f"there is no user {edit.user}; somebody may have removed them", "user")
    if new is not None or edit.verb is Verb.RENAME:
        _check_name(new or "", {name for name in known if new == edit.user or name != edit.user})
    if edit.verb in (Verb.ADD, Verb.PASSWORD) and (why := password_fault(edit.password or "")):
        raise Unfit(why, "password")
    if edit.verb is Verb.REMOVE and len(known) == 1:
        raise Unfit(
            f"{edit.user} is the last user: without one Traefik answers 404 in place of asking; add another first, "
            "or take the password off the route",
            "user",
        )


def _check_name(name: str, known: Iterable[str]) -> None:
    if why := name_fault(name):
        raise Unfit(why, "name")
    if normalize("NFC", name) in {normalize("NFC", one) for one in known}:
        raise Unfit(f"there is a user {name} already; choose another name, or set their password", "name")


def edited(content: bytes, edit: Edit, hashed: str = "") -> bytes:
    """The file after an edit; `hashed` is the password of ADD and PASSWORD as it is kept. Raises Unfit."""
    check(content, edit)
    found = lines(content)
    match edit.verb:
        case Verb.ADD:
            return _appended(content, {edit.user: hashed.encode()})
        case Verb.PASSWORD:
            return joined(_with_hashes(found, {edit.user: hashed.encode()}))
        case Verb.RENAME:
            return joined([line.renamed(edit.name or "") if line.user == edit.user else line for line in found])
        case Verb.REMOVE:
            return joined([line for line in found if line.user != edit.user])


def _appended(content: bytes, new: Mapping[str, bytes]) -> bytes:
    """Lines at the end, ended as the others are; a file whose last line had no end gets none."""
    if not new:
        return content
    found = lines(content)
    end = next((line.end for line in found if line.end.endswith(b"\n")), b"\n")
    whole = not found or found[-1].end.endswith(b"\n")
    added = end.join(name.encode() + b":" + hashed for name, hashed in new.items())
    return content + (b"" if whole else end) + added + (end if whole else b"")


def _with_hashes(found: list[Line], new: Mapping[str, bytes]) -> list[Line]:
    """The line of each name that counts, which is the last of it, with another hash."""
    last = {line.user: at for at, line in enumerate(found)}

    def changed(at: int, line: Line) -> Line:
        is_meant = line.user is not None and line.user in new and last[line.user] == at
        return line.rehashed(new[line.user or ""]) if is_meant else line

    return [changed(at, line) for at, line in enumerate(found)]


def imported(content: bytes, other: bytes) -> bytes:
    """The file with the users of another one: those that it has get the other's password, the rest is added.

    Comments and all else of the other stay out. Raises Unfit naming a user who cannot come in.
    """
    odd = (line.user for line in lines(other) if line.user and not line.body.startswith(line.user.encode() + b":"))
    if (stranger := next(odd, None)) is not None:
        fault = "the name is not UTF-8, which is what browsers send; write the file anew with iconv -t utf-8"
        raise Unfit(f"the user {stranger} cannot be imported: {fault}", "name")
    known, wanted = hashes(content), hashes(other)
    for name, hashed in wanted.items():
        if why := name_fault(name):
            raise Unfit(f"the user {name} cannot be imported: {why}", "name")
        if kind_of(hashed) is HashKind.UNKNOWN:
            raise Unfit(f"the user {name} cannot be imported: {next(_remarks(name, hashed, 1))}", "password")
    changed = {name: hashed for name, hashed in wanted.items() if name in known and known[name] != hashed}
    new = {name: hashed for name, hashed in wanted.items() if name not in known}
    return _appended(joined(_with_hashes(lines(content), changed)), new)


def incoming(content: bytes, other: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The file with the users of another one, and what becomes of whom, a sentence each. Raises Unfit as `imported`."""
    wanted = imported(content, other)
    left = [number for number, line in enumerate(lines(other), 1) if line.body and line.user is None]
    told, stay = changes(content, wanted), "stays" if len(left) == 1 else "stay"
    return wanted, (*told, f"{_named(left)} of the other file {stay} out: only `name:hash` is a user") if left else told


def touched(before: bytes, now: bytes) -> frozenset[str]:
    """Whoever is new, gone, or has another password."""
    old, new = hashes(before), hashes(now)
    return frozenset(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def changes(before: bytes, now: bytes) -> tuple[str, ...]:
    """What somebody changed, a sentence each, such as `anna has another password`."""
    old, new = hashes(before), hashes(now)
    told = [f"{name} was added" for name in new if name not in old]
    told += [f"{name} was removed" for name in old if name not in new]
    told += [f"{name} has another password" for name in new if name in old and new[name] != old[name]]
    others = [[line.body for line in lines(content) if line.user is None] for content in (before, now)]
    if others[0] != others[1] or (not told and before != now):
        told.append("lines that are no users have changed")
    return tuple(told)
