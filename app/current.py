"""Typed proxies to what the running application holds: its settings and its vendors."""

from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

from app.config import Settings
from app.integrations import Integrations


def _settings() -> Settings:
    return cast(Settings, current_app.extensions["settings"])


def _integrations() -> Integrations:
    return cast(Integrations, current_app.extensions["integrations"])


settings: Settings = cast(Settings, LocalProxy(_settings))
integrations: Integrations = cast(Integrations, LocalProxy(_integrations))
