"""Certificates and lineages as certbot leaves them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "a.cloud.example.test"
DAY = timedelta(days=1)


def lineage(config: Path, host: str = HOST, version: int = 1, age: timedelta = DAY, life: timedelta = 90 * DAY) -> Path:
    """A lineage in certbot's folder; its live folder."""
    key, authority = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name.from_rfc4514_string("CN=R11,O=Example CA")
    begin = datetime.now(UTC) - age
    leaf = (
        x509.CertificateBuilder(issuer, x509.Name([]), key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + life)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=True)
        .sign(authority, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    archive, live, renewal = config / "archive" / host, config / "live" / host, config / "renewal"
    for folder in (archive, live, renewal):
        folder.mkdir(parents=True, exist_ok=True)
    texts = {"cert": leaf, "chain": leaf, "fullchain": leaf + leaf, "privkey": private}
    for name, text in texts.items():
        (archive / f"{name}{version}.pem").write_bytes(text)
        (live / f"{name}.pem").unlink(missing_ok=True)
        (live / f"{name}.pem").symlink_to(f"../../archive/{host}/{name}{version}.pem")
    (renewal / f"{host}.conf").write_text("version = 5.8.0\n")
    return live
