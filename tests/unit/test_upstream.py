"""Pinned files: downloaded once, proved by their sum, kept; or read from a folder that somebody carried over."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from loopback import Loopback, raw, serving

from homelab.adapters.downloads import HttpDownloads
from homelab.ports import DownloadError
from homelab.stack.upstream import Upstream, UpstreamError
from homelab.stack.versions import Pinned

FILE = b"kind: Namespace\n" * 1000
SUM = sha256(FILE).hexdigest()
WRONG = sha256(b"what somebody else put there").hexdigest()


@asynccontextmanager
async def publishing(data: bytes = FILE) -> AsyncIterator[tuple[Loopback, Pinned]]:
    """A server that has the file, and its pin."""
    async with serving() as server:
        server.script("GET /v1/metallb.yaml", raw(data))
        yield server, Pinned(f"{server.url}/v1/metallb.yaml", SUM)


async def read(cache: Path, pinned: Pinned, mirror: Path | None = None) -> bytes:
    return await asyncio.to_thread(Upstream(HttpDownloads(), cache, mirror).read, pinned)


def names(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def test_a_file_is_downloaded_proved_and_kept_under_its_sum(tmp_path: Path) -> None:
    cache = tmp_path / "made" / "when needed"
    async with publishing() as (_, pinned):
        assert await read(cache, pinned) == FILE

    assert names(cache) == [SUM]
    assert (cache / SUM).read_bytes() == FILE


async def test_a_kept_file_is_not_asked_for_again(tmp_path: Path) -> None:
    async with publishing() as (server, pinned):
        await read(tmp_path, pinned)
        again = await read(tmp_path, pinned)
        await server.stop()
        offline = await read(tmp_path, pinned)

    assert again == offline == FILE
    assert len(server.asked) == 1


@pytest.mark.parametrize("damage", [b"", FILE[:-1], FILE + b"x"])
async def test_a_damaged_kept_file_is_fetched_anew(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / SUM).write_bytes(damage)
    async with publishing() as (_, pinned):
        assert await read(tmp_path, pinned) == FILE

    assert names(tmp_path) == [SUM]
    assert (tmp_path / SUM).read_bytes() == FILE


async def test_a_file_with_another_sum_is_refused_and_not_kept(tmp_path: Path) -> None:
    async with publishing(FILE + b"# and a little more\n") as (_, pinned):
        with pytest.raises(UpstreamError) as refused:
            await read(tmp_path, pinned)

    assert f"{pinned.url} has the sha256 {sha256(FILE + b'# and a little more' + bytes([10])).hexdigest()}" in str(
        refused.value
    )
    assert f"pinned is {SUM}" in str(refused.value)
    assert "must not be used" in str(refused.value)
    assert names(tmp_path) == []


async def test_a_server_that_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    async with publishing() as (server, pinned):
        await server.stop()
        with pytest.raises(DownloadError):
            await read(tmp_path, pinned)

    assert names(tmp_path) == []


# --mirror


def nowhere(sum_: str = SUM) -> Pinned:
    """A pin whose server nobody can reach: what is read is read from the folder."""
    return Pinned("http://127.0.0.1:1/v1/metallb.yaml", sum_)


async def test_a_mirror_needs_neither_network_nor_cache(tmp_path: Path) -> None:
    mirror, cache = tmp_path / "mirror", tmp_path / "cache"
    mirror.mkdir()
    (mirror / "metallb.yaml").write_bytes(FILE)

    assert await read(cache, nowhere(), mirror) == FILE
    assert not cache.exists()


async def test_a_mirror_is_believed_no_more_than_the_web(tmp_path: Path) -> None:
    (tmp_path / "metallb.yaml").write_bytes(FILE)

    with pytest.raises(UpstreamError) as refused:
        await read(tmp_path / "cache", nowhere(WRONG), tmp_path)

    assert f"{tmp_path}/metallb.yaml has the sha256 {SUM}, pinned is {WRONG}" in str(refused.value)
    assert "fetch it anew from http://127.0.0.1:1/v1/metallb.yaml" in str(refused.value)


@pytest.mark.parametrize("folder", ["", "not there", "a file"])
async def test_a_mirror_without_the_file_says_which_one_and_where_it_comes_from(folder: str, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")

    with pytest.raises(UpstreamError) as refused:
        await read(tmp_path / "cache", nowhere(), tmp_path / folder)

    assert str(tmp_path / folder / "metallb.yaml") in str(refused.value)
    assert "must hold metallb.yaml from http://127.0.0.1:1/v1/metallb.yaml" in str(refused.value)


async def test_a_mirror_that_lacks_the_file_is_not_helped_out_by_the_cache_or_the_web(tmp_path: Path) -> None:
    cache, mirror = tmp_path / "cache", tmp_path / "mirror"
    mirror.mkdir()
    async with publishing() as (server, pinned):
        await read(cache, pinned)
        with pytest.raises(UpstreamError):
            await read(cache, pinned, mirror)

    assert len(server.asked) == 1


# A cache that cannot hold the file

PROGRAM = """
import sys
from pathlib import Path
from homelab.adapters.downloads import HttpDownloads
from homelab.stack.upstream import Upstream, UpstreamError
from homelab.stack.versions import Pinned
try:
    Upstream(HttpDownloads(), Path(sys.argv[1])).read(Pinned(sys.argv[2], sys.argv[3]))
except UpstreamError as error:
    sys.exit(f"refused: {error}")
"""


def with_small_files() -> None:
    """No file may grow beyond 4 KiB: to the program, what a full disk is."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


async def test_a_disk_without_room_is_told_and_holds_no_half_file(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    async with publishing() as (_, pinned):
        ended = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-B", "-c", PROGRAM, str(cache), pinned.url, SUM],
            preexec_fn=with_small_files,
            capture_output=True,
            text=True,
            check=False,
        )

    assert ended.stderr.startswith(f"refused: {cache} cannot hold the downloaded file: File too large; ")
    assert "set XDG_CACHE_HOME, or use --mirror DIR" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert names(cache) == []


async def test_a_cache_folder_whose_place_is_taken_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("somebody's file")
    async with publishing() as (_, pinned):
        with pytest.raises(UpstreamError, match="cannot hold the downloaded file"):
            await read(tmp_path / "cache", pinned)

    assert (tmp_path / "cache").read_text() == "somebody's file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_cache_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    async with publishing() as (_, pinned):
        with pytest.raises(UpstreamError, match="cannot hold the downloaded file: Permission denied"):
            await read(tmp_path, pinned)

    assert names(tmp_path) == []
