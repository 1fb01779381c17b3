"""Asking a web server at one address over httpx."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from ipaddress import IPv4Address

import httpx

from homelab.ports import Reply, WebError

SECONDS = 5.0
"""For connecting, for the first line of the answer, and for the first bytes of its body."""
BYTES = 64
"""Of a body: enough to know a server by its own pages."""


class HttpWeb:
    """Keeps `ports.Web`. Proxies of the environment are left alone: an address of the LAN is asked directly."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds

    async def get(self, url: str, address: IPv4Address, credentials: tuple[str, str] | None = None) -> Reply:
        """Status, headers and how the body begins; no redirect is followed. Raises WebError.

        Credentials are sent as UTF-8, at once rather than after a 401. Source: RFC 7617, section 2.1.
        """
        named = httpx.URL(url)
        there = named.copy_with(host=str(address))
        place = f"{address} port {named.port or (443 if named.scheme == 'https' else 80)}"
        host, name = {"Host": named.netloc.decode(), "Accept-Encoding": "identity"}, {"sni_hostname": named.host}
        who = httpx.BasicAuth(*(part.encode() for part in credentials)) if credentials else None
        try:
            async with (
                httpx.AsyncClient(verify=False, trust_env=False, timeout=self._seconds) as client,
                client.stream("GET", there, headers=host, extensions=name, auth=who) as answer,
            ):
                return Reply(answer.status_code, dict(answer.headers), await self._start(answer))
        except httpx.TimeoutException:
            raise WebError(f"{place} did not answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, OSError) as error:
            raise WebError(f"{place} did not answer: {_reason(error)}") from None

    async def _start(self, answer: httpx.Response) -> bytes:
        """The first bytes of the body; of one that falters, those that came."""
        found = b""
        with suppress(httpx.HTTPError, OSError):  # TimeoutError is one of the latter
            async with asyncio.timeout(self._seconds):
                async for part in answer.aiter_raw():
                    found += part
                    if len(found) >= BYTES:
                        break
        return found[:BYTES]


def _reason(error: BaseException) -> str:
    """Of what led to it, what the system said; httpx itself says only that no attempt succeeded."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
