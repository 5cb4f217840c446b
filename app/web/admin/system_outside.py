"""What the installation leans on: storage, gateways, backups, the certificate, the replica.

Some of it takes a while to find out, so the system page asks for it after it is shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app, render_template
from prometheus_client import Metric

from app.clock import utcnow
from app.current import integrations, settings
from app.domain.accounts import storage_use as accounts
from app.domain.accounts.models import Role
from app.domain.checkout import gateway_standing as checkout
from app.domain.courses import storage_use as courses
from app.domain.site import choices
from app.domain.site.room import database_bytes
from app.domain.videos import storage_use as videos
from app.web.access import require_role
from app.web.admin import blueprint
from app.web.deep_health import deep_health

FIGURES = "figures"
BACKUP_AGE = timedelta(hours=30)
CERTIFICATE_LEFT = timedelta(days=14)
LAG_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of a folder of this host."""

    folder: str
    free_bytes: float
    size_bytes: float


@dataclass(frozen=True, slots=True)
class Machine:
    """What is told of this host and of the replica; None is what nobody knows or there is not."""

    disks: list[Disk]
    backup_at: datetime | None
    certificate_ends_at: datetime | None
    replica_up: bool | None
    replica_lag_seconds: float | None


@blueprint.get("/admin/system/outside")
def system_outside() -> str:
    """Show how storage, gateways, backups, certificate and replica are."""
    require_role(Role.ADMIN)
    now, health = utcnow(), deep_health()
    used = {
        **videos.stored_bytes(),
        **courses.stored_bytes(),
        **checkout.stored_bytes(),
        **accounts.stored_bytes(),
    }
    return render_template(
        "admin/system_outside.html",
        now=now,
        health=health,
        installation=settings,
        used=used,
        used_bytes=sum(used.values()),
        quota_bytes=choices.read().media_quota_bytes,
        database_bytes=database_bytes(),
        gateways={name: checkout.gateway_standing(name) for name in sorted(integrations.gateways)},
        machine=_machine(),
        backup_before=now - BACKUP_AGE,
        certificate_before=now + CERTIFICATE_LEFT,
        lag_seconds=LAG_SECONDS,
    )


def _machine() -> Machine:
    """Return what is told to Prometheus as well, as it was last found out."""
    live, machine = current_app.extensions[FIGURES]
    told = {family.name: family for family in (*live.families(), *machine.families())}
    free = _by_folder(told.get("triple_disk_free_bytes"))
    size = _by_folder(told.get("triple_disk_size_bytes"))
    up = _value(told.get("triple_replica_up"))
    return Machine(
        [Disk(folder, free[folder], size.get(folder, 0.0)) for folder in sorted(free)],
        _moment(told.get("triple_backup_timestamp_seconds")),
        _moment(told.get("triple_certificate_end_timestamp_seconds")),
        None if up is None else bool(up),
        _value(told.get("triple_replica_lag_seconds")),
    )


def _by_folder(family: Metric | None) -> dict[str, float]:
    return {each.labels["folder"]: each.value for each in _samples(family)}


def _value(family: Metric | None) -> float | None:
    return next((each.value for each in _samples(family)), None)


def _moment(family: Metric | None) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if (value := _value(family)) else None


def _samples(family: Metric | None) -> Iterable[Any]:
    return family.samples if family else ()
