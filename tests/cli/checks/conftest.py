"""A doctor whose patient a test makes ill: other settings, another database, other vendors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from app import integrations
from app.cli.checks.findings import Finding, State
from app.cli.doctor import CHECKS
from app.config import Environment, Settings

LOOKS = {check.name: check.look for check in CHECKS}


@dataclass
class Doctor:
    """Looks at the application with what was changed about its settings."""

    app: Flask

    @property
    def settings(self) -> Settings:
        settings = self.app.extensions["settings"]
        assert isinstance(settings, Settings)
        return settings

    def change(self, **settings: Any) -> None:
        """Change settings, and build the vendors that they name."""
        changed = self.settings.model_copy(update=settings)
        self.app.extensions["settings"] = changed
        self.app.extensions["integrations"] = integrations.build(changed)

    def enter_production(self, **settings: Any) -> None:
        self.change(
            app_env=Environment.PRODUCTION,
            public_base_url="https://courses.example.org",
            trusted_proxies=1,
            **settings,
        )

    def look(self, name: str) -> list[Finding]:
        """Return what the check of this name finds."""
        found = LOOKS[name]()
        return [found] if isinstance(found, Finding) else list(found)

    def one(self, name: str, state: State) -> Finding:
        """Return a check's only finding: it is in `state`, and has a remedy if that is bad."""
        (found,) = self.look(name)
        assert found.state is state, found
        assert bool(found.remedy) == (state in (State.WARN, State.FAIL)), found
        return found


@pytest.fixture
def doctor(app: Flask) -> Iterator[Doctor]:
    before = app.extensions["settings"], app.extensions["integrations"]
    yield Doctor(app)
    app.extensions["settings"], app.extensions["integrations"] = before


@pytest.fixture
def database(doctor: Doctor, fresh_database: Callable[[], str]) -> str:
    """A database of the test's own, which the doctor looks at; its name."""
    url = fresh_database()
    doctor.change(database_url=url.replace("postgresql://", "postgresql+psycopg2://", 1))
    return urlsplit(url).path.lstrip("/")
