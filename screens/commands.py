"""The one registry of what a person can do: footer, key map and help are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from string import punctuation
from unicodedata import name

CHOSEN: dict[str, str] = {}
"""Keys that a person has in the place of ours, by command; known before the first screen is loaded."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something to do, with one key or from the palette."""

    id: str
    usual: str | None
    """Its key, as Textual calls it, unless a person chose another; None: the palette alone has it."""
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
    """`module:Class` of the pane to whose rows it does something, ROWS or TABLES; elsewhere its key is free."""
    asks: str | None = None
    """`module:function` that says what it would write, from the key of a row and the scene: a question, a form, or why
    not."""
    wish: tuple[str, str] | None = None
    """The service and its method that do it, where it takes longer than a request or two."""
    begins: bool = False
    """Whether it begins what is written in the end, though it asks nothing yet."""
    is_quiet: bool = False
    """Whether the footer has no room for it; help, palette and README name it."""

    is_inner: bool = False
    """Whether a screen alone leads there: nothing names it."""

    @property
    def key(self) -> str | None:
        """What is pressed for it; None: the palette alone has it."""
        return CHOSEN.get(self.id, self.usual)

    @property
    def writes(self) -> bool:
        """Whether it leads to something that is written."""
        return self.begins or self.asks is not None


ROWS = "rows"
"""What can be done to every row that stands for objects of the cluster, in whatever pane."""
TABLES = "tables"
"""What can be done to every table."""
ALONE = "screens.dashboard.alone:Alone"
STAGES = "screens.deploy:Stages"
REVIEW = "screens.wizard.review:Review"
CERTIFICATES = "screens.dashboard.certificates:Certificates"
ROUTES = "screens.dashboard.routes:Routes"
TEXT, LOGS = "screens.inspect.text:Yaml", "screens.inspect.text:Logs"
USERS = "screens.users.pane:Users"
HOME = Command("view.home", "1", "home", "Everything at a glance.", screen="screens.dashboard.home:Home")
HELP = Command("help", "question_mark", "help", "What the keys and the signs mean.", keys=("f1",))
RENEW = Command(
    "certificates.renew",
    "r",
    "renew",
    "Order the certificate anew; it asks first.",
    on=CERTIFICATES,
    asks="screens.dialogs.renewal:renewing",
)
DEPLOY = Command(
    "view.deploy",
    "6",
    "deploy",
    "What a deploy would change, and how it goes.",
    screen="screens.deploy:Deploy",
)
DEPLOYING: tuple[Command, ...] = (
    Command("deploy.open", "enter", "open", "A stage's objects, an object's changes.", on=STAGES),
    Command(
        "deploy.apply",
        "a",
        "apply",
        "Bring the plan onto the cluster; asks first.",
        on=STAGES,
        asks="screens.dialogs.deploying:starting",
        wish=("deploy", "start"),
    ),
    Command(
        "deploy.stop",
        "x",
        "stop",
        "End it before its next step; asks first.",
        on=STAGES,
        asks="screens.dialogs.deploying:stopping",
        wish=("deploy", "stop"),
    ),
    Command("deploy.compare", "c", "compare", "Look again at what a deploy would change.", on=STAGES),
    Command("deploy.yaml", "d", "yaml", "The row as it is wished, as YAML.", on=STAGES),
)
USING: tuple[Command, ...] = (
    Command("users.add", "a", "add", "Add a user.", on=USERS, asks="screens.dialogs.users:adding"),
    Command("users.password", "p", "password", "Another password.", on=USERS, asks="screens.dialogs.users:changing"),
    Command(
        "users.rename", "r", "rename", "Another name, same password.", on=USERS, asks="screens.dialogs.users:renaming"
    ),
    Command(
        "users.remove",
        "delete",
        "remove",
        "Take a user away; asks first.",
        on=USERS,
        asks="screens.dialogs.users:removing",
    ),
    Command("users.verify", "v", "verify", "Try a password at the ingress.", on=USERS),
    Command(
        "users.undo",
        "u",
        "undo",
        "Take the last change back; asks first.",
        on=USERS,
        asks="screens.dialogs.users:undoing",
    ),
    Command("users.before", "left_square_bracket", "before", "The file of users before this one.", on=USERS),
    Command("users.behind", "right_square_bracket", "next", "The next file of users.", on=USERS),
    Command(
        "users.import",
        None,
        "Import users",
        "An htpasswd file's users to these; it asks.",
        on=USERS,
        asks="screens.dialogs.users:importing",
    ),
    Command("users.export", None, "Export users", "These users into an htpasswd file.", on=USERS),
)
APPS = "screens.expose.pane:Apps"
APP_FORM, APP_STEPS = "screens.expose.form:AppForm", "screens.expose.steps:Steps"
EXPOSING: tuple[Command, ...] = (
    Command("apps.expose", "a", "expose", "Put a Service on show.", on=APPS, begins=True),
    Command("apps.edit", "enter", "edit", "Another zone, name, port or password.", on=APPS, begins=True),
    Command("apps.follow", "f", "follow", "What has to come true until it answers.", on=APPS),
    Command(
        "apps.withdraw",
        "delete",
        "withdraw",
        "Take an app off again; asks first.",
        on=APPS,
        asks="screens.dialogs.apps:withdrawing",
    ),
    Command("apps.back", "escape", "back", "Back to the apps; what was begun goes on.", on=APP_STEPS),
    Command("apps.pick", None, "pick", "Which Service.", screen="screens.expose.pick:Pick", is_inner=True),
    Command("apps.form", None, "form", "How it is shown.", screen=APP_FORM, is_inner=True),
    Command("apps.steps", None, "steps", "How far it is.", screen="screens.expose.steps:Followed", is_inner=True),
    Command(
        "apps.apply",
        None,
        "apply",
        "Put it on show as it stands; asks first.",
        on=APP_FORM,
        asks="screens.dialogs.apps:applying",
        wish=("apps", "apply"),
        is_inner=True,
    ),
)
"""Those without a key are steps of putting an app on show, which lead from one to the next."""
DISCARD = Command(
    "setup.discard",
    "x",
    "discard",
    "Drop the answers, keep the plan; asks first.",
    on=REVIEW,
    asks="screens.dialogs.setting:discarding",
    wish=("setup", "discard"),
)
SETUP = Command("setup", "s", "set-up", "The plan, step by step; later its settings.")
PALETTE = Command("palette", "colon", "commands", "Everything that can be done now, by name.", keys=("ctrl+p",))
STEPS: tuple[Command, ...] = tuple(
    Command(f"setup.{step}", None, step, help, screen=f"screens.wizard.{step}:{step.capitalize()}")
    for step, help in (
        ("cluster", "Which cluster, and what is in the way."),
        ("nodes", "Its machines, and what to change on them."),
        ("addresses", "Who has which address, and which are free."),
        ("router", "The domains, and the text for your router."),
        ("certificates", "Who signs the public certificates."),
        ("configuration", "Your own lines for the external Traefik."),
        ("review", "The plan as it is written, and its changes."),
    )
)
"""Of the set-up, in their order; each is a setting later."""
FIRST_TIME = tuple(step for step in STEPS if step.label != "configuration")
"""Those that the first time asks for; the defaults of the others are right for a start."""
TABLE: tuple[Command, ...] = (
    Command("table.filter", "slash", "filter", "Rows with these words; ! first: without.", on=TABLES),
    Command("table.all", "escape", "all rows", "Take the filter away.", on=TABLES),
    Command("table.sort", "o", "sort", "By the next column, then as it was.", on=TABLES, is_quiet=True),
    Command("table.turn", "O", "turn", "The sorted column the other way round.", on=TABLES, is_quiet=True),
    Command("table.write", "w", "write", "The table to a file: text, JSON, CSV.", on=TABLES, is_quiet=True),
)
PAUSE = Command("pause", "z", "pause", "Let the screen stand still; again: go on.", is_quiet=True)
READ_ONLY = Command("read-only", "ctrl+r", "read-only", "Refuse all writing, or allow it again.", is_quiet=True)
THEMES: tuple[Command, ...] = tuple(
    Command(f"theme.{theme}", None, f"Theme: {theme}", help)
    for theme, help in (
        ("calm", "Quiet colours on dark."),
        ("light", "The same on light."),
        ("contrast", "High contrast, on black."),
        ("terminal", "The terminal's own colours."),
    )
)
LOOKING: tuple[Command, ...] = (
    Command(
        "routes.open",
        "enter",
        "chain",
        "Every hop of the route, and which breaks it.",
        screen="screens.dashboard.chain:RouteView",
        on=ROUTES,
    ),
    Command("rows.yaml", "y", "yaml", "The row's objects as YAML, without secrets.", screen=TEXT, on=ROWS),
    Command("rows.logs", "l", "logs", "What the pods behind the row say, live.", screen=LOGS, on=ROWS),
    Command(
        "rows.events",
        "e",
        "events",
        "What happened to the row's objects and pods.",
        screen="screens.inspect.events:EventsView",
        on=ROWS,
    ),
    Command("yaml.find", "slash", "find", "The next line with these words.", on=TEXT),
    Command("yaml.next", "n", "next", "The line after with the same words.", on=TEXT),
    Command("logs.filter", "slash", "filter", "Lines with these words; ! first: without.", on=LOGS),
    Command("logs.follow", "f", "follow", "Stay at the end, or let it move on.", on=LOGS),
    Command("logs.previous", "p", "previous", "What was said before the last restart.", on=LOGS),
    Command("rows.back", "escape", "back", "To the view before; q too.", on="screens.closer:Closer"),
)
QUIT = Command("quit", "q", "quit", "Leave; the cluster, a deploy too, goes on.", keys=("ctrl+c", "ctrl+q"))

COMMANDS: tuple[Command, ...] = (
    HOME,
    Command(
        "view.allocations",
        "2",
        "allocations",
        "Which Service has which address, or why not.",
        screen=ALONE,
        pane="screens.dashboard.allocations:Allocations",
    ),
    Command(
        "view.routes",
        "3",
        "routes",
        "Which host leads where, and who serves it.",
        screen=ALONE,
        pane=ROUTES,
    ),
    Command(
        "view.certificates",
        "4",
        "certificates",
        "Which host has which certificate, how long.",
        screen=ALONE,
        pane=CERTIFICATES,
    ),
    Command(
        "view.consul",
        "5",
        "consul",
        "The servers that keep the certificates.",
        screen=ALONE,
        pane="screens.dashboard.consul:Consul",
    ),
    DEPLOY,
    Command(
        "view.users",
        "7",
        "users",
        "Who may come in with a password, and where.",
        screen="screens.users.view:UsersView",
    ),
    Command(
        "view.apps",
        "8",
        "apps",
        "What is on show, to whom, and if it works.",
        screen="screens.expose.view:AppsView",
    ),
    *EXPOSING,
    RENEW,
    *USING,
    *DEPLOYING,
    SETUP,
    DISCARD,
    *STEPS,
    *LOOKING,
    *TABLE,
    PAUSE,
    READ_ONLY,
    *THEMES,
    PALETTE,
    HELP,
    QUIT,
)
"""In the order of the footer. A pane is shown on the home screen too, in this order."""

KEY_SIGNS = {
    **{name(char).lower().replace("-", "_").replace(" ", "_"): char for char in punctuation},
    **{"slash": "/", "backslash": "\\", "at": "@", "minus": "-", "plus": "+", "underscore": "_"},
    **{"escape": "esc", "delete": "del", "pageup": "pgup", "pagedown": "pgdn"},
}
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
    """The key as a person reads it; nothing where there is none."""
    return KEY_SIGNS.get(command.key, command.key) if command.key else ""


def key_words(command: Command) -> str:
    """Every key of a command."""
    return " ".join((sign(command), *command.keys))


def name_of(command: Command) -> str:
    """What the palette calls it."""
    return f"Set-up: {command.label}" if command in STEPS else command.label[:1].upper() + command.label[1:]


def panes() -> tuple[str, ...]:
    """`module:Class` of every pane, in the order of the home screen."""
    return tuple(command.pane for command in COMMANDS if command.pane)
