"""What is told when a command fails: a sentence with the fix, never a stack trace."""

from __future__ import annotations

from homelab.access.htpasswd import Unfit
from homelab.access.users import NotSaved
from homelab.lab.process import LabError
from homelab.observe.text import clean
from homelab.plan.document import PlanError
from homelab.ports import ClusterError, DownloadError, SealError, StoreError
from homelab.stack.apply import Blocked, StageFailed
from homelab.stack.journal import Busy
from homelab.stack.render import RenderError
from homelab.stack.restore import OtherHome
from homelab.stack.upstream import UpstreamError
from tui.options import Refused

KNOWN = (
    Blocked,
    Busy,
    ClusterError,
    DownloadError,
    LabError,
    NotSaved,
    OSError,
    OtherHome,
    PlanError,
    Refused,
    RenderError,
    SealError,
    StageFailed,
    StoreError,
    Unfit,
    UpstreamError,
)


def explained(error: Exception) -> str | None:
    """The text for a person; None for a fault of ours, which deserves its trace."""
    if not isinstance(error, KNOWN):
        return None
    first, *rest = str(error).split("\n")
    return "\n".join([f"homelab-tui: {clean(first)}", *map(clean, rest)])
