"""`pods/log`: what the real programs behind pods say; containers that run in name only say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from homelab.lab.api.asked import Asked
from homelab.lab.programs.words import Words
from homelab.lab.refusal import bad_request, not_found
from homelab.lab.store import Store
from homelab.observe.raw import dig, items, name, text
from homelab.ports import Raw, Ref

Said = Callable[[Raw, str, bool], Words | None]
"""What a container of a pod says, or said in the life before; None: nothing."""
LOOK_SECONDS = 0.1
"""Between two looks whether a log that is followed has grown."""
PIECE = 65536
LARGEST_TAIL = 4 << 20
"""Bytes from the end in which the last lines are looked for."""


def nothing(pod: Raw, container: str, previous: bool) -> None:
    """Of clusters whose containers all run in name only."""


async def logged(store: Store, asked: Asked, said: Said) -> web.StreamResponse:
    """The answer of `pods/NAME/log`. Raises Refusal 400, 404."""
    if not (pod := store.get(asked.place.ref)):
        raise not_found(asked.place.resource, asked.place.ref.name)
    container, previous = _container(pod, asked.option("container")), asked.flag("previous")
    tail, most = asked.number("tailLines"), asked.number("limitBytes", least=1)
    words = said(pod, container, previous)
    if previous and words is None:
        raise bad_request(f'previous terminated container "{container}" in pod "{name(pod)}" not found')
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(asked.request)
    at = _first(words, tail) if words else 0
    follows = asked.flag("follow") and not previous
    while True:
        goes_on = follows and _is_there(store, pod)
        now = said(pod, container, previous)
        words = words or now
        if words is not None:
            over = words.end if now is None or now.begin == words.begin else now.begin
            end = (now.end if now is not None and now.begin == words.begin else over) or None
            at, most = await _sent(response, words, at, end, most)
            goes_on = goes_on and end is None
        if not goes_on or most == 0:
            break
        await asyncio.sleep(LOOK_SECONDS)
    await response.write_eof()
    return response


def _container(pod: Raw, wanted: str) -> str:
    """The one that is meant, if it has begun. Raises Refusal 400."""
    every = [name({"metadata": one}) for part in ("initContainers", "containers") for one in items(pod, "spec", part)]
    mains = [name({"metadata": one}) for one in items(pod, "spec", "containers")]
    if not wanted and len(mains) > 1:
        raise bad_request(f"a container name must be specified for pod {name(pod)}, choose one of: [{' '.join(every)}]")
    found = wanted or mains[0]
    if found not in every:
        raise bad_request(f"container {found} is not valid for pod {name(pod)}")
    statuses = [*items(pod, "status", "initContainerStatuses"), *items(pod, "status", "containerStatuses")]
    status = next((one for one in statuses if one.get("name") == found), None)
    waits = status is None or (dig(status, "state", "waiting") and not dig(status, "lastState", "terminated"))
    if waits:
        why = text(status, "state", "waiting", "reason") or "ContainerCreating"
        raise bad_request(f'container "{found}" in pod "{name(pod)}" is waiting to start: {why}')
    return found


def _is_there(store: Store, pod: Raw) -> bool:
    found = store.get(Ref.of(pod))
    alive = bool(found and found["metadata"]["uid"] == pod["metadata"]["uid"])
    return alive and text(found, "status", "phase") not in {"Succeeded", "Failed"}


def _first(words: Words, tail: int | None) -> int:
    """Where the wanted lines begin."""
    if tail is None:
        return words.begin
    with open(words.path, "rb") as file:
        end = words.end if words.end is not None else file.seek(0, 2)
        begin = max(words.begin, end - LARGEST_TAIL)
        file.seek(begin)
        lines = file.read(end - begin).splitlines(keepends=True)
    return end - sum(map(len, lines[len(lines) - tail :] if tail < len(lines) else lines))


async def _sent(
    response: web.StreamResponse, words: Words, at: int, end: int | None, most: int | None
) -> tuple[int, int | None]:
    """Send what there is; how far that went, and how many bytes may follow."""
    with open(words.path, "rb") as file:
        file.seek(at)
        while True:
            room = min([PIECE, *([end - at] if end is not None else []), *([most] if most is not None else [])])
            if room <= 0 or not (piece := file.read(room)):
                return at, most
            await response.write(piece)
            at += len(piece)
            most = None if most is None else most - len(piece)
