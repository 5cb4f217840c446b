"""One list of settings: what the code reads, what the example offers, what is checked."""

import hashlib
import re
from pathlib import Path

import pytest

from app.config import ConfigurationError, Settings, load_settings
from tests.support import sources

pytestmark = pytest.mark.no_database
EXAMPLE = sources.ROOT / ".env.production.example"
STAGING_EXAMPLE = sources.ROOT / ".env.staging.example"
DEVELOPMENT_EXAMPLE = sources.ROOT / ".env.example"
# Files that read variables which the application does not.
OPERATIONS = ("gunicorn.conf.py", "supervisord.conf", "setup.sh", "docker-compose.yml")
# Where further settings lie, sealed; `load_settings` itself asks for them.
SEALED = {"SECRETS", "SECRETS_IDENTITY"}
ASSIGNMENT = re.compile(r"^#?\s?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)


def _named(text: str) -> set[str]:
    names = {match.group(1) for match in ASSIGNMENT.finditer(text)}
    return {name.removesuffix("_FILE") for name in names}


def _read_elsewhere() -> set[str]:
    """Return the variables that processes around the application read."""
    folders = [
        path for name in ("nginx", ".ci", "app/host") for path in sources.walk(sources.ROOT / name)
    ]
    files = [path for name in OPERATIONS if (path := sources.ROOT / name).is_file()]
    text = "\n".join(path.read_text(encoding="utf-8") for path in (*files, *folders))
    return set(re.findall(r"[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+", text.replace("ENV_", "")))


def test_production_example_names_every_setting_and_nothing_else() -> None:
    offered = _named(EXAMPLE.read_text(encoding="utf-8"))
    known = {field.upper() for field in Settings.model_fields} | SEALED
    assert known - offered == set(), "the example lacks these settings"
    assert offered - known - _read_elsewhere() == set(), "nobody reads these"


def test_development_example_names_only_settings() -> None:
    offered = _named(DEVELOPMENT_EXAMPLE.read_text(encoding="utf-8"))
    assert offered <= {field.upper() for field in Settings.model_fields} | _read_elsewhere()


def test_production_example_cannot_be_started_as_it_is() -> None:
    """Whoever copies the example and forgets a secret is told which one."""
    text = EXAMPLE.read_text(encoding="utf-8")
    values = {m.group(1): m.group(2).strip() for m in ASSIGNMENT.finditer(text)}
    with pytest.raises(ConfigurationError) as refused:
        load_settings(values)
    assert "SECRET_KEY" in str(refused.value)
    assert "PLAYBACK_JWT_SECRET" in str(refused.value)


# What a rehearsal must not share with what it rehearses.
OF_ITS_OWN = (
    "APP_ENV", "PUBLIC_BASE_URL", "TRUSTED_HOSTS", "SITE_HOST", "SECRET_KEY",
    "PLAYBACK_JWT_SECRET", "CONTENT_KEY_SECRET", "DATABASE_URL", "REDIS_URL", "S3_BUCKET_NAME",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "CDN_BASE_URL", "CLOUDFRONT_KEYPAIR_ID",
    "CLOUDFRONT_PRIVATE_KEY", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY",
    "STRIPE_WEBHOOK_SECRET", "MAIL_FROM", "SMTP_URL", "BACKUP_URL",
)  # fmt: skip


def _values(path: Path) -> dict[str, str]:
    return {m.group(1): m.group(2).strip() for m in ASSIGNMENT.finditer(path.read_text("utf-8"))}


def _filled_in(values: dict[str, str]) -> dict[str, str]:
    """Return `values` as a careful operator leaves them: no <…>, each secret of its own."""
    hosts = {name: value.replace("<", "").replace(">", "") for name, value in values.items()}
    secrets = {
        name: hashlib.sha256(name.encode()).hexdigest()
        for name in ("SECRET_KEY", "PLAYBACK_JWT_SECRET", "CONTENT_KEY_SECRET")
    }
    address = "postgresql://user:password@host/database"
    return {**hosts, **secrets, "DATABASE_URL": address, "MAIL_FROM": "a@b.test"}


def test_staging_example_names_only_settings_of_production() -> None:
    assert set(_values(STAGING_EXAMPLE)) <= set(_values(EXAMPLE))


@pytest.mark.parametrize("name", OF_ITS_OWN)
def test_staging_shares_nothing_with_production_that_could_hurt_it(name: str) -> None:
    values = _values(STAGING_EXAMPLE)
    assert name in values, "whoever starts from production's file keeps production's"
    assert not values[name] or values[name] != _values(EXAMPLE)[name]


def test_staging_takes_no_live_keys() -> None:
    assert "_live_" not in STAGING_EXAMPLE.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [EXAMPLE, STAGING_EXAMPLE], ids=["production", "staging"])
def test_an_example_that_is_filled_in_starts(path: Path) -> None:
    values = _filled_in(_values(EXAMPLE) | _values(path))
    settings = load_settings(values)
    assert settings.is_production
    assert settings.app_env.value == path.name.split(".")[2]


def test_staging_example_cannot_be_started_as_it_is() -> None:
    with pytest.raises(ConfigurationError, match="SECRET_KEY"):
        load_settings(_values(EXAMPLE) | _values(STAGING_EXAMPLE))


REQUIRED = {"DATABASE_URL": "postgresql://x/y"}


@pytest.mark.parametrize("name", sorted(field.upper() for field in Settings.model_fields))
def test_every_setting_may_be_read_from_a_file(name: str, tmp_path: Path) -> None:
    values = _filled_in(_values(EXAMPLE))
    value = values.get(name) or {"STORAGE": "local"}.get(name, "")
    path = tmp_path / "setting"
    path.write_text(f"{value}\n", encoding="utf-8")
    plainly = load_settings({**values, name: value})
    del values[name]
    assert load_settings({**values, f"{name}_FILE": str(path)}) == plainly


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), (b"\xff\xfe\x00", "not a text file"), (b"", "SECRET_KEY is")],
    ids=["missing", "binary", "empty"],
)
def test_a_file_that_holds_no_secret_is_named(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    values = {**_filled_in(_values(EXAMPLE)), "SECRET_KEY_FILE": str(path)}
    with pytest.raises(ConfigurationError, match=said):
        load_settings(values)


def test_a_folder_in_a_files_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SECRET_KEY_FILE"):
        load_settings({**REQUIRED, "SECRET_KEY_FILE": str(tmp_path)})
