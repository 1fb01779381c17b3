"""What may be a name or a password, how easy one is to guess, and a new one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from unicodedata import category

LONGEST_NAME = 255
"""Bytes. Source: htpasswd(1), limitations."""
LONGEST_PASSWORD = 72
"""Bytes; bcrypt reads no further, so that longer ones would be the same as their beginning."""
SHORT = 10
LONG = 16
"""Characters from which on nothing is said against a password of letters alone."""
COMMON = ("password", "passwort", "qwert", "12345", "letmein", "welcome", "admin", "secret", "homelab", "iloveyou")
LETTERS = "abcdefghjkmnpqrstuvwxyz"
"""None that looks like another, and all on a phone's first keyboard."""
GROUPS, GROUP = 4, 4
"""16 of 23 letters: 72 bits."""


_NAME_FAULTS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda name: not name, "a user needs a name"),
    (lambda name: ":" in name, "a name cannot have a colon: it ends the name in the file, and in what browsers send"),
    (lambda name: "," in name, "a name cannot have a comma: other programs read it as the end of the user"),
    (lambda name: name != name.strip(" "), "a name cannot begin or end with a space: nobody would see it"),
    (lambda name: name.startswith("#"), "a name cannot begin with #: such a line is a comment to htpasswd"),
    (
        lambda name: any(char != " " and category(char)[0] in "CZ" for char in name),
        "a name cannot have characters that are not seen, such as tabs",
    ),
    (lambda name: len(name.encode()) > LONGEST_NAME, f"a name can have {LONGEST_NAME} bytes, and this one has more"),
)
"""In the order of telling. Source: RFC 7617, section 2, and htpasswd(1)."""


def name_fault(name: str) -> str | None:
    """Why nobody can be called so; None when it is fine."""
    return next((why for is_wrong, why in _NAME_FAULTS if is_wrong(name)), None)


def password_fault(password: str) -> str | None:
    """Why this can be no password; None when it is fine. Source: RFC 7617, section 2."""
    if not password:
        return "an empty password would let in everybody who knows the name"
    if any(category(char) in {"Cc", "Cs"} for char in password):
        return "a password cannot have line ends or other control characters: browsers cannot send them"
    size = len(password.encode())
    if size > LONGEST_PASSWORD:
        return f"a password can have {LONGEST_PASSWORD} bytes, and this one has {size}: bcrypt would pass over the rest"
    return None


def hint(password: str, name: str) -> str | None:
    """What makes a password easy to guess, in a few words; None where nothing is known against it. Never a refusal."""
    low = password.casefold()
    if name and name.casefold() in low:
        return "has the user's name in it"
    if word := next((one for one in COMMON if one in low), None):
        return f"has {word} in it, which everybody tries"
    if len(password) < SHORT:
        return f"short: {len(password)} character{'s' if len(password) > 1 else ''}"
    if len(set(password)) <= len(password) // 4:
        return "the same few characters again and again"
    if len(password) < LONG and (password.isdecimal() or (password.isalpha() and low == password)):
        return "digits alone" if password.isdecimal() else "small letters alone; longer would do"
    return None


def generated() -> str:
    """A new password that is easy to read out, and to type on a phone."""
    return ".".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
