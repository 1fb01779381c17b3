"""What can be wrong with a value, in the API server's words, and the rules that many fields share."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from homelab.observe.raw import dig
from homelab.ports import Raw

_PORTS = range(1, 65536)
_LONGEST = 63
"""Of a label, and of the value of one."""
_LONGEST_PORT = 15
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = rf"({_QUALIFIED})?"
SERVICE = "[a-z]([-a-z0-9]*[a-z0-9])?"
_ENDS = "and must start and end with an alphanumeric character"
_SAYS_LABEL = (
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS} "
    f"(e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_SAYS_SUBDOMAIN = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS} "
    f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
SAYS_SERVICE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character "
    f"(e.g. 'my-name',  or 'abc-123', regex used for validation is '{SERVICE}')"
)
_NAMES = f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
_SAYS_QUALIFIED = f"name part must consist of alphanumeric characters, '-', '_' or '.', {_ENDS} {_NAMES}"
_SAYS_KEY = (
    f"a valid label key must consist of alphanumeric characters, '-', '_' or '.', {_ENDS} {_NAMES} "
    "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
)
_SAYS_VALUE = (
    f"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', {_ENDS} "
    f"(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{_VALUE}')"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an object."""

    field: str
    reason: str
    """As a Status' causes name it: `FieldValueRequired`."""
    message: str

    @property
    def cause(self) -> Raw:
        """As a Status lists it."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


def required(field: str, why: str = "") -> Fault:
    """There is no value."""
    return Fault(field, "FieldValueRequired", f"Required value: {why}" if why else "Required value")


def invalid(field: str, value: Any, why: str) -> Fault:
    """The value cannot be."""
    return Fault(field, "FieldValueInvalid", f"Invalid value: {quoted(value)}: {why}")


def unsupported(field: str, value: Any, *known: str) -> Fault:
    """The value is none of those that can be."""
    listed = ", ".join(f'"{one}"' for one in known)
    return Fault(field, "FieldValueNotSupported", f"Unsupported value: {quoted(value)}: supported values: {listed}")


def duplicate(field: str, value: Any) -> Fault:
    """Another one has it."""
    return Fault(field, "FieldValueDuplicate", f"Duplicate value: {quoted(value)}")


def forbidden(field: str, why: str) -> Fault:
    """There may be no value."""
    return Fault(field, "FieldValueForbidden", f"Forbidden: {why}")


def quoted(value: Any) -> str:
    """A value as messages show it."""
    return json.dumps(value, separators=(",", ":"))


# Rules for one field. Each takes the field's path and its value; most say nothing about a value that is not there.


def one_of(field: str, value: Any, *known: str) -> Iterable[Fault]:
    """A word of a fixed set, where there is one."""
    if value not in (None, "", *known):
        yield unsupported(field, value, *known)


def at_least(obj: Any, path: str, *names: str, least: int = 0) -> Iterable[Fault]:
    """Numbers that are not below a bound, where there are any."""
    for name in names:
        value = dig(obj, name)
        if isinstance(value, int) and value < least:
            yield invalid(f"{path}.{name}", value, f"must be greater than or equal to {least}")


def port(field: str, value: Any) -> Iterable[Fault]:
    """A port's number, or the name of a container's port."""
    if isinstance(value, str):
        yield from port_name(field, value)
    elif value not in _PORTS:
        yield invalid(field, value or 0, "must be between 1 and 65535, inclusive")


def port_name(field: str, value: str) -> Iterable[Fault]:
    """The name of a container's port. Source: RFC 6335."""
    if len(value) > _LONGEST_PORT:
        yield invalid(field, value, f"must be no more than {_LONGEST_PORT} characters")
    if not re.fullmatch("[-a-z0-9]+", value):
        yield invalid(field, value, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        yield invalid(field, value, "must contain at least one letter (a-z)")
    if "--" in value:
        yield invalid(field, value, "must not contain consecutive hyphens")
    if value[:1] == "-" or value[-1:] == "-":
        yield invalid(field, value, "must not begin or end with a hyphen")


def address(field: str, value: str) -> Iterable[Fault]:
    """An IP address."""
    try:
        ip_address(value)
    except ValueError:
        yield invalid(field, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")


def network(field: str, value: str) -> Iterable[Fault]:
    """A network."""
    try:
        if "/" not in value:
            raise ValueError
        ip_network(value.strip(), strict=False)
    except ValueError:
        yield invalid(field, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")


def dns_label(field: str, value: str) -> Iterable[Fault]:
    """A name without dots."""
    yield from _named(field, value, _LABEL, _SAYS_LABEL, 63)


def subdomain(field: str, value: str) -> Iterable[Fault]:
    """A name with dots."""
    yield from _named(field, value, _SUBDOMAIN, _SAYS_SUBDOMAIN, 253)


def service_name(field: str, value: str) -> Iterable[Fault]:
    """A name without dots that begins with a letter."""
    yield from _named(field, value, SERVICE, SAYS_SERVICE, 63)


def qualified(field: str, value: str) -> Iterable[Fault]:
    """`name` or `domain/name`, as labels and annotations are called."""
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        yield invalid(field, value, _SAYS_KEY)
        return
    if slash and not prefix:
        yield invalid(field, value, "prefix part must be non-empty")
    elif slash and not re.fullmatch(_SUBDOMAIN, prefix):
        yield invalid(field, value, f"prefix part {_SAYS_SUBDOMAIN}")
    if not name:
        yield invalid(field, value, "name part must be non-empty")
    if len(name) > _LONGEST:
        yield invalid(field, value, f"name part must be no more than {_LONGEST} bytes")
    if not re.fullmatch(_QUALIFIED, name):
        yield invalid(field, value, _SAYS_QUALIFIED)


def labels(field: str, found: Raw | None) -> Iterable[Fault]:
    """Names and values of labels."""
    for name, value in (found or {}).items():
        yield from qualified(field, name)
        if len(value) > _LONGEST:
            yield invalid(field, value, f"must be no more than {_LONGEST} bytes")
        if not re.fullmatch(_VALUE, value):
            yield invalid(field, value, _SAYS_VALUE)


def _named(field: str, value: str, rule: str, words: str, longest: int) -> Iterable[Fault]:
    if len(value) > longest:
        yield invalid(field, value, f"must be no more than {longest} bytes")
    if not re.fullmatch(rule, value):
        yield invalid(field, value, words)
