"""The colours that there are. A theme is one entry here, a line of the registry and a word of the settings."""

from __future__ import annotations

from textual.theme import Theme

CALM = Theme(
    name="calm",
    primary="#7fb4ca",
    secondary="#9cabca",
    success="#98bb6c",
    warning="#e6c384",
    error="#f08490",
    foreground="#c8c6b8",
    background="#16171d",
    surface="#16171d",
    panel="#22232c",
    dark=True,
)
LIGHT = Theme(
    name="light",
    primary="#1f5a78",
    secondary="#3f5078",
    success="#2f5f14",
    warning="#7a4300",
    error="#a8122a",
    foreground="#22231f",
    background="#faf9f4",
    surface="#faf9f4",
    panel="#ebe9e0",
    dark=False,
)
CONTRAST = Theme(
    name="contrast",
    primary="#5fd7ff",
    secondary="#afd7ff",
    success="#5fff5f",
    warning="#ffd75f",
    error="#ff9d9d",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    dark=True,
)
TERMINAL = Theme(
    name="terminal",
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_blue",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    variables={
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "input-cursor-background": "ansi_default",
        "input-cursor-foreground": "ansi_default",
        "input-cursor-text-style": "reverse",
        "input-selection-background": "ansi_cyan",
        "input-selection-foreground": "ansi_black",
    },
)
"""Names of colours, which the terminal has its own for; nothing behind them is painted."""
COARSE = Theme(
    name="coarse",
    primary="#00a8a8",
    secondary="#00a8a8",
    success="#00d000",
    warning="#c9a227",
    error="#ff0000",
    foreground="#c8c6b8",
    background="#000000",
    surface="#000000",
    panel="#000000",
    dark=True,
)
"""For terminals of 16 colours, where the calm ones would all become white."""
THEMES = (CALM, LIGHT, CONTRAST, TERMINAL, COARSE)


def fitting(wanted: str, colors: str | None) -> str:
    """The theme's name, or of another one where the terminal has too few colours for it."""
    return COARSE.name if colors == "standard" and wanted != TERMINAL.name else wanted
