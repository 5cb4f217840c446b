"""Health for load balancers and people: live (the process), ready (what it needs), a summary."""

import logging
import os
import re
import shutil
from dataclasses import asdict
from functools import cache
from pathlib import Path

from flask import Response, current_app, jsonify
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from sqlalchemy import text

from app.clock import utcnow
from app.current import settings
from app.database import db
from app.domain.accounts.models import Role
from app.errors import NotFound
from app.integrations.probes import State
from app.web.deep_health import deep_health
from app.web.extensions import limiter
from app.web.openapi import describe
from app.web.pages import blueprint
from app.web.pages.metrics import may_read

log = logging.getLogger("health")
REVISION = re.compile(r"^revision = ['\"](\w+)['\"]$", re.MULTILINE)
FOLLOWS = re.compile(r"^down_revision = ['\"](\w+)['\"]$", re.MULTILINE)
MIN_FREE_BYTES = 256 * 1024**2
# Tokens and leases of 90 s are given out by one host's clock and read by another's.
MAX_SKEW_SECONDS = 15.0


class Health(BaseModel):
    """The state of this process and of what it needs."""

    status: str
    checks: dict[str, str]


class Standing(BaseModel):
    """How one vendor stands; `detail` says what is wrong."""

    state: State
    milliseconds: int
    detail: str


class DeepHealth(BaseModel):
    """How everyone stands that this installation depends on."""

    status: str
    checks: dict[str, Standing]


def _check_database() -> None:
    db.session.execute(text("SELECT 1"))


def _check_migrations() -> None:
    applied = set(db.session.scalars(text("SELECT version_num FROM alembic_version")))
    known, heads = _revisions(Path(current_app.root_path).parent / "migrations" / "versions")
    # A revision of a later release: its migrations leave in place what this one needs.
    if applied != heads and (not applied or applied & known):
        raise RuntimeError("migrations pending")


@cache
def _revisions(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return every revision of this release and those that none follows, read once a process.

    Load balancers ask every few seconds; Alembic would cost a web process 12 MB.
    """
    sources = [path.read_text(encoding="utf-8") for path in folder.glob("[0-9]*.py")]
    known = {found[1] for source in sources for found in REVISION.finditer(source)}
    followed = {found[1] for source in sources for found in FOLLOWS.finditer(source)}
    return frozenset(known), frozenset(known - followed)


def _check_storage() -> None:
    if settings.storage.value != "local":
        return
    root = settings.media_directory
    root.mkdir(parents=True, exist_ok=True)
    if not os.access(root, os.W_OK):
        raise RuntimeError("media directory is not writable")


def _check_clock() -> None:
    before = utcnow()
    told = db.session.execute(text("SELECT clock_timestamp()")).scalar_one()
    after = utcnow()
    skew = max((before - told).total_seconds(), (told - after).total_seconds())
    if skew > MAX_SKEW_SECONDS:
        raise RuntimeError(f"this host's clock and the database's are {skew:.0f} s apart")


def _check_disk() -> None:
    for folder in {settings.media_directory, settings.data_dir}:
        if folder.exists() and shutil.disk_usage(folder).free < MIN_FREE_BYTES:
            raise RuntimeError(f"the disk of {folder} is almost full")


def _check_redis() -> None:
    if limiter.storage is None or not limiter.storage.check():
        raise RuntimeError("Redis does not answer")


CHECKS = {
    "database": _check_database,
    "migrations": _check_migrations,
    "storage": _check_storage,
    "clock": _check_clock,
}
# What the site serves on without: a full disk stops uploads, not reading and playback; while Redis
# is away, each process counts limits on its own. A host that is taken out for them helps nobody.
SOFT_CHECKS = {"disk": _check_disk, "redis": _check_redis}


def _run_checks() -> tuple[dict[str, str], str]:
    """Return each check's result and what all come to; details go to the log, not outside."""
    checks = CHECKS | SOFT_CHECKS
    if not settings.redis_url:
        del checks["redis"]
    results: dict[str, str] = {}
    for name, check in checks.items():
        try:
            check()
            results[name] = "ok"
        except Exception as error:
            log.warning("health check failed: %s", name, exc_info=error)
            db.session.rollback()
            results[name] = "failed"
    failed = {name for name, result in results.items() if result != "ok"}
    if failed - set(SOFT_CHECKS):
        return results, "failed"
    return results, "degraded" if failed else "ok"


def _report() -> ResponseReturnValue:
    checks, status = _run_checks()
    return jsonify(status=status, checks=checks), 503 if status == "failed" else 200


@blueprint.get("/api/health/live")
@describe({200: Health})
def live() -> Response:
    """Answer as long as the process can; asks nobody."""
    return jsonify(status="ok", checks={})


@blueprint.get("/api/health/ready")
@describe({200: Health, 503: Health})
def ready() -> ResponseReturnValue:
    """Say whether this process can serve; a full disk and a lost Redis only degrade it."""
    return _report()


@blueprint.get("/api/health")
@describe({200: Health, 503: Health})
def health() -> ResponseReturnValue:
    """Return the summary."""
    return _report()


@blueprint.get("/api/health/deep")
@describe({200: DeepHealth})
def deep() -> ResponseReturnValue:
    """Say how the vendors, Redis and the worker stand; to strangers there is nothing here.

    For people and monitoring: the status is 200 whatever is away, for a host that a load balancer
    takes out because of a vendor helps nobody.
    """
    if not may_read(Role.ADMIN, Role.SUPPORT):
        raise NotFound
    told = deep_health()
    has_failed = any(each.state is State.FAILED for each in told.values())
    checks = {name: asdict(each) for name, each in told.items()}
    answer = jsonify(status="degraded" if has_failed else "ok", checks=checks)
    answer.headers["Cache-Control"] = "no-store"
    return answer
