"""`flask backup` and `flask restore`: the whole house into a store, and out of it again."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from app import sealed
from app.backups import catalog, pruning, taking, verifying
from app.backups.places import DATA, HOST
from app.backups.restoring import Restore, Wish
from app.backups.sealing import Identities
from app.backups.taking import House
from app.backups.trouble import BackupError
from app.clock import utcnow
from app.config import ConfigurationError
from app.current import integrations, settings
from app.errors import DomainError
from app.integrations.backup_store import BackupStore, open_store
from app.integrations.postgres_tools import PostgresFailed

TO = click.option("--to", "place", metavar="PLACE", help="A folder, file:// or s3:// address.")
FROM = click.option("--from", "place", metavar="PLACE", help="A folder, file:// or s3:// address.")
FILE = click.Path(dir_okay=False, path_type=Path)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what went wrong into a line, and being told to stop into an end that tidies up."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    except (BackupError, ConfigurationError, PostgresFailed, sealed.SealedError) as error:
        raise click.ClickException(str(error)) from error
    except DomainError as error:
        raise click.ClickException(error.detail) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror}") from error
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(_number: int, _frame: object) -> None:
    raise click.exceptions.Exit(143)


def _store(place: str | None) -> BackupStore:
    url = place or settings.backup_url
    if not url:
        raise BackupError("Say where: set BACKUP_URL, or name a place.")
    if "://" not in url:
        folder = Path(url).absolute()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        url = folder.as_uri()
    return open_store(url, settings)


def _house(place: str | None, recipients: tuple[str, ...] = ()) -> House:
    return House(
        settings,
        integrations.storage,
        _store(place),
        taking.recipients_of(settings, recipients),
    )


def _identities(path: Path | None) -> Identities:
    return sealed.read_identities(path) if path else []


@click.group("backup", cls=AppGroup, invoke_without_command=True)
@TO
@click.option("--recipient", "recipients", multiple=True, metavar="AGE1…", help="Whose it will be.")
@click.pass_context
def backup(context: click.Context, place: str | None, recipients: tuple[str, ...]) -> None:
    """Back up database, media and settings, sealed; without a further verb, now."""
    if context.invoked_subcommand is not None:
        return
    with _explained():
        house = _house(place, recipients)
        base = taking.take(house, click.echo)
        own = settings.data_dir / taking.IDENTITY_FILE
        if not recipients and not settings.backup_recipient:
            click.echo(f"It opens with {own}; keep a copy of that elsewhere.")
        click.echo(f"Backed up: {base.id}")


@backup.command("media")
@TO
def media_verb(place: str | None) -> None:
    """Back up new media alone."""
    with _explained():
        taking.take_media(_house(place), click.echo)


@backup.command("list")
@FROM
def list_verb(place: str | None) -> None:
    """Show the backups there are, oldest first."""
    with _explained():
        store = _store(place)
        bases = catalog.list_bases(store)
        lists = catalog.list_media(store)
    for base in bases:
        times = f"{base.started_at:%F %R} to {base.finished_at:%R} UTC"
        click.echo(f"{base.id}  {times}  PostgreSQL {base.postgres}  {base.size} bytes")
    if lists:
        newest = lists[-1]
        click.echo(
            f"media: {newest.objects} objects, {newest.size} bytes, {newest.seen_at:%F %R} UTC"
        )
    click.echo(f"{len(bases)} backups")


@backup.command("prune")
@FROM
@click.option("--keep-days", type=click.IntRange(1, 3650), help="Default: BACKUP_KEEP_DAYS.")
def prune_verb(place: str | None, keep_days: int | None) -> None:
    """Remove backups that are too old, and what no kept one needs."""
    with _explained():
        house = _house(place)
        with taking.alone(house):
            gone = pruning.prune(house.store, keep_days or settings.backup_keep_days, utcnow())
    click.echo(
        f"removed {gone.bases} backups, {gone.lists} lists, {gone.media} media, "
        f"{gone.segments} segments of changes, {gone.unfinished} that were never finished"
    )


@backup.command("verify")
@click.argument("base_id", required=False)
@FROM
@click.option("--identity", type=FILE, help="Open everything, too; without it hashes are compared.")
def verify_verb(base_id: str | None, place: str | None, identity: Path | None) -> None:
    """Read a backup (default: the newest) to its last byte; ends with 1 where it is not whole."""
    with _explained():
        store, identities = _store(place), _identities(identity)
        bases = [one for one in catalog.list_bases(store) if base_id in (None, one.id)]
        if not bases:
            raise BackupError("There is no such backup.")
        faults = list(verifying.faults_of(store, bases[-1], identities))
    for fault in faults:
        click.echo(fault)
    if faults:
        raise click.ClickException(f"{bases[-1].id} is not whole: {len(faults)} faults.")
    click.echo(f"{bases[-1].id} is whole.")


@backup.command("identity")
@click.argument("file", type=FILE)
def identity_verb(file: Path) -> None:
    """Make an identity that opens backups, write it to FILE and print its public recipient."""
    with _explained():
        click.echo(taking.write_identity(file))


def _moment(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter("write it like 2026-11-23T04:05:06Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command("restore")
@FROM
@click.option("--identity", type=FILE, required=True, help="The file with the age identity.")
@click.option(
    "--to", "target", required=True, type=click.Path(file_okay=False, path_type=Path),
    help="An empty folder: the DATA_DIR of a demo, the PREFIX of a host.",
)  # fmt: skip
@click.option("--layout", type=click.Choice([DATA, HOST]), help="Default: as it was backed up.")
@click.option("--backup", "base_id", metavar="ID", help="Default: the newest that fits.")
@click.option("--until", callback=_moment, metavar="TIME", help="As it was at this moment (UTC).")
@click.option("--base-only", is_flag=True, help="Without the changes since the backup.")
@click.option("--no-media", is_flag=True, help="The database and the settings alone.")
@click.option(
    "--verify", is_flag=True, help="Read every page and index; put nothing faulty in place."
)
@click.option("--db-user", metavar="USER", help="Whom PostgreSQL runs as (root only).")
def restore_verb(
    place: str | None, identity: Path, target: Path, layout: str | None, base_id: str | None,
    until: datetime | None, base_only: bool, no_media: bool, verify: bool, db_user: str | None,
) -> None:  # fmt: skip
    """Bring a backed up house back, into an empty folder, as a whole or not at all."""
    wish = Wish(
        target=target, layout=layout, base_id=base_id, until=until, base_only=base_only,
        with_media=not no_media, verify=verify, db_user=db_user,
    )  # fmt: skip
    with _explained():
        restored = Restore(_store(place), _identities(identity), wish, click.echo).run()
    checked = restored.checked
    click.echo(f"rows: {checked.rows} in {checked.tables} tables")
    if checked.audit_head:
        click.echo(f"audit trail: whole, head {checked.audit_head}")
    for fault in checked.faults:
        click.echo(f"look at this: {fault}", err=True)
    click.echo(f"Restored {restored.base.id} into {restored.places.root}")
