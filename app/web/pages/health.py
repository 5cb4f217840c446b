"""Health for load balancers and people: live (the process), ready (what it needs), a summary."""

import logging
import os
import shutil
from pathlib import Path

from flask import Response, current_app, jsonify
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from sqlalchemy import text

from app.current import settings
from app.database import db
from app.web.openapi import describe
from app.web.pages import blueprint

log = logging.getLogger("health")
MIN_FREE_BYTES = 256 * 1024**2


class Health(BaseModel):
    """The state of this process and of what it needs."""

    status: str
    checks: dict[str, str]


def _check_database() -> None:
    db.session.execute(text("SELECT 1"))


def _check_migrations() -> None:
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - only asked here
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    directory = Path(current_app.root_path).parent / "migrations"
    expected = set(ScriptDirectory(str(directory)).get_heads())
    applied = set(MigrationContext.configure(db.session.connection()).get_current_heads())
    if expected != applied:
        raise RuntimeError("migrations pending")


def _check_storage() -> None:
    if settings.storage.value != "local":
        return
    root = settings.media_directory
    root.mkdir(parents=True, exist_ok=True)
    if not os.access(root, os.W_OK):
        raise RuntimeError("media directory is not writable")
    if shutil.disk_usage(root).free < MIN_FREE_BYTES:
        raise RuntimeError("disk almost full")


CHECKS = {
    "database": _check_database,
    "migrations": _check_migrations,
    "storage": _check_storage,
}


def _run_checks() -> tuple[dict[str, str], bool]:
    """Return each check's result and whether all passed; details go to the log, not outside."""
    results: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            check()
            results[name] = "ok"
        except Exception:
            log.exception("health check failed", extra={"check": name})
            db.session.rollback()
            results[name] = "failed"
    return results, all(result == "ok" for result in results.values())


def _report() -> ResponseReturnValue:
    checks, is_well = _run_checks()
    return jsonify(status="ok" if is_well else "failed", checks=checks), 200 if is_well else 503


@blueprint.get("/api/health/live")
@describe({200: Health})
def live() -> Response:
    """Answer as long as the process can; asks nobody."""
    return jsonify(status="ok", checks={})


@blueprint.get("/api/health/ready")
@describe({200: Health, 503: Health})
def ready() -> ResponseReturnValue:
    """Say whether this process can serve: database, migrations, storage."""
    return _report()


@blueprint.get("/api/health")
@describe({200: Health, 503: Health})
def health() -> ResponseReturnValue:
    """Return the summary."""
    return _report()
