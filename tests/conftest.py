"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)  # how long an example takes says nothing of what it shows
settings.load_profile("shared machine")
