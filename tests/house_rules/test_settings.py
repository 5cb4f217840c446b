"""One list of settings: what the code reads, what the example offers, what is checked."""

import re

import pytest

from app.config import ConfigurationError, Settings, load_settings
from tests.support import sources

pytestmark = pytest.mark.no_database
EXAMPLE = sources.ROOT / ".env.production.example"
DEVELOPMENT_EXAMPLE = sources.ROOT / ".env.example"
# Read by setup.sh, gunicorn or compose and not by the application.
OUTSIDE = frozenset({"COMPOSE_PROJECT_NAME", "POSTGRES_PASSWORD", "DATABASE_ADMIN_URL"})
NEVER_IN_PRODUCTION: frozenset[str] = frozenset()
ASSIGNMENT = re.compile(r"^#?\s?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)


def _named(text: str) -> set[str]:
    names = {match.group(1) for match in ASSIGNMENT.finditer(text)}
    return {name.removesuffix("_FILE") for name in names}


def test_production_example_names_exactly_the_settings() -> None:
    offered = _named(EXAMPLE.read_text(encoding="utf-8")) - OUTSIDE
    known = {field.upper() for field in Settings.model_fields} - NEVER_IN_PRODUCTION
    assert offered == known


def test_development_example_names_only_settings() -> None:
    offered = _named(DEVELOPMENT_EXAMPLE.read_text(encoding="utf-8")) - OUTSIDE
    assert offered <= {field.upper() for field in Settings.model_fields}


def test_production_example_cannot_be_started_as_it_is() -> None:
    """Whoever copies the example and forgets a secret is told which one."""
    text = EXAMPLE.read_text(encoding="utf-8")
    values = {m.group(1): m.group(2).strip() for m in ASSIGNMENT.finditer(text)}
    with pytest.raises(ConfigurationError) as refused:
        load_settings(values)
    assert "SECRET_KEY" in str(refused.value)
    assert "PLAYBACK_JWT_SECRET" in str(refused.value)
