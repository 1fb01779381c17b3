"""The lab's own deploy: the article's plan through the same code as anybody's, over HTTP."""

from __future__ import annotations

from functools import partial

from homelab.adapters.consul import ProxiedConsul
from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.process import Folder, Say
from homelab.lab.upstream import StandIns
from homelab.plan.model import Plan
from homelab.ports import Cluster, ClusterError
from homelab.stack.access import NAMESPACE
from homelab.stack.apply import Applying, Blocked, StageFailed
from homelab.stack.facts import facts
from homelab.stack.journal import Busy, Journal
from homelab.stack.progress import Event, StageBegun, StageEnded
from homelab.stack.render import RenderError, render
from homelab.stack.steps import steps
from homelab.stack.upstream import UpstreamError

FAILURES = (Blocked, Busy, ClusterError, OSError, RenderError, StageFailed, UpstreamError)


async def deploy(folder: Folder, plan: Plan, say: Say) -> bool:
    """Bring the stack onto the lab; whether it stands. What went wrong is said, and the lab goes on without."""
    try:
        cluster = await KubernetesCluster.connect(folder.kubeconfig)
        try:
            await _deploy(cluster, folder, plan, say)
        finally:
            await cluster.close()
    except FAILURES as error:
        say(f"not deployed: {error}")
        return False
    return True


async def _deploy(cluster: Cluster, folder: Folder, plan: Plan, say: Say) -> None:
    with Journal(folder.journal) as journal:
        rendered = render(plan, await facts(cluster, plan), StandIns())
        ends = steps(cluster, partial(ProxiedConsul, cluster, NAMESPACE), lambda finding: say(finding.text()))
        await Applying(cluster, journal, partial(_tell, say), ends).run(rendered)


def _tell(say: Say, event: Event) -> None:
    match event:
        case StageBegun(stage, objects):
            say(f"{stage}: {objects} objects")
        case StageEnded(stage, seconds):
            say(f"{stage}: ready, {seconds:.1f} s")
