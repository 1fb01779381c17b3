"""The asynchronous half of the Kubernetes client, and of that what makes requests."""

from __future__ import annotations

from homelab.adapters.hollow import hollow

hollow("kubernetes")
hollow("kubernetes.aio")

from kubernetes.aio import client, config  # noqa: E402
from kubernetes.aio.config import kube_config  # noqa: E402

__all__ = ["client", "config", "kube_config"]
