"""Certbot's files in KV and back, and certificates that are met by a client before they are given to anybody."""

from __future__ import annotations

import base64
import io
import json
import ssl
import tarfile
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import certificates
import pytest
from certificates import DAY, HOST
from programs import decisions, issuer, lineage


def test_a_lineage_comes_back_as_it_was_without_older_versions(tmp_path: Path) -> None:
    for version in (1, 2):
        live = certificates.lineage(tmp_path / "before", version=version)

    text = lineage.packed(tmp_path / "before", lineage.files(tmp_path / "before", HOST))
    lineage.unpacked(tmp_path / "after", text)

    after = tmp_path / "after" / "live" / HOST
    assert {file.name for file in (tmp_path / "after/archive" / HOST).iterdir()} == {
        f"{name}2.pem" for name in ("cert", "chain", "fullchain", "privkey")
    }
    assert (after / "privkey.pem").is_symlink()
    assert (after / "privkey.pem").read_bytes() == (live / "privkey.pem").read_bytes()
    assert (tmp_path / "after/renewal" / f"{HOST}.conf").exists()


def test_a_packed_file_cannot_leave_the_folder(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))

    with pytest.raises(decisions.Problem, match="OutsideDestination"):
        lineage.unpacked(tmp_path / "config", base64.b64encode(buffer.getvalue()))

    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    "spoil", [lambda raw: raw[:300], lambda raw: raw[:-900] + bytes(100) + raw[-800:], lambda _: b""]
)
def test_an_archive_that_was_cut_or_overwritten_is_unusable(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    certificates.lineage(tmp_path / "before")
    raw = base64.b64decode(lineage.packed(tmp_path / "before", lineage.files(tmp_path / "before", HOST)))

    with pytest.raises(decisions.Problem, match="cannot be unpacked"):
        lineage.unpacked(tmp_path / "after", base64.b64encode(spoil(raw)))


def test_the_facts_of_a_certificate_are_those_a_client_sees(tmp_path: Path) -> None:
    live = certificates.lineage(tmp_path)

    found = lineage.examined(live, HOST)

    der = ssl.PEM_cert_to_DER_cert((live / "cert.pem").read_text())
    assert found.fingerprint == sha256(der).hexdigest()
    assert found.issuer == "Example CA R11"
    assert found.not_after - found.not_before == 90 * DAY
    assert found.chain == (live / "fullchain.pem").read_bytes()
    assert "PRIVATE" not in repr(found)


@pytest.mark.parametrize(
    ("host", "age", "words"),
    [(HOST, 91 * DAY, "expired"), (HOST, -DAY, "not yet valid"), ("b.example.test", timedelta(0), "b.example.test")],
)
def test_a_certificate_that_no_client_would_take_is_unusable(
    tmp_path: Path, host: str, age: timedelta, words: str
) -> None:
    live = certificates.lineage(tmp_path, age=age)

    with pytest.raises(decisions.Problem, match=words) as refused:
        lineage.examined(live, host)

    assert refused.value.kind == "unusable"


def test_a_certificate_with_the_key_of_another_is_unusable(tmp_path: Path) -> None:
    live = certificates.lineage(tmp_path / "one")
    other = certificates.lineage(tmp_path / "other")
    (live / "privkey.pem").write_bytes((other / "privkey.pem").read_bytes())

    with pytest.raises(decisions.Problem, match="KEY_VALUES_MISMATCH"):
        lineage.examined(live, HOST)


def test_a_lineage_of_no_use_is_gone_to_the_last_file(tmp_path: Path) -> None:
    certificates.lineage(tmp_path)
    certificates.lineage(tmp_path, "b.example.test")

    lineage.discard(tmp_path, HOST)

    assert not [path for path in tmp_path.rglob("*") if HOST in path.name]
    assert lineage.examined(tmp_path / "live" / "b.example.test", "b.example.test")


SETTINGS = issuer.Settings("https://acme.example.test/dir", "example.test", "homelab", "mirrors", "a=b")


def test_certbot_decides_itself_unless_a_person_did() -> None:
    usual = issuer.command(SETTINGS, HOST)
    assert "--keep-until-expiring" in usual
    assert "--register-unsafely-without-email" in usual
    assert not {"--email", "--preferred-profile", "--force-renewal"} & set(usual)

    values = {"ACME_EMAIL": "me@example.test", "ACME_PROFILE": "shortlived", "RENEW": f"other {HOST}"}
    needed = {
        "ACME_SERVER": "u",
        "EXTERNAL_DOMAIN": "d",
        "HOMELAB_NAMESPACE": "n",
        "HOMELAB_MIRRORS": "m",
        "TRAEFIK_SELECTOR": "s",
    }
    asked = issuer.command(issuer.Settings.of(needed | values), HOST)
    assert asked[asked.index("--email") + 1] == "me@example.test"
    assert asked[asked.index("--preferred-profile") + 1] == "shortlived"
    assert "--force-renewal" in asked


def test_what_the_environment_lacks_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert issuer.main({}) == 1
    assert "the environment lacks 'ACME_SERVER'" in capsys.readouterr().out


def test_a_fault_of_the_program_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("ACME_SERVER", "EXTERNAL_DOMAIN", "HOMELAB_NAMESPACE", "HOMELAB_MIRRORS", "TRAEFIK_SELECTOR")

    assert issuer.main(dict.fromkeys(names, "x") | {"KEEP_DAYS": "many"}) == 1

    said = capsys.readouterr()
    assert "ValueError at issuer.py:" in json.loads(said.out)["error"]
    assert not said.err


@pytest.mark.parametrize(("host", "url"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")])
def test_the_api_is_where_the_environment_of_a_pod_says(host: str, url: str) -> None:
    assert issuer.api_address({"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}) == url
