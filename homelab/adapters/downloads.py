"""Files from the web over httpx."""

from __future__ import annotations

import httpx

from homelab.ports import DownloadError

LIMIT = 16 * 1024 * 1024
"""Bytes; upstream manifests are far below, so more is something else."""
SECONDS = 20.0
"""For connecting, and for each pause within the file."""


class HttpDownloads:
    """Keeps `ports.Downloads`."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds

    def fetch(self, url: str) -> bytes:
        """The file's bytes; redirects are followed. Raises DownloadError."""
        try:
            with httpx.stream("GET", url, follow_redirects=True, timeout=self._seconds) as answer:
                answer.raise_for_status()
                return _bounded(answer, url)
        except httpx.HTTPStatusError as error:
            raise _failed(url, f"the server answered {error.response.status_code}") from None
        except httpx.TimeoutException:
            raise _failed(url, f"no answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ImportError) as error:
            # The last three: a proxy or a file of authorities in the environment that httpx cannot use.
            raise _failed(url, str(error) or type(error).__name__) from None


def _bounded(answer: httpx.Response, url: str) -> bytes:
    data = bytearray()
    for part in answer.iter_bytes():
        data += part
        if len(data) > LIMIT:
            raise _failed(url, f"it is larger than {LIMIT // 1024 // 1024} MiB")
    return bytes(data)


def _failed(url: str, reason: str) -> DownloadError:
    return DownloadError(
        f"{url} cannot be downloaded: {reason}; "
        f"check the network, or fetch the file elsewhere and use --mirror DIR with the folder that holds it"
    )
