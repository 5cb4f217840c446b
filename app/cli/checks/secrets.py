"""Secrets: none twice, none that others may read, and none in what the doctor says."""

import stat
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.cli.checks.findings import Check, Finding, fail, ok, skip, warn
from app.config import Settings, secret_files
from app.current import settings

SECRET_SETTINGS = (
    "secret_key", "playback_jwt_secret", "content_key_secret", "aws_secret_access_key",
    "cloudfront_private_key", "stripe_secret_key", "sendgrid_api_key", "page_cache_key",
    "metrics_token",
)  # fmt: skip
ADDRESSES = (
    "database_url", "database_replica_url", "database_migrator_url", "database_backup_url",
    "redis_url", "smtp_url", "sentry_dsn",
)  # fmt: skip
# Of the files that settings are read from, those that nobody else may read.
KEPT_CLOSE = frozenset(
    {"SECRETS_FILE", "SECRETS_IDENTITY_FILE", "STRIPE_WEBHOOK_SECRET"}
    | {name.upper() for name in (*SECRET_SETTINGS, *ADDRESSES)}
)
# Where engines of containers mount secrets: readable for everyone in there, who is one.
MOUNTED = Path("/run/secrets")
SHORTEST = 6


def values_of(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield every secret of `settings` under its setting's name, passwords in addresses too."""
    for name in SECRET_SETTINGS:
        yield name.upper(), getattr(settings, name)
    for value in settings.stripe_webhook_secret:
        yield "STRIPE_WEBHOOK_SECRET", value
    for name in ADDRESSES:
        parts = urlsplit(getattr(settings, name))
        # A DSN's secret is its user's name.
        yield name.upper(), (parts.username if name == "sentry_dsn" else parts.password) or ""


def scrub(said: str, settings: Settings) -> str:
    """Return `said` without any secret of `settings` that an error may have quoted."""
    for _, secret in values_of(settings):
        for spelling in {secret, unquote(secret)}:
            if len(spelling) >= SHORTEST:
                said = said.replace(spelling, "***")
    return said


def _shared() -> list[Finding]:
    owners = defaultdict(set)
    for name, secret in values_of(settings):
        if secret:
            owners[unquote(secret)].add(name)
    # The same server under several roles' addresses may well know one password.
    twice = [
        " and ".join(sorted(names))
        for names in owners.values()
        if len(names) > 1 and not all(name.startswith("DATABASE_") for name in names)
    ]
    if twice:
        return [
            fail(f"{names} are the same", "Give each a value of its own: openssl rand -hex 32.")
            for names in sorted(twice)
        ]
    if settings.is_production and not settings.content_key_secret:
        return [
            warn(
                "CONTENT_KEY_SECRET is not set: PLAYBACK_JWT_SECRET seals the keys of videos, "
                "and changing it loses every video",
                "Before the first video, set CONTENT_KEY_SECRET to `openssl rand -hex 32`; "
                "after it, to the present PLAYBACK_JWT_SECRET, and then change that.",
            )
        ]
    return [ok("each secret is used once")]


def _files() -> list[Finding]:
    files = {name: path for name, path in secret_files().items() if name in KEPT_CLOSE}
    if not files:
        return [skip("no secret is read from a file")]
    open_to_all, writable = [], []
    for path in dict.fromkeys(files.values()):
        if path.is_relative_to(MOUNTED):
            continue
        mode = path.stat().st_mode
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            writable.append(str(path))
        elif mode & stat.S_IROTH:
            open_to_all.append(str(path))
    found = [
        fail(f"others may write {', '.join(writable)}", f"chmod 0640 {' '.join(writable)}")
    ] * bool(writable)
    found += [
        fail(f"everybody may read {', '.join(open_to_all)}", f"chmod 0640 {' '.join(open_to_all)}")
    ] * bool(open_to_all)
    return found or [ok(f"{len(files)} secrets from files that only their readers may read")]


CHECKS = (
    Check("secrets", _shared),
    Check("secret files", _files),
)
