"""What is asked before an app is put on show, and before one is taken off."""

from __future__ import annotations

from homelab.access.model import App
from screens.dialogs.confirm import Question
from screens.scene import Scene
from screens.widgets.lens import NONE_SEEN

NO_ROW = "-"
"""In the place of a row's key where no row is under the cursor."""
AGREED = "yes"
"""What is typed, here and on the command line."""
WITHDRAW = "withdraw"
UNENCRYPTED = "At the internal address the password travels unencrypted: whoever listens at home can read it."
CERTIFICATE = "The certificate of {} stays; the issuer forgets it by itself, 30 days later."


def applying(row: str, scene: Scene) -> Question | str:
    """The question, or why it cannot be applied."""
    found = scene.exposure
    if found is None or found.app is None or found.changes is None:
        return "what would change was not looked at yet: press enter in the form"
    if found.hindrance:
        return found.hindrance
    app = found.app
    guarded = f"A password is asked for, by {app.auth}." if app.auth else "No password is asked for."
    clear = (UNENCRYPTED,) if app.auth and "internal" in app.hosts else ()
    return Question(
        title=f"{'Change' if found.before else 'Show'} {app.key}?",
        sentences=(*((found.consent,) if found.consent else ()), *clear, told(app), guarded),
        verb="Apply",
        doing=f"putting {app.key} on show ...",
        word=AGREED if found.consent else None,
    )


def told(app: App) -> str:
    """Under which names."""
    names = " and ".join(f"{app.hosts[zone].strip()} ({zone})" for zone in app.zones)
    return f"It answers as {names}."


def nobody(scene: Scene) -> str:
    """Why there is no app under the cursor."""
    return NONE_SEEN if scene.snapshot and scene.snapshot.apps else "nothing is on show yet: a puts an app there"


def withdrawing(row: str, scene: Scene) -> Question | str:
    """The question, or why it cannot be taken off."""
    apps = scene.snapshot.apps if scene.snapshot else ()
    app = next((one for one in apps if row in {f"{one.namespace}/{name}" for name in one.version}), None)
    if app is None:
        return nobody(scene)
    if app.foreign:
        return app.refusal or f"{app.key} was made by {app.foreign}: withdraw it there"
    names = " and ".join(app.hosts[zone] for zone in app.zones)
    ingresses = " and ".join(f"{app.namespace}/{name}" for name in app.version)
    stays = (CERTIFICATE.format(app.hosts["external"]),) if "external" in app.hosts else ()
    return Question(
        title=f"Withdraw {app.key}?",
        sentences=(
            f"{names} no longer lead{'' if ' and ' in names else 's'} anywhere.",
            f"Deleted: Ingress {ingresses}. The Service and its pods go on.",
            *stays,
        ),
        verb="Withdraw",
        doing=f"withdrawing {app.key} ...",
        word=WITHDRAW,
        wish=("apps", "withdraw", row),
    )
