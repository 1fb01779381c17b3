"""Asking a web server at an address of our choice."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest
from aiohttp import web
from loopback import Stream, certificate, raw, serving, silence, tls

from homelab.adapters.web import BYTES, HttpWeb
from homelab.ports import WebError

HERE, NAME = IPv4Address("127.0.0.1"), "whoami.home.test"


async def test_the_address_is_asked_for_the_urls_host_and_no_redirect_is_followed() -> None:
    async with serving() as server:
        server.script("GET /", raw(b"", 301, Location="https://elsewhere.test/"))

        found = await HttpWeb().get(f"http://{NAME}:{server.port}/", HERE)

        assert (found.status, found.headers["location"]) == (301, "https://elsewhere.test/")
        (asked,) = server.asked
        assert asked.headers["Host"] == f"{NAME}:{server.port}"


async def test_over_https_the_name_is_asked_for_and_the_certificate_is_not_verified(tmp_path: Path) -> None:
    context, asked = tls(*certificate(tmp_path)), []
    context.sni_callback = lambda _, name, __: asked.append(name)
    async with serving(context) as server:
        found = await HttpWeb().get(f"https://{NAME}:{server.port}/", HERE)

    assert (found.status, asked) == (404, [NAME])


async def test_the_environments_proxy_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")

        assert (await HttpWeb().get(f"http://{NAME}:{server.port}/", HERE)).status == 404


async def test_of_the_body_the_first_bytes_are_read_and_they_are_not_waited_for_for_ever() -> None:
    async with serving() as server:
        endless = Stream()
        endless.write(b"404 page")
        server.script("GET /", raw("x" * 1_000_000), raw("404 page not found\n", 404), endless)
        url = f"http://{NAME}:{server.port}/"

        long, short = [(await HttpWeb().get(url, HERE)).start for _ in range(2)]
        halted = (await HttpWeb(0.1).get(url, HERE)).start

    assert (len(long), short, halted) == (BYTES, b"404 page not found\n", b"404 page")


async def test_a_body_that_breaks_off_is_an_answer_all_the_same() -> None:
    async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport
        request.transport.close()
        return response

    async with serving() as server:
        server.script("GET /", hang_up)

        found = await HttpWeb().get(f"http://{NAME}:{server.port}/", HERE)

    assert (found.status, found.start) == (200, b"half")


async def test_nobody_there_is_told_in_the_systems_words() -> None:
    async with serving() as server:
        port = server.port
    with pytest.raises(WebError, match=f"^127.0.0.1 port {port} did not answer: connection refused$"):
        await HttpWeb().get(f"http://{NAME}:{port}/", HERE)


async def test_silence_ends_in_time() -> None:
    async with serving() as server:
        server.script("GET /", silence)
        with pytest.raises(WebError, match=r"did not answer within 0\.1 s$"):
            await HttpWeb(0.1).get(f"http://{NAME}:{server.port}/", HERE)


async def test_what_is_no_http_is_told(tmp_path: Path) -> None:
    async with serving(tls(*certificate(tmp_path))) as server:
        with pytest.raises(WebError, match="did not answer: "):
            await HttpWeb().get(f"http://{NAME}:{server.port}/", HERE)
    async with serving() as server:
        with pytest.raises(WebError, match="did not answer: "):
            await HttpWeb().get(f"https://{NAME}:{server.port}/", HERE)
