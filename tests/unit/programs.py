"""The programs that run in the cluster, imported as they import each other there: by name, from one folder."""

import sys
from pathlib import Path

import manifests

FOLDERS = [Path(manifests.__path__[0]) / name for name in ("config", "certificates")]
sys.path.extend(map(str, FOLDERS))

import challenge  # noqa: E402 - only now it can be found
import decisions  # noqa: E402
import dynamic  # noqa: E402
import issuer  # noqa: E402
import kube  # noqa: E402
import lineage  # noqa: E402
import loader  # noqa: E402
import locking  # noqa: E402

__all__ = ["challenge", "decisions", "dynamic", "issuer", "kube", "lineage", "loader", "locking"]
