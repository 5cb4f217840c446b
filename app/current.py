"""Typed proxies to what the running application holds: its settings and its vendors."""

from typing import TYPE_CHECKING, cast

from flask import current_app
from werkzeug.local import LocalProxy

if TYPE_CHECKING:  # who asks for the settings alone need not load what speaks to the vendors
    from app.config import Settings
    from app.integrations import Integrations


def _held(name: str) -> object:
    # Asked a dozen times a request: past the proxy's look-up of each attribute.
    return current_app._get_current_object().extensions[name]  # type: ignore[attr-defined] # noqa: SLF001


def _settings() -> "Settings":
    return cast("Settings", _held("settings"))


def _integrations() -> "Integrations":
    return cast("Integrations", _held("integrations"))


settings: "Settings" = cast("Settings", LocalProxy(_settings))
integrations: "Integrations" = cast("Integrations", LocalProxy(_integrations))
