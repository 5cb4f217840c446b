"""Endpoint x role: what each kind of person gets from each address of the site.

The rows lie in `access_rows`. Each is `METHOD endpoint`, then one answer a role in the order of
ROLES: a status, or `in` for a redirect to the sign-in page. The addresses ask for things of one
course: published, free, taught by `owner`, with `enrolled` in it, whose stream the playback
addresses name. The roles ask one after the other, so what one deletes the next does not find.

KEYS says the same of programs with an API key. It has no rows for what takes no key (COOKIE_ONLY
in app/web/scopes.py: 403 to every key that works), nor for pages, where a key counts for nothing
and a program gets what `anonymous` gets.
"""

import importlib
import pkgutil
from types import ModuleType

from tests.house_rules import access_rows

ROLES = (
    "anonymous",
    "learner",  # signed in, enrolled in nothing
    "enrolled",
    "revoked",  # was enrolled; the money went back
    "suspended",  # holds a session cookie from before
    "owner",  # the instructor of the course
    "colleague",  # another instructor
    "support",
    "admin",
)

KEY_ROLES = (
    "key",  # of `enrolled`, with every scope a learner may give
    "reading key",  # of `enrolled`, for the profile and the courses only
    "ended key",  # of `enrolled`, revoked
    "old key",  # of `enrolled`, expired
    "suspended's key",
    "admin's key",  # with every scope there is
)


def parts() -> list[ModuleType]:
    """Return the files of the table."""
    names = (module.name for module in pkgutil.iter_modules(access_rows.__path__))
    return [importlib.import_module(f"{access_rows.__name__}.{name}") for name in names]


def rows() -> dict[str, tuple[str, ...]]:
    """Return the table as answers by `METHOD endpoint`, one a role."""
    return _read([part.TABLE for part in parts()], ROLES)


def key_rows() -> dict[str, tuple[str, ...]]:
    """Return the table of the keys as answers by `METHOD endpoint`, one a key."""
    return _read([part.KEYS for part in parts()], KEY_ROLES)


def _read(tables: list[str], roles: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in "\n".join(tables).splitlines():
        words = line.split()
        if len(words) < 2 or not words[0].isupper():
            continue
        name, answers = " ".join(words[:2]), tuple(words[2:])
        if len(answers) != len(roles) or name in found:
            raise ValueError(f"the row of {name} has {len(answers)} answers, or is there twice")
        found[name] = answers
    return found
