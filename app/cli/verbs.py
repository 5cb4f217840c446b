"""`flask <verb>`: each verb reads its arguments and calls one function."""

from pathlib import Path
from uuid import UUID

import click
from flask.cli import AppGroup

from app.database import db
from app.demo.seed import seed
from app.domain.accounts.models import Role
from app.domain.accounts.registration import create_account
from app.domain.audit import trail
from app.domain.audit.actions import Action
from app.domain.audit.trail import ActorKind, Event
from app.domain.courses.authoring import set_lesson_video
from app.domain.videos.ingest import add_from_file
from app.errors import DomainError, InvalidInput

videos = AppGroup("videos", help="Videos and their transcodes.")


def _explain(error: DomainError) -> click.ClickException:
    fields = error.fields if isinstance(error, InvalidInput) else {}
    lines = [error.detail, *(f"  {name}: {remedy}" for name, remedy in fields.items())]
    return click.ClickException("\n".join(lines))


@click.command("seed")
def seed_verb() -> None:
    """Furnish the demo house; a second run changes nothing."""
    try:
        seed(click.echo)
    except DomainError as error:
        raise _explain(error) from error


@click.command("create-admin")
@click.argument("email")
@click.option("--name", prompt=True)
@click.password_option()
def create_admin_verb(email: str, name: str, password: str) -> None:
    """Create an administrator."""
    try:
        user = create_account(email, password, name, Role.ADMIN)
    except DomainError as error:
        raise _explain(error) from error
    created = Action.ACCOUNT_CREATED
    role = {"role": Role.ADMIN.value}
    trail.record(Event(created, ActorKind.OPERATOR, subject_id=user.id, detail=role))
    db.session.commit()
    click.echo(f"{email} may now sign in as administrator.")


@videos.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--lesson", "lesson_id", type=click.UUID, required=True, help="The lesson's id.")
def add_video(file: Path, lesson_id: UUID) -> None:
    """Queue FILE for transcoding and make it the lesson's video."""
    try:
        video = add_from_file(file, file.stem)
        set_lesson_video(lesson_id, video)
    except DomainError as error:
        raise _explain(error) from error
    db.session.commit()
    click.echo(f"Video {video.id} is queued; the worker prepares it now.")
