"""What the Kubernetes API answered, or failed to answer, as an error with its fix."""

from __future__ import annotations

import json
import os
import re
import ssl
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from homelab.ports import (
    ClusterError,
    Conflict,
    Contest,
    Exists,
    Forbidden,
    NotFound,
    NotServed,
    Outdated,
    Rejected,
    Unauthorized,
    Unavailable,
    Unreachable,
)


class Expired(ClusterError):
    """410: the version to go on from is no longer known; everything must be listed anew."""


NUMBERED: dict[int, type[ClusterError]] = {HTTPStatus.NOT_FOUND: NotFound, HTTPStatus.GONE: Expired}


def unreachable(error: Exception, server: str, kubeconfig: Path) -> Unreachable:
    """No answer: why, and what to look at."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
        fix = "check the clock of both machines, or fetch a new kubeconfig from the cluster"
        return Unreachable(f"the certificate of {server} is not accepted: {reason}; {fix}")
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return Unreachable(f"no TLS with {server}: {error}; is the server in {kubeconfig} the API server's address?")
    return Unreachable(
        f"the Kubernetes API at {server} is not reachable: {_why_unreachable(error)}; "
        f"is the master up, and is the server in {kubeconfig} its address?"
    )


def refusal(code: int, text: str, path: str, server: str, kubeconfig: Path) -> ClusterError:
    """What a status code means, in a sentence with the fix. `text` is a Status object or whatever a proxy said."""
    told = status(text)
    message = told.get("message") or _first_line(text.strip() or f"HTTP status {code}")
    if code == HTTPStatus.UNAUTHORIZED:
        return Unauthorized(
            f"{server} does not accept the credentials in {kubeconfig}: its client certificate or token "
            f"has expired or was replaced; fetch the kubeconfig anew (k3s: sudo systemctl restart k3s renews it; "
            f"kubeadm: sudo kubeadm certs renew admin.conf)"
        )
    if code == HTTPStatus.FORBIDDEN:
        return Forbidden(f"a right is missing: {message}; use the administrator's kubeconfig or grant that right")
    if code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(f"{path} answered {code}: {message}")
    if code == HTTPStatus.NOT_FOUND and not told:  # the path itself is unknown: its kind is just coming up
        return NotServed(f"{server} does not serve {path} (yet): {message}")
    return _conflict(told, message) if code == HTTPStatus.CONFLICT else NUMBERED.get(code, Rejected)(message)


def _conflict(told: dict[str, Any], message: str) -> ClusterError:
    if contests := _contests(told):
        return Conflict(message, contests)
    return (Exists if told.get("reason") == "AlreadyExists" else Outdated)(message)


def status(text: str) -> dict[str, Any]:
    """The Status object that a text is; empty where it is something else."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("kind") == "Status" else {}


def _contests(status: dict[str, Any]) -> tuple[Contest, ...]:
    """Who holds which field. Source: server-side apply's Status, causes with reason FieldManagerConflict."""
    causes = (status.get("details") or {}).get("causes") or []
    named = ((re.search(r'conflict with "([^"]+)"', cause.get("message", "")), cause) for cause in causes)
    return tuple(
        Contest(found[1] if found else "another manager", cause.get("field", "?"))
        for found, cause in named
        if cause.get("reason") == "FieldManagerConflict"
    )


def _why_unreachable(error: Exception) -> str:
    """In the system's own words; the library's repeat the address in three ways."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    number = error.os_error.errno if isinstance(error, aiohttp.ClientConnectorError) else None
    return os.strerror(number).lower() if number and number > 0 else _first_line(error)


def _first_line(text: object) -> str:
    lines = str(text).strip().splitlines()
    return lines[0][:300] if lines else type(text).__name__
