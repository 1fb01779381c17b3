"""The issuer as it is, with a small CA of the lab's where certbot and a real CA would be; a process of its own.

What it decides, locks, writes, restores, mirrors and forgets is the issuer's own; no challenge is asked or answered.
PYTHONPATH names the folders of its modules, which import each other by name as they do in their pod.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import issuer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID
from decisions import State
from kube import Kubernetes

from homelab.lab.programs.given import ACCOUNT, AUTHORITY, STATE

LIFE = timedelta(days=90)
"""Of a certificate, as most CAs give it."""
LONGEST_NAME = 64
"""Characters of a common name; a host may have more. Source: RFC 5280, appendix A."""


class LabRun(issuer.Run):
    """A run whose certificates come from the lab."""

    def fetch(self, states: Mapping[str, State]) -> None:
        """One after the other; nobody has to prove that a host is theirs."""
        for state in states.values():
            self.certify(state)

    def _certbot(self, host: str) -> tuple[str, int]:
        """Leave behind what certbot would, for the issuer to examine, pack and publish."""
        config = self.settings.config
        live, archive = config / "live" / host, config / "archive" / host
        for folder in (live, archive, config / "renewal"):
            folder.mkdir(parents=True, exist_ok=True)
        for name, content in _lineage(host, Path(os.environ[AUTHORITY]).read_bytes()).items():
            (archive / f"{name}1.pem").write_bytes(content)
            link = live / f"{name}.pem"
            link.unlink(missing_ok=True)
            link.symlink_to(Path("..") / ".." / "archive" / host / f"{name}1.pem")
        (config / "renewal" / f"{host}.conf").touch()
        return "", 0


@dataclass(frozen=True)
class LabSettings(issuer.Settings):
    """The same, in a folder of the lab's."""

    state: Path = Path(os.environ.get(STATE, "/state"))


def _lineage(host: str, authority: bytes) -> dict[str, bytes]:
    """A new certificate by the names that certbot gives its files."""
    ca, signer = x509.load_pem_x509_certificate(authority), load_pem_private_key(authority, None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)] if len(host) <= LONGEST_NAME else [])
    number = x509.random_serial_number()
    built = x509.CertificateBuilder(ca.subject, name, key.public_key(), number, now, now + LIFE)
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=not name.rdns)
    known = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    leaf = built.add_extension(known, critical=False).sign(signer, SHA256()).public_bytes(Encoding.PEM)
    chain = ca.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"cert": leaf, "chain": chain, "fullchain": leaf + chain, "privkey": secret}


def main() -> int:
    """The issuer's own run, with what the lab has in place of a pod's fixed places and of certbot."""
    account = partial(Kubernetes, account=Path(os.environ[ACCOUNT]))
    vars(issuer).update(Run=LabRun, Settings=LabSettings, Kubernetes=account)
    return issuer.main()


if __name__ == "__main__":
    sys.exit(main())
