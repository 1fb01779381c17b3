"""A certificate for the lab's API: kubectl and Traefik send a token over TLS only. Source: client-go, clientcmd."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=3650)
"""No lab lives so long: the key is made anew with each, and kept in memory alone."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the API is: whoever trusts `certificate` knows it again."""

    certificate: bytes
    """PEM; signed by itself."""
    context: ssl.SSLContext
    """For serving with it."""


def identity(address: str) -> Identity:
    """A new one for an IP address of this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(address, key).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Identity(certificate, _context(certificate + secret))


def authority() -> bytes:
    """Certificate and key of a CA for the hosts of the external ingress, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "homelab-tui lab CA")])
    now, public = datetime.now(UTC), key.public_key()
    built = x509.CertificateBuilder(name, name, public, x509.random_serial_number(), now, now + LIFE)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    built = built.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return built.sign(key, SHA256()).public_bytes(Encoding.PEM) + secret


def _certificate(address: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "homelab-tui lab")])
    now, public = datetime.now(UTC), key.public_key()
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (
        (x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False),
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (x509.KeyUsage(True, key_cert_sign=True, crl_sign=False, decipher_only=False, **usage), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False),
    )
    built = x509.CertificateBuilder(name, name, public, x509.random_serial_number(), now - LIFE / 3650, now + LIFE)
    for extension, critical in extensions:
        built = built.add_extension(extension, critical)
    return built.sign(key, SHA256())


def _context(pem: bytes) -> ssl.SSLContext:
    """OpenSSL reads keys from files only, so it gets one that is nowhere on a disk."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    descriptor = os.memfd_create("homelab-lab", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, pem)
        made.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return made
