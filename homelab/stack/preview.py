"""What a deploy of a plan would do to a cluster, looked at as a whole; the command line and the screen ask alike."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from homelab.plan.model import Plan
from homelab.ports import Cluster
from homelab.stack.compare import compare
from homelab.stack.deployment import Comparison
from homelab.stack.facts import facts
from homelab.stack.obstacles import obstacles
from homelab.stack.render import Rendered, render
from homelab.stack.upstream import Source


async def wished(cluster: Cluster, plan: Plan, source: Source, stages: Collection[str]) -> tuple[Rendered, ...]:
    """The objects of a plan for this cluster. Raises ClusterError, RenderError, UpstreamError, DownloadError."""
    found = await facts(cluster, plan)
    return await asyncio.to_thread(render, plan, found, source, stages)  # upstream files may have to be downloaded


async def preview(cluster: Cluster, plan: Plan, source: Source, stages: Collection[str]) -> Comparison:
    """What is in the way, and every object with what would become of it. Writes nothing; raises what `wished` does."""
    found = await obstacles(cluster, plan)
    rendered = await wished(cluster, plan, source, stages)
    return Comparison(found, await compare(cluster, rendered), rendered=rendered)
