"""Not reading again what has not changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Latest(Generic[P, T]):
    """A pure function with its latest answer, which is given again for arguments that are equal.

    Meant for tuples of raw objects: one that did not change is the same object still, and costs no comparison. Not for
    several threads at a time.
    """

    def __init__(self, function: Callable[P, T]) -> None:
        self._function = function
        self._known: tuple[object, T] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The answer. Raises what the function raises."""
        if self._known is None or self._known[0] != (args, kwargs):
            self._known = ((args, kwargs), self._function(*args, **kwargs))
        return self._known[1]
