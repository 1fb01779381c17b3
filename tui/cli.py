"""The command line: what there is to type, and which function does it.

Only argparse is imported here; what does a command is imported when it runs: `plan check` needs no Kubernetes client.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import NoReturn, get_args

from homelab.plan.model import RouterKind
from homelab.stack.components import INCLUDE, STAGES
from tui.options import Options, Refused
from tui.settings import brief, file, load

FINE, FAILED, WRONG_USE = 0, 1, 2
"""Exit codes. The diffs alone have their own meaning of 1 (there are changes) and 2 (it failed)."""

DIFFS = frozenset({"tui.headless.stack:diff", "tui.headless.config:diff"})
ROUTERS = get_args(RouterKind)
CONSOLE = "tui.console:console"
"""What is done where no command is named."""
LAB = "tui.headless.lab:lab"
SETUP = "tui.headless.setup:setup"
SETTINGS = "tui.headless.settings:settings"
LAB_OPTIONS = (
    ("--lab", "deployed", "use the embedded cluster; it ends with its last user"),
    ("--lab=bare", "bare", "the same without the stack"),
)
"""Two options rather than one with a value that may be left out: that one would take the command's name for it."""

Command = Callable[[argparse.Namespace, Options], int]


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say; the exit code."""
    parser = build()
    parsed = parser.parse_args(arguments)
    module, _, function = parsed.command.partition(":")
    command: Command = getattr(import_module(module), function)
    try:
        options = _settled(Options.of(parsed), parsed)
        if options.lab and parsed.command not in (CONSOLE, LAB) and not _on_screen(parsed):
            from tui.headless.lab import on_lab  # noqa: PLC0415 - only the lab needs it

            code = on_lab(command, parsed, options)
        else:
            code = command(parsed, options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has gone, as in `| head`
        _let_go()
        return FAILED
    except Exception as error:
        if isinstance(error, OSError):
            _let_go()
        from tui.headless.failures import explained  # noqa: PLC0415 - only a failure needs it

        if (text := explained(error)) is None:
            raise
        print(text, file=sys.stderr)
        return _code(error, parsed)
    return code


def _settled(options: Options, parsed: argparse.Namespace) -> Options:
    """With what the settings' file says. Raises Refused where that is wrong and there is no screen to tell it on."""
    found = load(file())
    trouble = brief(found, file())
    if trouble and not (parsed.command in (CONSOLE, SETTINGS) or _on_screen(parsed)):
        raise Refused(f"{trouble}\n`homelab-tui settings check` says everything")
    if found.settings.keys:
        import_module("screens.keys").choose(found.settings.keys)
    return replace(options, settings=found.settings, trouble=trouble)


def _on_screen(parsed: argparse.Namespace) -> bool:
    """Whether the set-up asks its questions itself: then the console brings the lab."""
    return bool(parsed.command == SETUP and parsed.answers is None)


def _let_go() -> None:
    from tui.headless.terminal import let_go  # noqa: PLC0415 - only a failure needs it

    let_go()


def _code(error: Exception, parsed: argparse.Namespace) -> int:
    return WRONG_USE if isinstance(error, Refused) or parsed.command in DIFFS else FAILED


def build() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    shared = _shared()
    parser = _Parser(
        prog="homelab-tui",
        description="A console for the Kubernetes cluster at home.",
        parents=[shared],
        allow_abbrev=False,
    )
    parser.set_defaults(command=CONSOLE)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    adding = _Adding(commands, shared)
    _setup(adding)
    _plan(adding)
    _stack(adding)
    _config(adding)
    router = adding.add("router", "what to set in the router, as text to paste", "router:router")
    router.add_argument(
        "kind", nargs="?", choices=ROUTERS, metavar="KIND", help=f"{', '.join(ROUTERS)} (default: the plan's)"
    )
    router.add_argument("--json", action="store_true", help="print one JSON object")
    status = adding.add("status", "what is live: nodes, allocations, routes, certificates, Consul", "status:status")
    status.add_argument("--json", action="store_true", help="print one JSON object")
    status.add_argument("--watch", action="store_true", help="print again whenever something changes")
    route = adding.add("route", "one host hop by hop; exit 1 when a hop is broken", "route:route")
    route.add_argument("host", metavar="HOST", help="as `status` names it; quoted '*' for routes of every name")
    route.add_argument("--json", action="store_true", help="print one JSON object")
    doctor = adding.add("doctor", "look at names, addresses and ports; exit 1 when something is wrong", "doctor:doctor")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.add_argument("--only", nargs="+", metavar="ID", help="these checks alone; docs/doctor.md has them all")
    renew = adding.add("renew", "order certificates at once, due or not", "certificates:renew")
    renew.add_argument("host", nargs="+", metavar="HOST", help="of an Ingress labelled traffic-type=external")
    renew.add_argument("--yes", action="store_true", help="do not ask")
    backup = adding.add("backup", "seal keys, certificates and tokens into one file", "backup:backup")
    backup.add_argument("file", metavar="FILE", help="a new one; the passphrase is asked for, or read from stdin")
    restore = adding.add("restore", "put back what is missing of a backup", "backup:restore")
    restore.add_argument("file", metavar="FILE", help="which `backup` wrote; the passphrase as there")
    restore.add_argument("--yes", action="store_true", help="do not ask")
    _users(adding)
    settings = adding.add("settings", "print your settings, with a word on each", "settings:settings")
    settings.add_argument("action", nargs="?", choices=("check", "init"), help="check the file, or write a first one")
    _apps(adding)
    lab = adding.add("lab", "be the embedded cluster that --lab uses, until Ctrl-C", "lab:lab")
    lab.add_argument("--bare", action="store_true", help="without the stack")
    return parser


class _Parser(argparse.ArgumentParser):
    """Repeats nothing to the terminal that could steer it."""

    def error(self, message: str) -> NoReturn:
        from homelab.observe.text import clean  # noqa: PLC0415 - only a failure needs it

        super().error(clean(message))


def _shared() -> _Parser:
    """Options of every command. SUPPRESS: one given before the command is not overwritten by a default after it."""
    shared = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = shared.add_argument_group("for every command")
    group.add_argument("--plan", metavar="FILE", help="the plan (default: ./homelab.yaml, then the one in ~/.config)")
    group.add_argument("--kubeconfig", metavar="FILE", help="default: KUBECONFIG, ~/.kube/config, k3s's own")
    group.add_argument("--context", metavar="NAME", help="a context of the kubeconfig (default: its current one)")
    group.add_argument("--mirror", metavar="DIR", help="folder with the upstream files, instead of downloads")
    for option, wish, text in LAB_OPTIONS:
        group.add_argument(option, action="store_const", const=wish, dest="lab", help=text)
    group.add_argument("--read-only", action="store_true", help="refuse everything that writes")
    group.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    return shared


class _Version(argparse.Action):
    """Looks the version up when it is asked for: what reads it takes a tenth of the console's start to load."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415

        print(f"homelab-tui {version('homelab-tui')}")
        parser.exit()


class _Adding:
    """Adds commands that all take the shared options."""

    def __init__(self, commands: argparse._SubParsersAction[_Parser], shared: _Parser) -> None:
        self._commands = commands
        self._shared = shared

    def add(self, name: str, text: str, command: str | None = None) -> _Parser:
        """A command; `command` is the `module:function` of `tui.headless` that does it."""
        made = self._commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", parents=[self._shared], allow_abbrev=False
        )
        if command:
            made.set_defaults(command=f"tui.headless.{command}")
        return made

    def below(self, parser: _Parser) -> _Adding:
        """For the commands below a command."""
        return _Adding(parser.add_subparsers(title="commands", metavar="COMMAND", required=True), self._shared)


def _setup(adding: _Adding) -> None:
    setup = adding.add("setup", "make or change the plan: on the screen, or from a file of answers", "setup:setup")
    setup.add_argument("--answers", metavar="FILE", help="any part of a plan; what it does not say is proposed")
    setup.add_argument("--yes", action="store_true", help="with --answers: bring it onto the cluster too, do not ask")
    setup.add_argument("--dry-run", action="store_true", help="with --answers: show the plan's change, and stop")


def _plan(adding: _Adding) -> None:
    below = adding.below(adding.add("plan", "write and check the plan file"))
    init = below.add("init", "write a first plan with a comment on every key", "plan:init")
    init.add_argument("--force", action="store_true", help="overwrite a plan that is there")
    check = below.add("check", "check the plan; exit 1 when it has errors", "plan:check")
    check.add_argument("file", nargs="?", metavar="FILE", help="default: as for --plan")
    check.add_argument("--json", action="store_true", help="print one JSON object")


def _stack(adding: _Adding) -> None:
    render = adding.add("render", "print the stack as plain YAML for kubectl apply --server-side -f -", "stack:render")
    diff = adding.add("diff", "show what apply would change; exit 1 when there are changes, 2 on failure", "stack:diff")
    apply = adding.add("apply", "bring the stack onto the cluster, stage by stage", "stack:apply")
    apply.add_argument("--yes", action="store_true", help="do not ask")
    apply.add_argument("--dry-run", action="store_true", help="show what would change, and stop")
    for command in (render, diff, apply):
        command.add_argument(
            "--stage", action="append", choices=STAGES, metavar="STAGE", help=f"only this one: {', '.join(STAGES)}"
        )
    delete = adding.add("delete", "take the stack off the cluster", "stack:delete")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.add_argument(
        "--include",
        type=_include,
        default=frozenset(),
        metavar="KINDS",
        help=f"what is kept otherwise, separated by commas: {', '.join(INCLUDE)}",
    )


def _config(adding: _Adding) -> None:
    below = adding.below(adding.add("config", "the dynamic configuration of the external Traefik"))
    below.add("diff", "compare the plan with Consul, key by key; exit codes as diff", "config:diff")
    apply = below.add("apply", "bring it to Consul, and ask every replica whether it took it", "config:apply")
    apply.add_argument("--yes", action="store_true", help="do not ask")


def _users(adding: _Adding) -> None:
    below = adding.below(adding.add("users", "who may come in: the users of the basic auth"))
    listed = below.add("list", "print them, and what they open", "users:list_users")
    listed.add_argument("--json", action="store_true", help="print one JSON object")
    for name, text in (("add", "let somebody in"), ("passwd", "give somebody another password")):
        made = below.add(name, text, f"users:{name}")
        made.add_argument("name", metavar="NAME", help="the password is asked for twice, or read from stdin")
        made.add_argument("--generate", action="store_true", help="make a password up, and show it this once")
        _in_secret(made)
    rename = below.add("rename", "call somebody something else; the password stays", "users:rename")
    rename.add_argument("name", metavar="OLD")
    rename.add_argument("new", metavar="NEW")
    remove = below.add("remove", "let somebody in no longer", "users:remove")
    remove.add_argument("name", metavar="NAME")
    verify = below.add("verify", "try a password on the file and on every route; exit 1 when it fails", "users:verify")
    verify.add_argument("name", metavar="NAME", help="the password is asked for, or read from stdin")
    importing = below.add("import", "add the users of an htpasswd file", "users:import_users")
    importing.add_argument("file", metavar="FILE", help="users that are there get its passwords, others stay")
    export = below.add("export", "write the users into an htpasswd file", "users:export_users")
    export.add_argument("file", metavar="FILE", help="a new one")
    for parser in (remove, importing):
        parser.add_argument("--yes", action="store_true", help="do not ask")
    for parser in (rename, remove, verify, importing, export):
        _in_secret(parser)


def _in_secret(parser: _Parser) -> None:
    parser.add_argument("--secret", metavar="NAMESPACE/NAME", help="the file (default: homelab/ingress-auth)")


def _apps(adding: _Adding) -> None:
    apps = adding.add("apps", "what is on show, whoever made it", "apps:apps")
    apps.add_argument("--json", action="store_true", help="print one JSON object")
    expose = adding.add("expose", "show a Service on the ingress, or change how it is shown", "apps:expose")
    expose.add_argument("service", metavar="SERVICE")
    expose.add_argument("--port", metavar="PORT", help="name or number (default: the likeliest for a web page)")
    expose.add_argument("--zone", choices=("internal", "external", "both"), help="default: internal, or as it is")
    expose.add_argument("--host", metavar="HOST", help="internal name (default: SERVICE below the internal domain)")
    expose.add_argument(
        "--external-host", metavar="HOST", help="public name (default: SERVICE below the external domain)"
    )
    expose.add_argument("--path", metavar="PATH", help="show only what begins with it (default: /)")
    guard = expose.add_mutually_exclusive_group()
    guard.add_argument(
        "--auth", metavar="NAMESPACE/NAME", help="Middleware that asks (default: homelab/auth if external)"
    )
    guard.add_argument(
        "--no-auth", action="store_true", help="ask for no password; if external the word yes is asked for"
    )
    expose.add_argument("--dry-run", action="store_true", help="print the YAML and what would change, and stop")
    hide = adding.add("hide", "take an app off the ingress", "apps:hide")
    hide.add_argument("name", metavar="NAME", help="as homelab-tui apps has it")
    for command in (expose, hide):
        command.add_argument("--namespace", required=True, metavar="NS")
        command.add_argument("--yes", action="store_true", help="do not ask")


def _include(text: str) -> frozenset[str]:
    found = frozenset(part.strip() for part in text.split(",") if part.strip())
    if wrong := sorted(found - set(INCLUDE)):
        raise argparse.ArgumentTypeError(f"{', '.join(wrong)}: it takes {', '.join(INCLUDE)}")
    return found
