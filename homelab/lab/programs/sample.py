"""The sample app `traefik/whoami`, answered for by the lab itself: a page that says what was asked, and by whom.

Source: github.com/traefik/whoami, README.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from aiohttp import web

from homelab.lab.programs.containers import Container
from homelab.lab.programs.program import Address, Ended, ProgramError, is_free, taken

PORT = 80
"""Where it listens without `--port`."""


class Whoami:
    """One start of it. Keeps `program.Program`."""

    def __init__(self, container: Container, pod: str, pod_address: str) -> None:
        self._hostname = pod
        self._address = (pod_address, port(container.arguments))
        self._runner: web.ServerRunner | None = None

    @property
    def addresses(self) -> Mapping[int, Address]:
        """The pod's own address: what routes to it needs to know nothing of the lab."""
        return {self._address[1]: self._address}

    @property
    def words(self) -> None:
        """Nothing is kept."""

    async def start(self) -> None:
        """Listen. Raises ProgramError."""
        if not is_free(self._address):
            raise taken(self._address)
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, *self._address).start()
        except OSError as error:
            raise ProgramError(f"the sample app cannot listen: {error.strerror}") from None

    async def ended(self) -> Ended:
        """It never ends by itself."""
        never: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        return await never

    async def stop(self) -> None:
        """Hang up on everybody and listen no more."""
        if self._runner:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.path == "/health":
            return web.Response()
        return web.Response(text="\n".join(self._page(request)) + "\n")

    def _page(self, request: web.BaseRequest) -> Iterator[str]:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        yield f"Hostname: {self._hostname}"
        yield f"IP: {self._address[0]}"
        if peer:
            yield f"RemoteAddr: {peer[0]}:{peer[1]}"
        yield f"{request.method} {request.rel_url.raw_path_qs} HTTP/1.1"
        yield f"Host: {request.host}"
        headers = sorted(request.headers.items())
        yield from (f"{key}: {value}" for key, value in headers if key.lower() != "host")
        yield ""


def port(arguments: tuple[str, ...]) -> int:
    """The port of `--port=8080`, `-port 8080` and their like."""
    words = [word for argument in arguments for word in argument.lstrip("-").split("=", 1)]
    found = words[words.index("port") + 1 :][:1] if "port" in words else []
    return int(found[0]) if found and found[0].isdecimal() else PORT
