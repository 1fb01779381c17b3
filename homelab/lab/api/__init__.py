"""The Kubernetes API of the lab over HTTP."""

from homelab.lab.api.server import serving

__all__ = ["serving"]
