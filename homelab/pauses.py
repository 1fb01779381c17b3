"""How long to wait before trying again."""

from __future__ import annotations

import random
from collections.abc import Iterator

LONGEST = 10.0
"""Seconds."""


def pauses(longest: float = LONGEST) -> Iterator[float]:
    """Seconds before each next try: doubling up to `longest`, with jitter so that not all streams return at once."""
    ceiling = 0.25
    while True:
        ceiling = min(ceiling * 2, longest)
        yield random.uniform(ceiling / 2, ceiling)
