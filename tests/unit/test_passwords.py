"""Hashes, judged by another program too: Debian's htpasswd."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path
from unittest.mock import patch

import pytest

from homelab.access.htpasswd import edited, users
from homelab.access.model import Edit, HashKind, Verb
from homelab.adapters import passwords
from homelab.adapters.passwords import LibpassPasswords

PASSWORDS = ("geheim", "with space", "käse ☂", "x" * 72, "-n", "$apr1$", "a:b", "'\"\\")
needs_htpasswd = pytest.mark.skipif(not shutil.which("htpasswd"), reason="needs apache2-utils")


def accepts(file: Path, name: str, password: str) -> bool:
    """What htpasswd says."""
    run = subprocess.run(["htpasswd", "-vi", file, name], input=password.encode(), capture_output=True, check=False)
    return run.returncode == 0


@needs_htpasswd
async def test_htpasswd_agrees_with_every_hash_that_is_written(tmp_path: Path) -> None:
    content, file = b"", tmp_path / "users"
    for number, password in enumerate(PASSWORDS):
        edit = Edit(Verb.ADD, f"user{number}", password)
        content = edited(content, edit, await LibpassPasswords().hash(password, 4 + number % 3))
    file.write_bytes(content)

    assert all(accepts(file, f"user{number}", password) for number, password in enumerate(PASSWORDS))
    assert not accepts(file, "user0", "Geheim")
    assert {user.kind for user in users(content)} == {HashKind.BCRYPT}


@needs_htpasswd
@pytest.mark.parametrize(("option", "kind"), [("-m", HashKind.APR1), ("-s", HashKind.SHA1), ("-B", HashKind.BCRYPT)])
async def test_what_htpasswd_writes_is_known_and_verified(option: str, kind: HashKind) -> None:
    made = subprocess.run(["htpasswd", "-ni", option, "anna"], input=b"geheim", capture_output=True, check=True).stdout

    hashed = made.decode().strip().partition(":")[2]

    assert users(made.strip())[0].kind is kind
    assert await LibpassPasswords().verify("geheim", hashed)
    assert not await LibpassPasswords().verify("Geheim", hashed)


@pytest.mark.parametrize("hashed", ["", "plain", "geheim", "$2y$05$short", "$2y$99$" + "a" * 53, "$apr1$", "{SHA}x"])
async def test_what_is_no_hash_verifies_nobody(hashed: str) -> None:
    assert not await LibpassPasswords().verify("geheim", hashed)
    assert not await LibpassPasswords().verify("geheim\0" + "x" * 80, "$2y$04$" + "a" * 53)


async def test_hashing_does_not_hold_up_the_screen() -> None:
    seen: list[threading.Thread] = []

    def noting(password: str, cost: int) -> str:
        seen.append(threading.current_thread())
        return "H"

    with patch.object(passwords, "_hash", noting):
        assert await LibpassPasswords().hash("geheim", 10) == "H"

    assert seen[0] is not threading.main_thread()


async def test_the_cost_that_is_asked_for_is_in_the_hash() -> None:
    assert [(await LibpassPasswords().hash("geheim", cost))[:7] for cost in (4, 5)] == ["$2y$04$", "$2y$05$"]
