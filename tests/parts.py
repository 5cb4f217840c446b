"""The parts of a whole run, `./setup.sh test`: which tests run beside which, and in which order.

A test that is not marked runs at once with all others, but for those of running processes and of
browsers, which wait.
"""

from pathlib import Path

import pytest

from tests.support.server import ROOT

PARTS = {
    "at_once": "only computes and asks a database; as many run as there are cores",
    "waits": "mostly waits, for browsers and processes; a few run beside each other",
    "alone": "measures time or loads servers; nothing beside it",
}
# What takes minutes starts first, else one worker is left with it in the end.
LONGEST = (
    "browser/test_accessibility.py",
    "worker/test_process_crashes.py",
    "ops/test_faults.py",
    "worker/test_process.py",
    "ops/test_production.py",
    "browser/test_player.py",
    "browser/test_long_playback.py",
    "ops/test_docs.py",
    "ops/test_backup.py",
    "browser/test_making_journey.py",
    "browser/test_account_journey.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks of this suite."""
    config.addinivalue_line("markers", "no_database: reads code or pure functions, needs no rows")
    for name, meaning in PARTS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def _is_of(path: Path, *folders: str) -> bool:
    return any(path.is_relative_to(ROOT / "tests" / folder) for folder in folders)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave unread, when one part is asked for, what has no test of it: reading all takes long."""
    part = config.option.markexpr
    if part not in PARTS or collection_path.is_dir() or _is_of(collection_path, "ops", "browser"):
        return None
    is_test = collection_path.name.startswith("test_")
    return True if is_test and f"mark.{part}" not in collection_path.read_text() else None


def _turn(item: pytest.Item) -> int:
    name = item.path.relative_to(ROOT / "tests").as_posix()
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of running processes and of browsers apart from what runs in parallel."""
    for item in items:
        is_told = any(item.get_closest_marker(name) for name in PARTS)
        if not is_told and _is_of(item.path, "ops", "browser"):
            item.add_marker(pytest.mark.waits)
    items.sort(key=_turn)
