"""One scalar of the file -> one typed value, or the reason why not. Nothing is guessed: `012` is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_network
from typing import TypeAlias, TypeVar

from homelab.finding import brief
from homelab.plan.document import Items, Leaf, Tree
from homelab.plan.model import AddressRange

T = TypeVar("T")

ADDRESS = "an IPv4 address is four numbers from 0 to 255 with dots between, such as 192.168.1.20"
NETWORK = "a network is its first address and the length of its prefix, such as 192.168.1.0/24"
RANGE = "a range is two full addresses, such as 192.168.1.17-192.168.1.30; one address or a network will do too"


class Refused(ValueError):
    """A value that its key cannot have, with the reason and the fix."""

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix


def kind_of(tree: Tree) -> str:
    """What stands there, in a reader's words."""
    if isinstance(tree, Leaf):
        return tree.kind
    return "a list" if isinstance(tree, Items) else "a section with keys of its own"


def text(leaf: Leaf) -> str:
    """Text that is not empty. `true`, numbers and dates must be quoted to be meant as text."""
    if leaf.kind == "nothing" or not leaf.text.strip():
        raise Refused("nothing is written here", "the key needs a text", "write the text, or delete the key")
    if leaf.kind != "text":
        raise Refused(
            f"`{brief(leaf.text)}` is {leaf.kind}, not text",
            "YAML reads it so",
            f'write it in quotes: "{brief(leaf.text)}"',
        )
    return leaf.text


def whole_number(leaf: Leaf) -> int:
    """A whole number in plain decimal digits. Source: YAML 1.1 reads a leading zero as octal, 1.2 does not."""
    if leaf.kind == "text" and re.fullmatch(r"\d+", leaf.text):
        raise Refused(
            f'"{brief(leaf.text)}" is text, not a number',
            "it stands in quotes",
            f"write {brief(leaf.text)} without quotes",
        )
    if not re.fullmatch(r"-?(0|[1-9][0-9]{0,8})", leaf.text):
        what = f"`{brief(leaf.text)}` is not a plain whole number" if leaf.text else "nothing is written here"
        raise Refused(what, "the key counts things", "write a whole number without a leading zero, such as 2")
    return int(leaf.text)


def address(leaf: Leaf) -> IPv4Address:
    """One IPv4 address."""
    return _parsed(leaf, IPv4Address, ADDRESS)


def network(leaf: Leaf) -> IPv4Network:
    """One IPv4 network, written by its first address."""
    _refuse_bare_address(leaf)
    return _parsed(leaf, IPv4Network, NETWORK)


def address_range(leaf: Leaf) -> AddressRange:
    """A range of IPv4 addresses."""
    return _parsed(leaf, AddressRange.parse, RANGE)


def choice(leaf: Leaf, among: tuple[str, ...]) -> str:
    """One of a few words."""
    if leaf.text in among and leaf.kind == "text":
        return leaf.text
    what = f"`{brief(leaf.text)}` is none of the words that this key knows" if leaf.text else "nothing is written here"
    raise Refused(what, "the program can only do what it knows", f"write {' or '.join(among)}")


def _parsed(leaf: Leaf, parse: Callable[[str], T], form: str) -> T:
    written = leaf.text.strip()
    if not written or leaf.kind == "nothing":
        raise Refused("nothing is written here", form, "write it, or delete the key")
    try:
        return parse(written)
    except ValueError as error:
        what, why, fix = (
            _number_fault(written) or _form_fault(written, str(error)) or ("cannot be read", "", "correct it")
        )
        raise Refused(f"`{brief(written)}` {brief(what)}", why or form, brief(fix)) from None


_Fault: TypeAlias = "tuple[str, str, str] | None"
"""What, why (empty: the form that was wanted) and fix."""


def _number_fault(written: str) -> _Fault:
    """Numbers that are no IPv4 at all."""
    if _is_ipv6(written):
        return "is IPv6", "the plan knows IPv4 alone", "write the IPv4 address of the same machine"
    if octal := re.search(r"(?<!\d)0\d+", written):
        fixed = re.sub(r"(?<!\d)0+(?=\d)", "", written)
        what = f"has a number with a leading zero ({octal[0]})"
        return what, "some programs read it as octal, so it could mean two addresses", f"write {fixed}"
    return None


def _form_fault(written: str, problem: str) -> _Fault:
    """Good numbers in a form that leaves a doubt."""
    if "host bits set" in problem:
        return "is not the first address of its network", "", f"write {ip_network(written, strict=False)}"
    if short := re.fullmatch(r"((?:\d+\.){3})(\d+) *- *(\d{1,3})", written):
        return "ends in a short form", "", f"write {short[1]}{short[2]}-{short[1]}{short[3]}"
    if "ends before it begins" in problem:
        first, _, last = (part.strip() for part in written.partition("-"))
        return "ends before it begins", "", f"write {last}-{first}"
    return None


def _refuse_bare_address(leaf: Leaf) -> None:
    """Without a prefix Python would read one address as a network of one."""
    if re.fullmatch(r"[\d.]+", leaf.text.strip()) and leaf.text.count(".") == ADDRESS.count("."):
        raise Refused(
            f"`{brief(leaf.text)}` lacks the length of its prefix",
            NETWORK,
            f"write {brief(leaf.text)}/24 or another length",
        )


def _is_ipv6(written: str) -> bool:
    try:
        IPv6Address(re.split(r"[/-]", written)[0].strip())
    except ValueError:
        return False
    return True
