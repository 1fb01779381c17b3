"""Which kubeconfig to use, and an API client made from it."""

from __future__ import annotations

import asyncio
import binascii
import logging
import os
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import yaml

from homelab.adapters import aio
from homelab.ports import ClusterError

K3S = Path("/etc/rancher/k3s/k3s.yaml")
"""Where k3s writes the administrator's kubeconfig. Source: k3s docs, cluster access."""

KEEPALIVE = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))
"""A dead peer is noticed after 25 s even on a stream on which nobody speaks."""

ONE = Lock()
"""Held by whoever makes a client."""
TURN_SECONDS = 0.01
"""Between two looks whether it is free; to make a client takes a few of these."""


class KubeconfigError(ClusterError):
    """No usable kubeconfig; the text says which file, why, and what to do."""


def find(wanted: str | None, environment: Mapping[str, str], home: Path) -> Path:
    """The kubeconfig to use: the option, `KUBECONFIG`, the one of the set-up, `~/.kube/config`, then k3s's own file.

    `KUBECONFIG` may list several files; the first that exists is used. Raises KubeconfigError.
    """
    if wanted:
        return _readable(_path(wanted))
    listed = [_path(part) for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    if listed:
        return _readable(next((path for path in listed if path.exists()), listed[0]))
    usual = [home / ".kube" / "config", K3S]
    for path in (link(environment, home), *usual):
        if _exists(path):
            return _readable(path)
    raise KubeconfigError(
        f"no kubeconfig: KUBECONFIG is not set and neither {usual[0]} nor {usual[1]} exists; "
        f"copy the cluster's kubeconfig to {usual[0]} or name it with --kubeconfig FILE"
    )


def link(environment: Mapping[str, str], home: Path) -> Path:
    """Where the set-up keeps which kubeconfig a person named: a symbolic link, so that the key stays in one place."""
    configuration = environment.get("XDG_CONFIG_HOME") or str(home / ".config")
    return Path(configuration) / "homelab-tui" / "kubeconfig"


def remember(wanted: str, environment: Mapping[str, str], home: Path) -> Path:
    """Use this file from now on where neither option nor `KUBECONFIG` names one. Raises KubeconfigError."""
    target, place = _readable(_path(wanted.strip())).absolute(), link(environment, home)
    if not target.is_file():
        raise KubeconfigError(f"kubeconfig {target} is no file; name the file itself")
    if target == place:
        return target
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(place)
    except OSError as error:
        raise KubeconfigError(
            f"{place} cannot be made: {error.strerror}; name the kubeconfig with --kubeconfig FILE or KUBECONFIG"
        ) from None
    return target


def server(path: Path, context: str | None) -> str | None:
    """URL of the API server that a kubeconfig leads to; None where it does not say."""
    try:
        document: Any = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        wanted = context or document["current-context"]
        chosen = next(one["context"]["cluster"] for one in document["contexts"] if one["name"] == wanted)
        return str(next(one["cluster"]["server"] for one in document["clusters"] if one["name"] == chosen))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError, KeyError, StopIteration):
        return None


def _path(text: str) -> Path:
    return Path(os.path.expanduser(text))  # unlike Path.expanduser it lets `~nobody` stand


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return True  # it is there, in a folder that we may not enter: _readable says so


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except FileNotFoundError:
        raise KubeconfigError(
            f"kubeconfig {path} does not exist; name the right file with --kubeconfig FILE or KUBECONFIG"
        ) from None
    except OSError as error:
        raise KubeconfigError(
            f"kubeconfig {path} cannot be read: {error.strerror}; "
            f"copy it to a file of yours: sudo install -m 600 -o $USER {path} ~/.kube/config"
        ) from None


async def client(path: Path, context: str | None) -> aio.client.ApiClient:
    """An API client with the file's server, trust and credentials. Raises KubeconfigError."""
    async with _alone():
        return await _client(path, context)


@asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """One at a time in the whole process: the library keeps its files, and what it logs, in one place for all."""
    while not ONE.acquire(blocking=False):  # whoever holds it may be of another thread's loop
        await asyncio.sleep(TURN_SECONDS)
    try:
        yield
    finally:
        ONE.release()


async def _client(path: Path, context: str | None) -> aio.client.ApiClient:
    configuration = aio.client.Configuration()
    try:
        # The library writes embedded keys to files for OpenSSL; they are read when the client is made and not after.
        with tempfile.TemporaryDirectory(prefix="homelab-tui-") as folder:
            with _plugin_errors() as errors:
                loader = await aio.config.load_kube_config(
                    config_file=str(path), context=context, client_configuration=configuration, temp_file_path=folder
                )
            if errors:
                raise _no_credentials(path, loader._user.value["exec"].get("command"), errors[0])
            configuration.api_key = {name: _token(text, path) for name, text in configuration.api_key.items()}
            made = aio.client.ApiClient(configuration=configuration)
    except aio.config.ConfigException as error:
        raise KubeconfigError(f"kubeconfig {path}: {_plain(error, path, context)}") from None
    except (ssl.SSLError, OSError, binascii.Error) as error:
        raise KubeconfigError(
            f"kubeconfig {path}: its certificate or key cannot be loaded ({error}); fetch the file anew"
        ) from None
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, KeyError):
        raise KubeconfigError(f"kubeconfig {path} is not a kubeconfig; name the right file with --kubeconfig") from None
    finally:
        aio.kube_config._temp_files.clear()  # the library would look for the same keys in the removed folder next time
    made.rest_client.pool_manager = _session(made)
    return made


@contextmanager
def _plugin_errors() -> Iterator[list[str]]:
    """What the library has against a credential plugin: it logs that to the terminal, and goes on anonymously."""
    said: list[str] = []

    def heard(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            said.append(record.getMessage())
        return False

    aio.kube_config.logger.addFilter(heard)
    try:
        yield said
    finally:
        aio.kube_config.logger.removeFilter(heard)


def _no_credentials(path: Path, command: object, error: str) -> KubeconfigError:
    reason = " ".join(error.split()).removeprefix("exec: ")
    return KubeconfigError(
        f"kubeconfig {path}: the command `{command}` gave no credentials: {reason}; "
        f"run it by hand to see why, or name a kubeconfig that needs no command with --kubeconfig"
    )


def _token(text: str, path: Path) -> str:
    """A token file ends with a newline, which may not stand in a header."""
    token = text.strip()
    if not token.isprintable():
        raise KubeconfigError(f"kubeconfig {path}: its token is damaged: it is more than one line; fetch the file anew")
    return token


def contexts(path: Path) -> list[str]:
    """Names of the contexts in a kubeconfig; empty when it has none or is no kubeconfig."""
    try:
        document: Any = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        return [entry["name"] for entry in document.get("contexts") or []]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError, KeyError):
        return []


def current(path: Path) -> str | None:
    """The context that a kubeconfig uses where none is named; None where it does not say."""
    try:
        document: Any = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        return str(document["current-context"])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError, KeyError):
        return None


def _plain(error: Exception, path: Path, context: str | None) -> str:
    known = contexts(path)
    if context and context not in known:
        return f"it has no context {context!r}; it has: {', '.join(known) or 'none'}"
    return f"{str(error).strip().rstrip('.')}; fetch the file anew or name another with --kubeconfig"


def _session(made: aio.client.ApiClient) -> aiohttp.ClientSession:
    """The library's session, but with sockets that notice a dead peer."""
    rest = made.rest_client
    connector = aiohttp.TCPConnector(limit=rest.maxsize, ssl=rest.ssl_context, socket_factory=_keepalive_socket)
    through_proxies = not _is_loopback(made.configuration.host)
    return aiohttp.ClientSession(connector=connector, trust_env=through_proxies, read_bufsize=2**21)


def _is_loopback(server: str) -> bool:
    """A proxy cannot reach this machine's own addresses, so none is asked for them, as kubectl does it."""
    host = urlsplit(server).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _keepalive_socket(address: Any) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
