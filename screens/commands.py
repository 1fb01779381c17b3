"""The one registry of what a person can do: footer, key map and help are made from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """Something to do with one key."""

    id: str
    key: str
    label: str
    """One or two words, for the footer."""
    help: str
    """One sentence."""
    screen: str | None = None
    """`module:Class` of the screen that a view opens. Named, not imported: it is loaded when it is opened."""
    pane: str | None = None
    """`module:Class` of the pane that the screen shows alone, and that the home screen shows among others."""
    keys: tuple[str, ...] = ()
    """Further keys that do the same."""
    on: str | None = None
    """`module:Class` of the pane to whose rows it does something; elsewhere its key is free."""
    asks: str | None = None
    """`module:function` that says what it would write, from the key of a row and the scene: a question, or why not."""


ALONE = "screens.dashboard.alone:Alone"
CERTIFICATES = "screens.dashboard.certificates:Certificates"
HOME = Command("view.home", "1", "home", "Everything at a glance.", screen="screens.dashboard.home:Home")
HELP = Command("help", "question_mark", "help", "What the keys and the signs mean.", keys=("f1",))
RENEW = Command(
    "certificates.renew",
    "r",
    "renew",
    "Order a new certificate for the host under the cursor, due or not; it asks first.",
    on=CERTIFICATES,
    asks="screens.dialogs.renewal:renewing",
)
QUIT = Command("quit", "q", "quit", "Leave; the cluster goes on without the console.", keys=("ctrl+c", "ctrl+q"))

COMMANDS: tuple[Command, ...] = (
    HOME,
    Command(
        "view.allocations",
        "2",
        "allocations",
        "Which Service holds which address, or why it has none.",
        screen=ALONE,
        pane="screens.dashboard.allocations:Allocations",
    ),
    Command(
        "view.routes",
        "3",
        "routes",
        "Which host leads where, and which Traefiks serve it.",
        screen=ALONE,
        pane="screens.dashboard.routes:Routes",
    ),
    Command(
        "view.certificates",
        "4",
        "certificates",
        "Which public host has which certificate, and for how long.",
        screen=ALONE,
        pane=CERTIFICATES,
    ),
    Command(
        "view.consul",
        "5",
        "consul",
        "How the servers fare that keep the certificates.",
        screen=ALONE,
        pane="screens.dashboard.consul:Consul",
    ),
    RENEW,
    HELP,
    QUIT,
)
"""In the order of the footer. A pane is shown on the home screen too, in this order."""

KEY_SIGNS = {"question_mark": "?"}
"""How a key is written where its name in Textual is a word."""

MOVES = (("tab", "pane"), ("↑ ↓", "row"))
"""Keys of every screen which are no commands, in a word for the footer."""
MOVES_HELP = (
    ("tab", "The next pane; shift+tab the one before."),
    ("↑ ↓  k j", "The row above or below."),
    ("pgup pgdn", "As many rows as are in view."),
    ("home end  g G", "The first and the last row."),
)
"""The same in sentences."""


def sign(command: Command) -> str:
    """The key as a person reads it."""
    return KEY_SIGNS.get(command.key, command.key)


def panes() -> tuple[str, ...]:
    """`module:Class` of every pane, in the order of the home screen."""
    return tuple(command.pane for command in COMMANDS if command.pane)
