"""`flask secrets`: settings that lie sealed on the disk, in the file that SECRETS_FILE names."""

import os
from pathlib import Path

import click
from flask.cli import AppGroup

from app import sealed
from app.config import Settings
from app.sealed import SealedError

secrets = AppGroup("secrets", help="Settings sealed on the disk.")
FILE = click.Path(dir_okay=False, path_type=Path)


@secrets.command("seal")
@click.argument("plain", type=click.File("r", encoding="utf-8"))
@click.argument("file", type=FILE)
@click.option("--recipient", "recipients", multiple=True, required=True, metavar="AGE1…")
def seal_verb(plain: click.File, file: Path, recipients: tuple[str, ...]) -> None:
    """Seal the NAME=value lines of PLAIN (- for what is typed) into FILE."""
    text = plain.read()  # type: ignore[attr-defined] # it is an open file
    try:
        values = _settings_in(text)
        data = sealed.seal(text, recipients)
    except SealedError as error:
        raise click.ClickException(str(error)) from error
    draft = file.with_name(f".{file.name}.new")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o640)
        with draft.open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(file)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{len(values)} settings are sealed in {file}.")


@secrets.command("open")
@click.argument("file", type=FILE)
@click.option("--identity", type=FILE, required=True, help="The file with the age identity.")
def open_verb(file: Path, identity: Path) -> None:
    """Print what FILE says."""
    try:
        click.echo(sealed.open_sealed(file, identity), nl=False)
    except SealedError as error:
        raise click.ClickException(str(error)) from error


def _settings_in(text: str) -> dict[str, str]:
    values = sealed.parse_lines(text)
    if unknown := sorted(n for n in values if n.lower() not in Settings.model_fields):
        raise SealedError(f"These are no settings: {', '.join(unknown)}")
    return values
