"""Names and what is to be said of them, side by side."""

from __future__ import annotations

from collections.abc import Iterable

from homelab.observe.text import cells, clean, padded, wrapped
from screens.widgets.lines import Line

GAP = "  "


def definitions(pairs: Iterable[tuple[str, str]], width: int, style: str = "dim") -> list[Line]:
    """One column of names, as wide as the widest, and the sentences beside it, wrapped; no line is wider than that."""
    told = [(clean(name), clean(sentence)) for name, sentence in pairs]
    room = min(max((cells(name) for name, _ in told), default=0), width // 2 - 2 * len(GAP))
    found: list[Line] = []
    for name, sentence in told:
        for at, part in enumerate(wrapped(sentence, width - room - 2 * len(GAP))):
            shown = name if at == 0 else ""
            found.append(((f"{GAP}{padded(shown, room)}{GAP}", style), (part.strip(), "")))
    return found
