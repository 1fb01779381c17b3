"""Certbot's files: packed for KV and put back; and what its certificates are when a client meets them."""

from __future__ import annotations

import base64
import gzip
import io
import shutil
import ssl
import tarfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from decisions import Certificate, Problem


def packed(config: Path, chosen: Iterable[Path]) -> str:
    """Files of certbot's folder as base64 of a tar.gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for file in sorted(chosen):
            tar.add(file, file.relative_to(config), recursive=False)
    return base64.b64encode(buffer.getvalue()).decode()


def unpacked(config: Path, text: str | bytes) -> None:
    """Put them back. Raises Problem, whatever is wrong with what was kept."""
    config.mkdir(parents=True, exist_ok=True)
    try:
        whole = gzip.decompress(base64.b64decode(text))  # unlike tarfile it compares the checksum
        with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as tar:
            tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)  # as Python's docs say
            tar.extractall(config)
    except Exception as error:  # a spoiled archive raises a dozen kinds
        raise Problem("unusable", f"what was kept cannot be unpacked: {type(error).__name__}: {error}") from None


def files(config: Path, host: str) -> list[Path]:
    """The files of the newest certificate: older ones would make the lineage outgrow a value of KV."""
    live = sorted((config / "live" / host).glob("*.pem"))
    return [*live, *(config / "live" / host / link.readlink() for link in live), config / "renewal" / f"{host}.conf"]


def examined(live: Path, host: str) -> Certificate:
    """A lineage's certificate, served to ourselves as any browser would meet it.

    Raises Problem when the key is another's, the host is not in it or its time is over.
    """
    chain, key = (live / "fullchain.pem").read_bytes(), (live / "privkey.pem").read_bytes()
    try:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(live / "fullchain.pem", live / "privkey.pem")
        leaf = ssl.PEM_cert_to_DER_cert(chain.decode().partition("-----END CERTIFICATE-----")[0] + ssl.PEM_FOOTER)
        facts = _met(server, leaf, host)
        names = {name: value for part in facts["issuer"] for name, value in part}
        begin, end = (
            datetime.fromtimestamp(ssl.cert_time_to_seconds(facts[n]), UTC) for n in ("notBefore", "notAfter")
        )
    except (ssl.SSLError, ValueError, LookupError, OverflowError) as error:
        raise Problem("unusable", f"the certificate cannot be served for {host}: {error}") from None
    issuer = " ".join(names[n] for n in ("organizationName", "commonName") if n in names)
    return Certificate(chain, key, sha256(leaf).hexdigest(), issuer, begin, end)


def _met(server: ssl.SSLContext, leaf: bytes, host: str) -> dict[str, Any]:
    """What a TLS client that trusts this leaf sees of it."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cadata=leaf)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = client.wrap_bio(back, there, server_hostname=host), server.wrap_bio(there, back, server_side=True)
    for end in ends * 3:
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return dict(ends[0].getpeercert() or {})


def discard(config: Path, host: str) -> None:
    """Delete a lineage that is of no use, which certbot would try to go on with."""
    for folder in ("live", "archive"):
        shutil.rmtree(config / folder / host, ignore_errors=True)
    (config / "renewal" / f"{host}.conf").unlink(missing_ok=True)
