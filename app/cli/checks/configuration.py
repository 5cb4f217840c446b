"""The settings: that they are the operator's own, spelled right, and fit for this place."""

import os

from app.cli.checks.findings import Check, Finding, fail, ok, warn
from app.config import Environment, MailKind, Settings, list_misspelled
from app.current import settings


def _placeholders() -> list[str]:
    values = {name: str(getattr(settings, name)) for name in Settings.model_fields}
    return [name.upper() for name, value in values.items() if "<" in value and ">" in value
            and name != "mail_from"]  # fmt: skip


def _settings() -> list[Finding]:
    found = [
        fail(f"{name} still has the example's placeholder", f"Set {name}, or delete its line.")
        for name in _placeholders()
    ]
    found += [
        warn(f"{name} is no setting, so nobody reads it", f"Did you mean {meant}?")
        for name, meant in sorted(list_misspelled().items())
    ]
    if settings.is_production:
        found += list(_unfit())
    return found or [ok(f"{settings.app_env.value}, at {settings.public_base_url}")]


def _unfit() -> list[Finding]:
    found = []
    if settings.trusted_proxies == 0:
        found.append(
            warn(
                "TRUSTED_PROXIES is 0: behind nginx every visitor has nginx's address, and all "
                "share one rate limit",
                "Set TRUSTED_PROXIES to how many proxies of yours are in front: nginx alone is 1.",
            )
        )
    if settings.log_level.upper() == "DEBUG":
        found.append(warn("LOG_LEVEL is DEBUG: slow, and tells much", "Set LOG_LEVEL=INFO."))
    found += [
        fail(f"{name} is not encrypted", f"Empty {name}, or begin it with https://.")
        for name in ("STRIPE_API_BASE", "SENDGRID_API_BASE", "CDN_BASE_URL")
        if settings.app_env is Environment.PRODUCTION
        and getattr(settings, name.lower()).startswith("http://")
    ]
    if settings.mail_kind is not MailKind.OUTBOX and "@example." in settings.mail_from:
        found.append(warn("MAIL_FROM is an example's address", "Set MAIL_FROM to one of yours."))
    return found


def _user() -> Finding:
    if os.geteuid() == 0 and settings.is_production:
        return warn(
            "the doctor runs as root, who may read and write what the application may not",
            "Run it as the application's user: ./setup.sh flask doctor does.",
        )
    return ok(f"user {os.geteuid()}")


CHECKS = (
    Check("settings", _settings),
    Check("user", _user),
)
