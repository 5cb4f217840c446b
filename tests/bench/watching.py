"""All that observes requests, to be switched off and on again in one process (row 15)."""

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask

from app import observability
from app.timed_cursor import TimedCursor


def _is_ours(function: Callable[..., Any]) -> bool:
    return function.__module__ == observability.__name__


class Watching:
    """The hooks of app/observability.py (the log line, figures and the id) and the timed cursor.

    Hooks are known by the module that they come from, whatever they are called.
    """

    def __init__(self, app: Flask) -> None:
        """Look for them; they are on."""
        self._hooks = [
            (hooks, list(hooks), [hook for hook in hooks if not _is_ours(hook)])
            for hooks in _hooks_of(app)
        ]
        # Which hooks an endpoint has, the application finds out once.
        self._app = app
        self._found: dict[bool, Any] = {True: vars(app).get("_hooks", {}), False: {}}
        self._timed = TimedCursor.execute
        self._is_on = True

    def switch(self, *, on: bool) -> None:
        """Have the next requests observed, or not."""
        if on is self._is_on:
            return
        self._is_on = on
        for hooks, watched, unwatched in self._hooks:
            hooks[:] = watched if on else unwatched
        vars(self._app)["_hooks"] = self._found[on]
        if on:
            TimedCursor.execute = self._timed  # type: ignore[method-assign]
        else:
            del TimedCursor.execute


def _hooks_of(app: Flask) -> Iterator[list[Any]]:
    for by_blueprint in (
        app.before_request_funcs,
        app.after_request_funcs,
        app.teardown_request_funcs,
    ):
        yield from by_blueprint.values()
    yield app.teardown_appcontext_funcs
