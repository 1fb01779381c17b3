"""Asking name servers over dnspython."""

from __future__ import annotations

from typing import Literal

import dns.asyncresolver
import dns.exception
import dns.resolver

from homelab.ports import NamesError

SECONDS = 4.0
"""For an answer, repetitions included."""
PORT = 53


class DnsNames:
    """Keeps `ports.Names`."""

    def __init__(self, seconds: float = SECONDS, port: int = PORT) -> None:
        """`port`: of servers that are named in a question."""
        self._seconds = seconds
        self._port = port

    async def addresses(self, name: str, family: Literal["A", "AAAA"], server: str | None = None) -> tuple[str, ...]:
        """Addresses of a name, sorted; none where it has none. Raises NamesError."""
        try:
            answer = await self._ask(name, family, server)
        except dns.resolver.NXDOMAIN:
            return ()
        return tuple(sorted(str(record) for record in answer.rrset or ()))

    async def denied(self, name: str, family: Literal["A", "AAAA"], server: str | None = None) -> bool:
        """Whether the answer is NXDOMAIN. Raises NamesError."""
        try:
            await self._ask(name, family, server)
        except dns.resolver.NXDOMAIN:
            return True
        return False

    async def _ask(self, name: str, family: str, server: str | None) -> dns.resolver.Answer:
        """Raises NXDOMAIN, NamesError."""
        whom = server or "this machine's resolver"
        try:
            resolver = dns.asyncresolver.Resolver(configure=server is None)
            if server:
                resolver.nameservers, resolver.port = [server], self._port
            return await resolver.resolve(
                f"{name.rstrip('.')}.", family, raise_on_no_answer=False, lifetime=self._seconds
            )
        except dns.resolver.NXDOMAIN:
            raise
        except dns.resolver.LifetimeTimeout:
            raise NamesError(f"{whom} did not answer within {self._seconds:g} s when asked for {name}") from None
        except dns.resolver.NoNameservers as error:
            raise NamesError(f"{whom} refused the question for {name}: {_reason(error)}") from None
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise NamesError(f"{whom} cannot be asked for {name}: {error}") from None


def _reason(error: dns.resolver.NoNameservers) -> str:
    """What the last server that was asked said: `SERVFAIL`, `REFUSED`, an error of the network."""
    tries = error.kwargs.get("errors") or ()
    return str(tries[-1][3]) if tries else str(error)
