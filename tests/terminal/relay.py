"""A way to the lab's API that can be cut and that can refuse: run as a program, it stands between console and lab."""

from __future__ import annotations

import asyncio
import base64
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGSTOP

import yaml
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

PASSED_ON = ("Accept", "Content-Type")
FORBIDDEN = 'ingresses.networking.k8s.io is forbidden: User "anna" cannot list resource "ingresses"'


class Relay:
    """One way to a lab. Cutting it resets every connection; freezing it leaves them open and silent."""

    def __init__(self, folder: Path, lab: Path, refusing: Sequence[str] = ()) -> None:
        self._command = [sys.executable, __file__, str(lab), ",".join(refusing)]
        self._port = "0"
        self.kubeconfig = folder / "relay.kubeconfig"
        self.open()
        cluster = {"server": f"http://127.0.0.1:{self._port}"}
        context = {"cluster": "relay", "user": "relay"}
        told = {
            "clusters": [{"name": "relay", "cluster": cluster}],
            "users": [{"name": "relay", "user": {}}],
            "contexts": [{"name": "relay", "context": context}],
            "current-context": "relay",
        }
        self.kubeconfig.write_text(yaml.safe_dump(told))

    def open(self) -> None:
        """Let requests through, at the same place as ever."""
        self._process = subprocess.Popen([*self._command, self._port], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self._port = self._process.stdout.readline().strip()
        self._process.stdout.close()

    def cut(self) -> None:
        """Nobody is there any more."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Nobody answers any more."""
        self._process.send_signal(SIGSTOP)


@contextmanager
def relay(folder: Path, lab: Path, refusing: Sequence[str] = ()) -> Iterator[Relay]:
    """A way to the API of a lab's kubeconfig; paths that begin as `refusing` says get a 403."""
    made = Relay(folder, lab, refusing)
    try:
        yield made
    finally:
        made.cut()


async def serve(lab: Path, refusing: tuple[str, ...], port: int) -> None:
    """Pass requests on for ever."""
    known = yaml.safe_load(lab.read_text())
    cluster, user = known["clusters"][0]["cluster"], known["users"][0]["user"]
    trusted = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    session = ClientSession(connector=TCPConnector(ssl=trusted, limit=0), timeout=ClientTimeout(None))

    async def passed_on(request: web.BaseRequest) -> web.StreamResponse:
        if refusing and request.path.startswith(refusing):
            status = {"kind": "Status", "reason": "Forbidden", "message": FORBIDDEN, "code": 403}
            return web.json_response(status, status=403)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        headers["Authorization"] = f"Bearer {user['token']}"
        url = cluster["server"] + request.raw_path
        async with session.request(request.method, url, headers=headers, data=await request.read()) as answer:
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            async for part in answer.content.iter_any():
                await response.write(part)
        return response

    runner = web.ServerRunner(web.Server(passed_on))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    path, refused, at = sys.argv[1:]
    asyncio.run(serve(Path(path), tuple(filter(None, refused.split(","))), int(at)))
