"""Asking a real name server on the loopback, which answers by script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from homelab.adapters.names import DnsNames
from homelab.ports import NamesError

NAME = "whoami.internal.test"
Answer = Callable[[dns.message.Message], dns.message.Message | None]


class Server(asyncio.DatagramProtocol):
    """Answers every question by one function; None is silence."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        answer = self._answer(dns.message.from_wire(data))
        if answer and self._transport:
            self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def serving(answer: Answer, seconds: float = 4) -> AsyncIterator[DnsNames]:
    """The adapter, for a server on 127.0.0.1."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Server(answer), local_addr=("127.0.0.1", 0))
    try:
        yield DnsNames(seconds, transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


def records(*lines: str, code: dns.rcode.Rcode = dns.rcode.NOERROR) -> Answer:
    """The same answer for everybody: `name type value`."""

    def answer(question: dns.message.Message) -> dns.message.Message:
        made = dns.message.make_response(question, recursion_available=True)
        made.set_rcode(code)
        made.answer = [
            dns.rrset.from_text(f"{name}.", 60, "IN", kind, value) for name, kind, value in map(str.split, lines)
        ]
        return made

    return answer


async def test_addresses_of_a_name_are_those_that_the_server_says() -> None:
    async with serving(records(f"{NAME} A 192.168.1.20")) as names:
        assert await names.addresses(NAME, "A", "127.0.0.1") == ("192.168.1.20",)
        assert not await names.denied(NAME, "A", "127.0.0.1")


async def test_another_name_that_it_leads_to_is_followed() -> None:
    lines = (f"{NAME} CNAME home.test.", "home.test AAAA 2001:db8::1")
    async with serving(records(*lines)) as names:
        assert await names.addresses(NAME, "AAAA", "127.0.0.1") == ("2001:db8::1",)


async def test_no_address_and_no_such_name_are_no_addresses_and_are_told_apart() -> None:
    async with serving(records()) as names:
        assert await names.addresses(NAME, "AAAA", "127.0.0.1") == ()
        assert not await names.denied(NAME, "AAAA", "127.0.0.1")
    async with serving(records(code=dns.rcode.NXDOMAIN)) as names:
        assert await names.addresses(NAME, "AAAA", "127.0.0.1") == ()
        assert await names.denied(NAME, "AAAA", "127.0.0.1")


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
async def test_a_refusal_is_told_by_its_name(code: dns.rcode.Rcode) -> None:
    async with serving(records(code=code)) as names:
        with pytest.raises(NamesError, match=f"^127.0.0.1 refused the question for {NAME}: {code.name}$"):
            await names.addresses(NAME, "A", "127.0.0.1")


async def test_silence_ends_in_time() -> None:
    async with serving(lambda question: None, seconds=0.1) as names:
        with pytest.raises(NamesError, match=r"^127\.0\.0\.1 did not answer within 0\.1 s"):
            await names.addresses(NAME, "A", "127.0.0.1")


@pytest.mark.parametrize("name", ["a..b", f"{'a' * 64}.test", "ä" * 300])
async def test_a_name_that_is_none_is_told(name: str) -> None:
    async with serving(records()) as names:
        with pytest.raises(NamesError, match="cannot be asked"):
            await names.addresses(name, "A", "127.0.0.1")


async def test_a_server_that_is_none_is_told() -> None:
    with pytest.raises(NamesError, match="the-router cannot be asked"):
        await DnsNames().addresses(NAME, "A", "the-router")
