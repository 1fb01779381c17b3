"""Stand-ins for the pinned upstream files, so that the lab needs neither network nor cache."""

from __future__ import annotations

from importlib.resources import files

from homelab.stack.upstream import UpstreamError
from homelab.stack.versions import Pinned, versions


class StandIns:
    """Takes the place of `Upstream` where the cluster is the lab. What it gives is ours, so no sum is asked for."""

    def __init__(self) -> None:
        self._entries = {pinned.url: name for name, pinned in versions().upstream.items()}

    def read(self, pinned: Pinned) -> bytes:
        """The stand-in for a pinned file. Raises UpstreamError when there is none."""
        name = self._entries.get(pinned.url)
        found = files("homelab.lab") / "standins" / f"{name}.yaml"
        if name is None or not found.is_file():
            raise UpstreamError(f"the lab has no stand-in for {pinned.url}; write homelab/lab/standins/ENTRY.yaml")
        return found.read_bytes()
