"""`flask secrets` and the verbs of `flask backup` that need no backup."""

import stat
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from app import sealed

pytestmark = pytest.mark.no_database


@pytest.fixture
def identity(app: Flask, tmp_path: Path) -> Path:
    path = tmp_path / "identity.txt"
    made = _run(app, "backup", "identity", str(path))
    assert made.exit_code == 0
    assert made.output.startswith("age1")
    return path


def _run(app: Flask, *arguments: str, typed: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments), input=typed)


def _recipient(identity: Path) -> str:
    return str(sealed.read_identities(identity)[0].to_public())


def test_an_identity_is_its_owners_alone_and_never_written_over(app: Flask, identity: Path) -> None:
    assert stat.S_IMODE(identity.stat().st_mode) == 0o600
    before = identity.read_text(encoding="utf-8")
    again = _run(app, "backup", "identity", str(identity))
    assert again.exit_code == 1
    assert "never overwritten" in again.output
    assert identity.read_text(encoding="utf-8") == before


def test_what_is_sealed_opens_with_the_identity_alone(
    app: Flask, identity: Path, tmp_path: Path
) -> None:
    file = tmp_path / "settings.age"
    lines = "SMTP_URL=smtp://user:password@host\nMAIL_FROM=a@example.com\n"
    seal = ("secrets", "seal", "-", str(file), "--recipient", _recipient(identity))
    done = _run(app, *seal, typed=lines)
    assert (done.exit_code, done.output) == (0, f"2 settings are sealed in {file}.\n")
    assert b"password" not in file.read_bytes()
    opened = _run(app, "secrets", "open", str(file), "--identity", str(identity))
    assert opened.output == lines
    other = tmp_path / "other.txt"
    _run(app, "backup", "identity", str(other))
    refused = _run(app, "secrets", "open", str(file), "--identity", str(other))
    assert refused.exit_code == 1
    assert "does not open" in refused.output


@pytest.mark.parametrize(
    ("typed", "recipient", "said"),
    [
        ("SITE_NAEM=x", None, "SITE_NAEM"),
        ("no setting at all", None, "Line 1"),
        ("SITE_NAME=x", "age1nonsense", "recipient"),
    ],
    ids=["unknown name", "no line", "no recipient"],
)
def test_a_refused_file_leaves_the_sealed_one_as_it_was(
    app: Flask, identity: Path, tmp_path: Path, typed: str, recipient: str | None, said: str
) -> None:
    file = tmp_path / "settings.age"
    file.write_bytes(b"as it was")
    seal = ("secrets", "seal", "-", str(file), "--recipient", recipient or _recipient(identity))
    done = _run(app, *seal, typed=typed)
    assert done.exit_code == 1
    assert said in done.output
    assert file.read_bytes() == b"as it was"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["identity.txt", "settings.age"]


def test_a_place_with_nothing_in_it_is_said_to_hold_none(app: Flask, tmp_path: Path) -> None:
    listed = _run(app, "backup", "list", "--from", str(tmp_path / "store"))
    assert (listed.exit_code, listed.output) == (0, "0 backups\n")
    verified = _run(app, "backup", "verify", "--from", str(tmp_path / "store"))
    assert verified.exit_code == 1
    assert "no such backup" in verified.output


def test_without_a_place_the_setting_is_named(app: Flask) -> None:
    done = _run(app, "backup", "list")
    assert done.exit_code == 1
    assert "BACKUP_URL" in done.output


def test_a_moment_must_be_one(app: Flask, identity: Path, tmp_path: Path) -> None:
    known = ("--identity", str(identity), "--to", str(tmp_path / "new"))
    done = _run(app, "restore", *known, "--until", "yesterday")
    assert done.exit_code == 2
    assert "2026-11-23T04:05:06Z" in done.output
