"""`flask audit <verb>`: whether the trail is whole."""

import click
from flask.cli import AppGroup

from app.domain.audit import verification
from app.domain.audit.verification import Head
from app.errors import InvalidInput

audit = AppGroup("audit", help="The trail of what everyone did.")


@audit.command("verify")
@click.option("--expect", metavar="COUNT:HASH", help="A head printed earlier and kept elsewhere.")
def verify_verb(expect: str | None) -> None:
    """Walk the trail; name the first row that was changed, moved or removed, and exit with 1."""
    try:
        expected = Head.parse(expect) if expect else None
    except InvalidInput as error:
        raise click.BadParameter(error.fields["expect"]) from error
    verdict = verification.verify(expected)
    if verdict.fault is not None:
        message = f"The audit trail is broken at {verdict.fault}."
        raise click.ClickException(f"{message}\nWhole before that: {verdict.head}")
    click.echo(f"The audit trail is whole: {verdict.head.count} rows.")
    click.echo(f"Head, to keep outside of this database: {verdict.head}")
