"""What is asked before the users of a file are changed: forms with passwords, and questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from homelab.access import credentials, htpasswd
from homelab.access.model import Edit, Incoming, UserFile, Verb
from homelab.observe.text import clean
from screens.dialogs.confirm import Question
from screens.dialogs.form import AGAIN, PASSWORD, Ask, FormDialog, Sheet
from screens.scene import Scene
from screens.users.texts import number_of
from screens.widgets.lens import NONE_SEEN
from screens.widgets.lines import Span

NOBODY = ":"
"""In the place of a user's name where there is none: no user can be called so."""
NOT_YET = "the users are not known yet: wait for that"
NO_FILE = "nothing asks for a password yet: key 6 deploys the stack, which does"
NO_USER = "there is no user yet: a adds the first"
FINE: Span = ("✓", "good")
REMOVE = "remove"
"""Typed in the place of a name that has signs which are not seen."""
UNSAID = "Yes, and it is not known here."
NAME, FILE = Ask("name", "Name"), Ask("file", "File")
TWICE = (PASSWORD, AGAIN)
FITTING = "any-16-letters.."
"""A password that nothing is said against, where only a name is judged."""


def adding(row: str, scene: Scene) -> FormDialog | str:
    """Name and password of a new user."""
    return asked(scene, lambda file: FormDialog(sheet("Add a user to", file, (NAME, *TWICE), partial(added, file))))


def changing(row: str, scene: Scene) -> FormDialog | str:
    """Another password for a user."""
    return asked(scene, lambda file: of_user(file, row, "Another password for", TWICE, given))


def renaming(row: str, scene: Scene) -> FormDialog | str:
    """Another name for a user."""
    return asked(scene, lambda file: of_user(file, row, "Another name for", (Ask("name", "Name", value=row),), named))


def verifying(row: str, scene: Scene) -> FormDialog | str:
    """The password that is to be tried; nothing is written."""
    file = scene.access.front if scene.access else None
    if file is None or row == NOBODY:
        return nobody(file) if file else NOT_YET
    return FormDialog(
        Sheet(
            f"Try the password of {row}?",
            (PASSWORD,),
            lambda written: {} if written["password"] else {"password": "type the password"},
            lambda written: ("users", "verify", row, written["password"]),
            "ask",
            about="The hosts that the file guards are asked without it and with it. Nothing is written.",
        )
    )


def importing(row: str, scene: Scene) -> FormDialog | str:
    """The file whose users are to come to those here."""
    about = "Its users are added; those that are here already get its passwords, the others stay. It asks first."
    return asked(scene, lambda file: of_path("Import users into", file, "load", "look", about))


def taking_in(found: Incoming) -> Question:
    """What an import would do to whom."""
    return Question(
        title=f"Import {number_of(found)} into {found.secret}?",
        sentences=(f"After it: {'; '.join(found.told)}.", f"Read from {found.source}."),
        verb="Import",
        doing=f"importing into {found.secret} …",
    )


def exporting(scene: Scene) -> FormDialog | str:
    """The file to be written."""
    file = scene.access.front if scene.access else None
    about = "Names and hashes, for your eyes alone (mode 0600); the passwords are not in it. No file is overwritten."
    return of_path("Write the users of", file, "keep", "write", about) if file else NOT_YET


def removing(row: str, scene: Scene) -> Question | str:
    """The question, or why nobody can be taken away."""
    file = scene.access.front if scene.access else None
    why = hindrance(scene)
    if why or file is None:
        return why or NOT_YET
    if why := nobody(file) if row == NOBODY else user_fault(file, Edit(Verb.REMOVE, row), row):
        return why
    hosts = ", ".join(file.hosts) or "what it guards"
    return Question(
        title=f"Remove {row} from {file.secret}?",
        sentences=(f"{row} is no longer let in to {hosts}.", "u takes it back, until this console is left."),
        verb="Remove",
        doing=f"taking {row} out of {file.secret} …",
        word=row if row == clean(row) else REMOVE,
        wish=("users", "save", file.mark, Verb.REMOVE, row),
    )


def undoing(row: str, scene: Scene) -> Question | str:
    """The question, or why there is nothing to take back."""
    if why := hindrance(scene):
        return why
    if scene.access is None or scene.access.undo is None:
        return "nothing was changed by this console yet: there is nothing to take back"
    return Question(
        title="Take the last change back?",
        sentences=(scene.access.undo,),
        verb="Take back",
        doing="taking the last change back …",
        wish=("users", "undo"),
    )


def hindrance(scene: Scene) -> str | None:
    """Why no file can be changed now."""
    if scene.access is None or (scene.access.files is None and scene.access.trouble is None):
        return NOT_YET
    if (file := scene.access.front) is None:
        return scene.access.trouble or NO_FILE
    return file.refusal


def asked(scene: Scene, form: Callable[[UserFile], FormDialog | str]) -> FormDialog | str:
    """The form for the file in front, or why there is none."""
    file = scene.access.front if scene.access else None
    why = hindrance(scene)
    return form(file) if file and not why else why or NOT_YET


Judge = Callable[[Mapping[str, str]], Edit]
"""The edit that a form's answers mean."""


def sheet(title: str, file: UserFile, asks: tuple[Ask, ...], edit: Judge) -> Sheet:
    """A form whose answers are an edit of the file."""

    def wish(written: Mapping[str, str]) -> tuple[str, ...]:
        meant = edit(written)
        return ("users", "save", file.mark, meant.verb, meant.user, meant.password or "", meant.name or "")

    return Sheet(
        f"{title} {file.secret}" if asks[0] is NAME else title,
        asks,
        lambda written: faults(file, edit(written), written),
        wish,
        "save",
        remark=lambda written: hint(edit(written)),
    )


def nobody(file: UserFile) -> str:
    """Why there is no user under the cursor."""
    return NONE_SEEN if file.users else NO_USER


def of_user(
    file: UserFile, user: str, title: str, asks: tuple[Ask, ...], edit: Callable[[str, Mapping[str, str]], Edit]
) -> FormDialog | str:
    """A form about one user, unless there is none."""
    if user == NOBODY:
        return nobody(file)
    return FormDialog(sheet(f"{title} {user}", file, asks, partial(edit, user)))


def of_path(title: str, file: UserFile, method: str, verb: str, about: str) -> FormDialog:
    """A form that asks for a file of this machine."""
    return FormDialog(
        Sheet(
            f"{title} {file.secret}",
            (FILE,),
            lambda written: {} if written["file"].strip() else {"file": "name a file"},
            lambda written: ("users", method, written["file"].strip()),
            verb,
            about=about,
        )
    )


def added(file: UserFile, written: Mapping[str, str]) -> Edit:
    """A new user."""
    return Edit(Verb.ADD, written["name"], written["password"])


def given(user: str, written: Mapping[str, str]) -> Edit:
    """Another password."""
    return Edit(Verb.PASSWORD, user, written["password"])


def named(user: str, written: Mapping[str, str]) -> Edit:
    """Another name."""
    return Edit(Verb.RENAME, user, name=written["name"])


def faults(file: UserFile, edit: Edit, written: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the answers, by field, each judged by itself."""
    found: dict[str, str] = {}
    if "name" in written:
        apart = Edit(edit.verb, edit.user, FITTING if edit.verb is Verb.ADD else None, edit.name)
        if why := user_fault(file, apart, written["name"]):
            found["name"] = why
    if "password" in written:
        if why := credentials.password_fault(written["password"]):
            found["password"] = why
        if written["again"] != written["password"]:
            found["again"] = "not the same as above" if written["again"] else "type it once more"
    return found


def user_fault(file: UserFile, edit: Edit, name: str) -> str | None:
    """Why an edit cannot be done, its password apart."""
    try:
        htpasswd.check(file.content, edit)
    except htpasswd.Unfit as error:
        return str(error)
    return None


def hint(edit: Edit) -> Mapping[str, Span]:
    """What is to be said of a password that can be had."""
    weak = credentials.hint(edit.password, edit.user) if edit.password else None
    return {"password": (f"▲ {weak}", "warn") if weak else FINE, "again": FINE, "name": FINE}
