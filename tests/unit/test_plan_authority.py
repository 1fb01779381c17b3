"""The file of another CA's root: what is wrong with it is told by its line, and nothing but certificates leaves it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from certificates import lineage
from objects import article_plan

from homelab.finding import Finding
from homelab.plan.checks import CHECKS
from homelab.plan.model import Plan
from homelab.ports import Raw
from homelab.stack.render import Facts, RenderError, render
from homelab.stack.upstream import Upstream

ROOT = (Path(__file__).parent / "roots" / "root.pem").read_text()
BODY = "".join(ROOT.splitlines()[1:-1])
"""What stands between the lines that begin and end it."""


class NoNetwork:
    """Downloads of a machine without one."""

    def fetch(self, url: str) -> bytes:
        raise AssertionError(f"{url} was asked for")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as from the folder that they are in: sentences shorten a long way."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def key(tmp_path: Path) -> str:
    """A private key in PEM form."""
    return (lineage(tmp_path / "certbot") / "privkey.pem").read_text()


def with_root(file: Path, content: str | bytes | None) -> Plan:
    """The article's plan with another CA, whose root is in this file."""
    if content is not None:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    plan = article_plan()
    return replace(plan, certificates=replace(plan.certificates, server="https://ca.home.test/acme", ca=str(file)))


def told(plan: Plan) -> list[Finding]:
    return list(CHECKS["ca-file"].run(plan))


def issuer_of(plan: Plan) -> Raw:
    """The ConfigMap that the root goes into."""
    rendered = render(plan, Facts(), Upstream(NoNetwork(), Path("/nowhere")), ("certificates",))
    (found,) = [item.obj for item in rendered if str(item.ref) == "ConfigMap homelab/issuer"]
    return found


@pytest.mark.parametrize(
    "content",
    [
        ROOT,
        ROOT + ROOT,
        f"\ufeff{ROOT}",
        ROOT.replace("\n", "\r\n"),
        f"Certificate of K\u00fcche:\n{ROOT}# the end",
        f"-----BEGIN CERTIFICATE-----\n{BODY}\n-----END CERTIFICATE-----",
    ],
    ids=["one", "two", "with a byte order mark", "of Windows", "with words around it", "in one line"],
)
def test_a_root_is_taken_in_whatever_dress_it_comes(content: str) -> None:
    plan = with_root(Path("root.pem"), content)

    assert told(plan) == []
    assert issuer_of(plan)["data"]["ca.pem"] == ROOT * content.count("BEGIN")


@pytest.mark.parametrize("kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"])
def test_a_private_key_is_refused_by_its_line_and_never_leaves_the_file(key: str, kind: str) -> None:
    secret = key.replace("PRIVATE KEY", kind)
    plan = with_root(Path("root.pem"), f"{ROOT}{secret}{ROOT}")

    (finding,) = told(plan)

    assert (finding.at, finding.is_error) == ("certificates.ca", True)
    assert f"root.pem:{len(ROOT.splitlines()) + 1} begins a private key" in finding.what
    assert key.splitlines()[1] not in finding.text()
    assert issuer_of(plan)["data"]["ca.pem"] == ROOT + ROOT


def test_a_key_hidden_in_a_certificate_s_clothes_is_no_certificate(key: str) -> None:
    plan = with_root(Path("root.pem"), ROOT + key.replace("PRIVATE KEY", "CERTIFICATE"))

    (finding,) = told(plan)

    assert f"root.pem:{len(ROOT.splitlines()) + 1} begins a certificate that cannot be read" in finding.what
    assert issuer_of(plan)["data"]["ca.pem"] == ROOT


@pytest.mark.parametrize(
    "content",
    [
        ROOT.replace(BODY[64:128] + "\n", ""),
        ROOT.replace("-----END CERTIFICATE-----\n", ""),
        ROOT.replace(BODY[:8], "!" * 8),
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    ],
    ids=["a line lacks", "cut off", "no base64", "empty"],
)
def test_a_broken_certificate_is_told_by_its_line(content: str) -> None:
    plan = with_root(Path("root.pem"), content)

    (finding,) = told(plan)

    assert "root.pem:1 begins a certificate that cannot be read" in finding.what
    with pytest.raises(RenderError, match=r"certificates.ca: .*root.pem holds no certificate"):
        issuer_of(plan)


@pytest.mark.parametrize("content", [b"", b"pi1\n", b"\x30\x82\x01\x0a\xff\x00", ROOT.encode("utf-16")])
def test_a_file_without_a_certificate_is_told_with_the_way_to_have_one(content: bytes) -> None:
    plan = with_root(Path("root.pem"), content)

    (finding,) = told(plan)

    assert "root.pem holds no certificate" in finding.what
    assert "-----BEGIN CERTIFICATE-----" in finding.fix and "openssl x509 -inform der" in finding.fix


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "there is no file of that name"), ("x" * 300_000, "it is larger than 256 KiB")],
)
def test_what_cannot_be_read_is_told_as_it_is_for_other_files(content: str | None, words: str) -> None:
    plan = with_root(Path("root.pem"), content)

    (finding,) = told(plan)

    assert finding.what.endswith(f"root.pem cannot be read: {words}")
    with pytest.raises(RenderError, match=f"cannot be read: {words}"):
        issuer_of(plan)
