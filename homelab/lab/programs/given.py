"""Variables by which the lab tells its issuer what a pod would find at fixed places."""

from __future__ import annotations

ACCOUNT = "HOMELAB_LAB_ACCOUNT"
"""The folder that a cluster mounts for the service account."""
AUTHORITY = "HOMELAB_LAB_AUTHORITY"
"""The file with the CA's certificate and key."""
STATE = "HOMELAB_LAB_STATE"
"""The folder that is `/state` in a pod."""
