"""Lines of the user's own for the external Traefik: a setting, no question of the first time."""

from __future__ import annotations

from typing import ClassVar

from screens.wizard.frame import Frame


class Configuration(Frame):
    """The file that is merged with our lines; the deploy behind it brings it to Consul."""

    STEP: ClassVar[str] = "configuration"
