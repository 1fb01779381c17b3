"""Fetching a file from a web server that may do anything."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from loopback import Loopback, raw, serving, silence

from homelab.adapters import downloads
from homelab.adapters.downloads import HttpDownloads
from homelab.ports import DownloadError

FILE = b"kind: Namespace\n"


async def fetched(server: Loopback, path: str = "/file.yaml", **options: float) -> bytes:
    """What the adapter, which blocks, gives for a file of the server."""
    return await asyncio.to_thread(HttpDownloads(**options).fetch, server.url + path)


async def refused(server: Loopback, path: str = "/file.yaml", **options: float) -> str:
    """Why the file cannot be had; one line that names the file and the way around."""
    with pytest.raises(DownloadError) as failure:
        await fetched(server, path, **options)
    said = str(failure.value)
    assert said.startswith(f"{server.url}{path} cannot be downloaded: ")
    assert said.endswith("use --mirror DIR with the folder that holds it")
    assert "\n" not in said
    return said.partition("cannot be downloaded: ")[2].partition(";")[0]


async def test_a_file_is_given_as_it_is() -> None:
    async with serving() as server:
        server.script("GET /file.yaml", raw(FILE))

        assert await fetched(server) == FILE


async def test_redirects_are_followed_as_release_pages_need() -> None:
    async with serving() as server:
        server.script("GET /latest.yaml", raw(b"", 302, Location="/file.yaml"))
        server.script("GET /file.yaml", raw(FILE))

        assert await fetched(server, "/latest.yaml") == FILE


async def test_redirects_in_a_circle_end() -> None:
    async with serving() as server:
        server.script("GET /file.yaml", raw(b"", 302, Location="/file.yaml"))

        assert "redirects" in await refused(server)


@pytest.mark.parametrize("code", [404, 500, 503])
async def test_a_refusal_is_told_by_its_number(code: int) -> None:
    async with serving() as server:
        server.script("GET /file.yaml", raw("<html>sorry</html>", code))

        assert await refused(server) == f"the server answered {code}"


async def test_a_server_that_never_answers_is_given_up() -> None:
    async with serving() as server:
        server.script("GET /file.yaml", silence)

        assert await refused(server, seconds=0.1) == "no answer within 0.1 s"


async def test_a_server_that_stops_in_the_middle_of_the_file_is_given_up() -> None:
    async def half(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(FILE)
        return await silence(request)

    async with serving() as server:
        server.script("GET /file.yaml", half)

        assert await refused(server, seconds=0.1) == "no answer within 0.1 s"


async def test_a_connection_cut_in_the_middle_gives_no_half_file() -> None:
    async def cut(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(FILE)
        assert request.transport
        request.transport.close()
        return response

    async with serving() as server:
        server.script("GET /file.yaml", cut)

        assert "closed connection" in await refused(server)


async def test_a_server_that_is_not_there_is_told_at_once() -> None:
    async with serving() as server:
        await server.stop()

        assert "refused" in await refused(server)


async def test_a_file_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "LIMIT", 1024 * 1024)
    sent = 0

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(65536))
            sent += 65536

    async with serving() as server:
        server.script("GET /file.yaml", endless)

        assert await refused(server) == "it is larger than 1 MiB"

    assert sent < 64 * 1024 * 1024


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/file.yaml", "http://[nonsense/file.yaml", "file.yaml"])
def test_an_address_that_is_none_of_the_web_is_told(url: str) -> None:
    with pytest.raises(DownloadError, match="cannot be downloaded"):
        HttpDownloads().fetch(url)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense", "http://127.0.0.1:1"])
def test_a_proxy_of_the_environment_that_does_not_work_is_told(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "")

    with pytest.raises(DownloadError, match=r"http://homelab\.invalid/file\.yaml cannot be downloaded"):
        HttpDownloads().fetch("http://homelab.invalid/file.yaml")


def test_a_file_of_authorities_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")

    with pytest.raises(DownloadError, match=r"https://127\.0\.0\.1:1/file\.yaml cannot be downloaded"):
        HttpDownloads().fetch("https://127.0.0.1:1/file.yaml")


async def test_a_server_that_speaks_no_http_is_told() -> None:
    async def banner(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport
        request.transport.write(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")
        request.transport.close()
        return web.Response()

    async with serving() as server:
        server.script("GET /file.yaml", banner)

        assert "illegal status line" in await refused(server)
