"""Threat 19: production refuses to start with a secret that somebody else may know."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.config import DEVELOPMENT_SECRET, ConfigurationError, Settings, load_settings
from tests.support.known_secrets import SECRETS
from tests.support.server import ROOT, base_environment

pytestmark = pytest.mark.no_database
GOOD = {
    "APP_ENV": "production",
    "PUBLIC_BASE_URL": "https://school.example",
    "TRUSTED_HOSTS": "school.example",
    "DATABASE_URL": "postgresql://app@db/app",
    **SECRETS,
}
SECRET_NAMES = ("SECRET_KEY", "PLAYBACK_JWT_SECRET", "CONTENT_KEY_SECRET")


def test_a_complete_production_configuration_is_accepted() -> None:
    assert load_settings(GOOD).is_production


@pytest.mark.parametrize("environment", ["production", "staging"])
@pytest.mark.parametrize("name", ["SECRET_KEY", "PLAYBACK_JWT_SECRET"])
def test_a_missing_secret_is_named(environment: str, name: str) -> None:
    values = {key: value for key, value in GOOD.items() if key != name}
    with pytest.raises(ConfigurationError, match=name):
        load_settings({**values, "APP_ENV": environment})


@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize(
    "value",
    [
        DEVELOPMENT_SECRET,
        "changeme-changeme-changeme-changeme-42",
        "short-Zk3",
        "abababababababababababababababababababab",
        "your-secret-key-here-1234567890-abcdef",
        "example-Jq7mZ2vX9cR4tB8nL1pW6yK3dF5g",
    ],
)
def test_a_weak_secret_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as refused:
        load_settings({**GOOD, name: value})
    assert value not in str(refused.value)


def test_one_secret_for_two_purposes_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="differ"):
        load_settings({**GOOD, "PLAYBACK_JWT_SECRET": GOOD["SECRET_KEY"]})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"PUBLIC_BASE_URL": "http://school.example"}, "PUBLIC_BASE_URL"),
        ({"TRUSTED_HOSTS": ""}, "TRUSTED_HOSTS"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"STORAGE": "s3"}, "S3_BUCKET_NAME"),
        ({"CDN_BASE_URL": "https://cdn.example"}, "CLOUDFRONT_KEYPAIR_ID"),
        ({"APP_ENV": "prod"}, "APP_ENV"),
        ({"MAX_STREAMS": "0"}, "MAX_STREAMS"),
        ({"PORT": "http"}, "PORT"),
    ],
)
def test_what_is_missing_or_wrong_is_named(change: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        load_settings({**GOOD, **change})


def test_every_fault_is_named_at_once() -> None:
    """Nobody should restart a server six times to find six mistakes."""
    with pytest.raises(ConfigurationError) as refused:
        load_settings({"APP_ENV": "production"})
    named = ("SECRET_KEY", "PLAYBACK_JWT_SECRET", "PUBLIC_BASE_URL", "TRUSTED_HOSTS")
    assert [name for name in (*named, "DATABASE_URL") if name not in str(refused.value)] == []


def test_secrets_come_from_files_too(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(SECRETS["SECRET_KEY"] + "\n", encoding="utf-8")
    values = {**GOOD, "SECRET_KEY_FILE": str(path)}
    del values["SECRET_KEY"]
    assert load_settings(values).secret_key == SECRETS["SECRET_KEY"]
    with pytest.raises(ConfigurationError, match="SECRET_KEY_FILE"):
        load_settings({**GOOD, "SECRET_KEY_FILE": "/no/such/file"})


def test_settings_cannot_be_changed_while_running() -> None:
    settings = load_settings(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        settings.max_streams = 99  # type: ignore[misc]
    assert isinstance(settings, Settings)


def test_the_process_ends_and_says_why() -> None:
    values = {**GOOD, "SECRET_KEY": DEVELOPMENT_SECRET}
    done = subprocess.run(
        [sys.executable, "-c", "import wsgi"],
        cwd=ROOT,
        env={**base_environment(), **values},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr
    assert DEVELOPMENT_SECRET not in done.stderr
