"""Files of users, byte by byte: who is in them, and what an edit leaves alone."""

from __future__ import annotations

import random
import re
import time
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homelab.access.credentials import LETTERS, generated, hint, name_fault, password_fault
from homelab.access.htpasswd import (
    Unfit,
    changes,
    check,
    edited,
    hashes,
    imported,
    incoming,
    joined,
    lines,
    notes,
    users,
)
from homelab.access.model import Edit, HashKind, Verb

BCRYPT = "$2y$05$" + "a" * 53
APR1 = "$apr1$salt$" + "b" * 22
SHA = "{SHA}" + "c" * 27 + "="
SOON = 5.0
"""Seconds of work; what looks through the whole file for each user takes minutes."""
FILES = 100
"""For each of hypothesis's examples, of which there are as many: ten thousand in all."""
NAMES = ("anna", "berta", "ann", "käthe", "an na", "a.b", "x")
ODDITIES = (
    b"",
    b"# who is who",
    b"# by: anna",
    b"nonsense",
    b"a:b:c",
    b" ",
    b"\xff\xfe:x",
    b"\t",
    b"\r",
    b"anna",
    b"::",
)


def adding(name: str = "carla", password: str = "geheimnis") -> Edit:
    return Edit(Verb.ADD, name, password)


@pytest.mark.parametrize(
    ("hashed", "kind"),
    [
        (BCRYPT, HashKind.BCRYPT),
        (BCRYPT.replace("2y", "2a"), HashKind.BCRYPT),
        (BCRYPT + " ", HashKind.BCRYPT),
        (APR1, HashKind.APR1),
        (APR1.replace("apr1", "1"), HashKind.APR1),
        (SHA, HashKind.SHA1),
        (SHA + " ", HashKind.UNKNOWN),
        (" " + BCRYPT, HashKind.UNKNOWN),
        ("$6$salt$" + "d" * 86, HashKind.UNKNOWN),
        ("plain", HashKind.UNKNOWN),
        ("", HashKind.UNKNOWN),
    ],
)
def test_every_kind_of_hash_is_recognised(hashed: str, kind: HashKind) -> None:
    (found,) = users(f"anna:{hashed}\n".encode())

    assert (found.name, found.kind) == ("anna", kind)
    assert (found.note is None) == (kind is HashKind.BCRYPT)


def test_what_is_to_be_said_of_a_user_stands_beside_them() -> None:
    content = f"anna:$5$x\nberta:{APR1}\nanna:{BCRYPT}\nkäthe:{BCRYPT}\nann\udce4:{BCRYPT}".encode(
        "utf-8", "surrogateescape"
    )

    found = {user.name: user.note or "" for user in users(content)}

    assert list(found) == ["anna", "berta", "käthe", "ann\\xe4"]
    assert found["anna"] == "there 2 times; Traefik takes the last, and removing takes all"
    assert "makes it bcrypt" in found["berta"]
    assert "not ASCII" in found["käthe"]
    assert "SHA-256 crypt, which Traefik does not take" in (users(b"anna:$5$x")[0].note or "")


def test_lines_that_traefik_cannot_read_are_named_since_it_then_serves_nobody() -> None:
    content = f"# who\n\nanna:{BCRYPT}\nnonsense\na:b:c\n \n#berta:{BCRYPT}\n# by: anna\n".encode()

    unread, disguised = notes(content)

    assert unread.startswith("lines 1, 4, 5 and 1 more cannot be read by Traefik, which then answers 404 for everybody")
    assert disguised == "line 7 begins with # and lets somebody in all the same"
    assert [user.name for user in users(content)] == ["anna"]
    assert notes(f"\r\nanna:{BCRYPT}\r\n\r\n".encode()) == ()


def test_a_new_user_stands_at_the_end_as_the_other_lines_do() -> None:
    assert edited(b"", adding(), "H") == b"carla:H\n"
    assert edited(b"anna:x\r\n", adding(), "H") == b"anna:x\r\ncarla:H\r\n"
    assert edited(b"anna:x", adding(), "H") == b"anna:x\ncarla:H"


def test_of_a_name_that_stands_there_twice_the_last_counts_and_none_is_left_behind() -> None:
    content = b"anna:old\n# note\nanna:new\nberta:x"

    assert edited(content, Edit(Verb.PASSWORD, "anna", "geheimnis"), "H") == b"anna:old\n# note\nanna:H\nberta:x"
    assert edited(content, Edit(Verb.RENAME, "anna", name="anne"), "") == b"anne:old\n# note\nanne:new\nberta:x"
    assert edited(content, Edit(Verb.REMOVE, "anna"), "") == b"# note\nberta:x"


@pytest.mark.parametrize(
    ("edit", "field", "why"),
    [
        (adding("anna"), "name", "already"),
        (adding(""), "name", "needs a name"),
        (adding("a:b"), "name", "colon"),
        (adding("a,b"), "name", "comma"),
        (adding(" a"), "name", "space"),
        (adding("#a"), "name", "#"),
        (adding("a\tb"), "name", "not seen"),
        (adding("a\u202eb"), "name", "not seen"),
        (adding("a" * 300), "name", "255 bytes"),
        (adding("ä" * 128), "name", "255 bytes"),
        (adding("carla", ""), "password", "empty"),
        (adding("carla", "ä" * 37), "password", "this one has 74"),
        (adding("carla", "a\nb"), "password", "line ends"),
        (adding("carla", "a\0b"), "password", "control"),
        (Edit(Verb.RENAME, "anna", name="berta"), "name", "already"),
        (Edit(Verb.RENAME, "anna", name="anna"), "name", "already"),
        (Edit(Verb.RENAME, "anna"), "name", "needs a name"),
        (Edit(Verb.REMOVE, "nobody"), "user", "no user nobody"),
        (Edit(Verb.PASSWORD, "nobody", "geheimnis"), "user", "no user nobody"),
    ],
)
def test_what_cannot_be_done_says_why(edit: Edit, field: str, why: str) -> None:
    with pytest.raises(Unfit, match=why) as refused:
        check(b"anna:x\nberta:y\n", edit)

    assert refused.value.field == field


def test_the_last_user_stays_and_names_of_other_alphabets_may_come() -> None:
    with pytest.raises(Unfit, match="the last user: without one Traefik answers 404"):
        check(b"# c: d\nanna:x\nanna:y\n", Edit(Verb.REMOVE, "anna"))

    assert name_fault("käthe") is None and name_fault("an na") is None
    assert password_fault("ä" * 36) is None


def test_an_import_adds_and_replaces_and_leaves_the_rest() -> None:
    other = f"# theirs\nanna:{SHA}\nnonsense\ncarla:{APR1}\r\n".encode()

    assert imported(b"# ours\nanna:x\nberta:y\n", other) == f"# ours\nanna:{SHA}\nberta:y\ncarla:{APR1}\n".encode()
    with pytest.raises(Unfit, match="the user anna cannot be imported: kept in a way that Traefik does not take"):
        imported(b"", b"anna:plain")
    with pytest.raises(Unfit, match="comma"):
        imported(b"", f"a,b:{SHA}".encode())


def test_an_import_says_who_comes_in_and_which_lines_stay_out() -> None:
    content = f"anna:{SHA}\n".encode()
    other = f"# users of home\n\nanna:{BCRYPT}\nbob:x:y\nzoe:{SHA}\n".encode()

    wanted, told = incoming(content, other)

    assert wanted == f"anna:{BCRYPT}\nzoe:{SHA}\n".encode()
    assert told[:2] == ("zoe was added", "anna has another password")
    assert told[2].startswith("lines 1 and 4 of the other file stay out")


def test_a_name_that_is_no_utf8_is_not_imported_as_another() -> None:
    with pytest.raises(Unfit, match=r"k\\xe4the cannot be imported.*iconv"):
        imported(b"", "käthe:".encode("latin-1") + SHA.encode())


def test_large_files_are_read_and_imported_line_by_line() -> None:
    many = b"".join(b"user%d:%s\n" % (number, SHA.encode()) for number in range(20_000))
    began = time.process_time()

    wanted, told = incoming(f"user7:{BCRYPT}\nanna:{SHA}\n".encode(), many)

    assert (len(users(wanted)), len(told)) == (20_001, 20_000)
    assert time.process_time() - began < SOON


def test_a_line_that_lets_in_who_gives_no_name_and_names_that_nobody_types_are_told() -> None:
    assert "line 2 has no name" in notes(f"anna:{SHA}\n:{SHA}\n".encode())[0]
    for name in (" anna", "\ufeffanna"):
        (found,) = users(f"{name}:{SHA}\n".encode())
        assert "cannot be seen" in (found.note or "")


def test_two_names_that_look_the_same_are_not_made() -> None:
    with pytest.raises(Unfit, match="already"):
        check("käthe:".encode() + SHA.encode(), adding(normalize("NFD", "käthe")))


def test_what_somebody_changed_is_told_by_name_and_never_by_hash() -> None:
    told = changes(b"# x\nanna:1\nberta:2\n", b"# y\nanna:3\ncarla:4\n")

    assert told == (
        "carla was added",
        "berta was removed",
        "anna has another password",
        "lines that are no users have changed",
    )
    assert changes(b"a:1\nb:2\n", b"b:2\na:1\n") == ("lines that are no users have changed",)
    assert changes(b"a:1\n", b"a:1\n") == ()


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("annalein-42-x", "the user's name"),
        ("MyPassword-7z", "has password in it"),
        ("kurz", "short: 4 characters"),
        ("aaaaaaaaaaaa", "same few"),
        ("190319841107", "digits alone"),
        ("gartenzwerge", "small letters alone"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_called_so(password: str, said: str) -> None:
    assert said in (hint(password, "anna") or "")


def test_a_password_that_is_made_up_is_new_each_time_and_easy_to_type() -> None:
    first, second = generated(), generated()

    assert first != second
    assert re.fullmatch(rf"([{LETTERS}]{{4}}\.){{3}}[{LETTERS}]{{4}}", first)
    assert hint(first, "anna") is None and password_fault(first) is None


def a_file(chance: random.Random) -> bytes:
    """Users, some of them twice, between lines that are none, with all ends of lines."""
    end = chance.choice((b"\n", b"\r\n"))
    found = [
        chance.choice(NAMES).encode() + b":" + chance.choice((BCRYPT, APR1, SHA, "x", "")).encode()
        if chance.random() < 0.6
        else chance.choice(ODDITIES)
        for _ in range(chance.randrange(12))
    ]
    ended = b"".join(line + chance.choice((end, end, b"\n")) for line in found)
    return ended if chance.random() < 0.5 else ended + chance.choice((b"last:x", b"# the end", b"\xe4:y", b""))


def is_of(line: bytes, name: str) -> bool:
    found, colon, rest = line.partition(b":")
    return bool(colon) and b":" not in rest and found.decode("utf-8", "backslashreplace") == name


def judge(before: bytes, edit: Edit, after: bytes) -> None:
    """Said without the code that is judged: lines are split here in another way, and compared one by one."""
    old, new = re.split(rb"(?<=\n)", before), re.split(rb"(?<=\n)", after)
    match edit.verb:
        case Verb.ADD:
            assert after.startswith(before)
            assert re.fullmatch(rb"(\r?\n)?carla:H(\r?\n)?", after[len(before) :])
        case Verb.REMOVE:
            assert b"".join(new) == b"".join(line for line in old if not is_of(line, edit.user))
        case _:
            assert len(old) == len(new)
            differ = [(one, other) for one, other in zip(old, new, strict=True) if one != other]
            assert all(is_of(one, edit.user) for one, _ in differ)
            ends = [(re.search(rb"\r?\n?\Z", one), re.search(rb"\r?\n?\Z", other)) for one, other in differ]
            assert all(one and other and one[0] == other[0] for one, other in ends)
            assert len(differ) <= (1 if edit.verb is Verb.PASSWORD else len(old))


def try_every_edit(content: bytes, chance: random.Random) -> None:
    assert joined(lines(content)) == content
    user = chance.choice(list(hashes(content)) or ["nobody"])
    for edit in (
        adding(),
        Edit(Verb.PASSWORD, user, "geheimnis"),
        Edit(Verb.RENAME, user, name="carla"),
        Edit(Verb.REMOVE, user),
    ):
        try:
            after = edited(content, edit, "H")
        except Unfit:
            continue
        judge(content, edit, after)


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=0))
def test_in_ten_thousand_files_every_line_that_is_not_edited_stays_byte_for_byte(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(FILES):
        try_every_edit(a_file(chance), chance)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(min_value=0))
def test_any_bytes_are_a_file(content: bytes, seed: int) -> None:
    try_every_edit(content, random.Random(seed))
    assert notes(content) is not None and users(content) is not None
