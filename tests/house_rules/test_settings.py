"""One list of settings: what the code reads, what the example offers, what is checked."""

import re

import pytest

from app.config import ConfigurationError, Settings, load_settings
from tests.support import sources

pytestmark = pytest.mark.no_database
EXAMPLE = sources.ROOT / ".env.production.example"
DEVELOPMENT_EXAMPLE = sources.ROOT / ".env.example"
# Files that read variables which the application does not.
OPERATIONS = ("gunicorn.conf.py", "supervisord.conf", "setup.sh", "docker-compose.yml")
# Where further settings lie, sealed; `load_settings` itself asks for them.
SEALED = {"SECRETS", "SECRETS_IDENTITY"}
ASSIGNMENT = re.compile(r"^#?\s?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)


def _named(text: str) -> set[str]:
    names = {match.group(1) for match in ASSIGNMENT.finditer(text)}
    return {name.removesuffix("_FILE") for name in names}


def _read_elsewhere() -> set[str]:
    """Return the variables that processes around the application read."""
    folders = [path for name in ("nginx", ".ci", "app/host") for path in sources.walk(sources.ROOT / name)]
    files = [path for name in OPERATIONS if (path := sources.ROOT / name).is_file()]
    text = "\n".join(path.read_text(encoding="utf-8") for path in (*files, *folders))
    return set(re.findall(r"[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+", text.replace("ENV_", "")))


def test_production_example_names_every_setting_and_nothing_else() -> None:
    offered = _named(EXAMPLE.read_text(encoding="utf-8"))
    known = {field.upper() for field in Settings.model_fields} | SEALED
    assert known - offered == set(), "the example lacks these settings"
    assert offered - known - _read_elsewhere() == set(), "nobody reads these"


def test_development_example_names_only_settings() -> None:
    offered = _named(DEVELOPMENT_EXAMPLE.read_text(encoding="utf-8"))
    assert offered <= {field.upper() for field in Settings.model_fields} | _read_elsewhere()


def test_production_example_cannot_be_started_as_it_is() -> None:
    """Whoever copies the example and forgets a secret is told which one."""
    text = EXAMPLE.read_text(encoding="utf-8")
    values = {m.group(1): m.group(2).strip() for m in ASSIGNMENT.finditer(text)}
    with pytest.raises(ConfigurationError) as refused:
        load_settings(values)
    assert "SECRET_KEY" in str(refused.value)
    assert "PLAYBACK_JWT_SECRET" in str(refused.value)
