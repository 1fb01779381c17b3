"""Packages of which one part is used, without the rest of them.

The `__init__` of some loads all there is: requests, oauthlib, websocket and others, which nobody here uses, are 9 MB
of the console's memory, and a sixth of a second between its first paint and its first row.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec


def hollow(package: str) -> None:
    """Make a package known without running its `__init__`; what is below it is imported as ever.

    One that was loaded already is left as it is.
    """
    if package not in sys.modules and (spec := find_spec(package)):
        sys.modules[package] = made = module_from_spec(spec)
        parent, _, name = package.rpartition(".")
        if parent:
            setattr(sys.modules[parent], name, made)
