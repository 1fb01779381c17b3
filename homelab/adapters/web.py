"""Asking a web server at one address over httpx."""

from __future__ import annotations

import os
from ipaddress import IPv4Address

import httpx

from homelab.ports import Reply, WebError

SECONDS = 5.0
"""For connecting, and for the first line of the answer."""


class HttpWeb:
    """Keeps `ports.Web`. Proxies of the environment are left alone: an address of the LAN is asked directly."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds

    async def get(self, url: str, address: IPv4Address) -> Reply:
        """Status and headers; no redirect is followed, no body is read. Raises WebError."""
        named = httpx.URL(url)
        there = named.copy_with(host=str(address))
        place = f"{address} port {named.port or (443 if named.scheme == 'https' else 80)}"
        host, name = {"Host": named.netloc.decode()}, {"sni_hostname": named.host}
        try:
            async with (
                httpx.AsyncClient(verify=False, trust_env=False, timeout=self._seconds) as client,
                client.stream("GET", there, headers=host, extensions=name) as answer,
            ):
                return Reply(answer.status_code, dict(answer.headers))
        except httpx.TimeoutException:
            raise WebError(f"{place} did not answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, OSError) as error:
            raise WebError(f"{place} did not answer: {_reason(error)}") from None


def _reason(error: BaseException) -> str:
    """Of what led to it, what the system said; httpx itself says only that no attempt succeeded."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
