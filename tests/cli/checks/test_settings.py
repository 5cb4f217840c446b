"""The doctor and the settings: placeholders, misspellings, secrets used twice or left open."""

import os
from pathlib import Path

import pytest

from app.cli.checks import secrets
from app.cli.checks.findings import State
from tests.cli.checks.conftest import Doctor

SECRET = "zK8vQ2mN5xR7tY1wE4uI6oP9aS3dF0gH"


def test_settings_that_fit_are_well(doctor: Doctor) -> None:
    for name in ("settings", "secrets", "user"):
        doctor.one(name, State.OK)
    doctor.enter_production(cloudfront_private_key="")
    doctor.one("settings", State.OK)


def test_a_placeholder_of_the_example_is_named(doctor: Doctor) -> None:
    doctor.change(s3_bucket_name="<bucket>")
    found = doctor.one("settings", State.FAIL)
    assert "S3_BUCKET_NAME" in found.detail
    assert "S3_BUCKET_NAME" in found.remedy


def test_a_misspelled_setting_is_named(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECERT_KEY", "sk_live_1")
    found = doctor.one("settings", State.WARN)
    assert "STRIPE_SECERT_KEY" in found.detail
    assert "STRIPE_SECRET_KEY" in found.remedy


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({"trusted_proxies": 0}, State.WARN, "TRUSTED_PROXIES"),
        ({"log_level": "DEBUG"}, State.WARN, "LOG_LEVEL"),
        ({"stripe_api_base": "http://stripe.test"}, State.FAIL, "STRIPE_API_BASE"),
        (
            {"smtp_url": "smtps://mail.test", "mail_from": "courses@example.com"},
            State.WARN,
            "MAIL_FROM",
        ),
    ],
    ids=["proxies", "debug", "plain http", "sender"],
)
def test_what_does_not_fit_production_is_named(
    doctor: Doctor, changes: dict[str, object], state: State, said: str
) -> None:
    doctor.enter_production()
    doctor.change(**changes)
    found = doctor.one("settings", state)
    assert said in found.detail
    assert said in found.remedy


def test_running_as_root_is_told_in_production(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    doctor.enter_production()
    assert "setup.sh flask doctor" in doctor.one("user", State.WARN).remedy


def test_a_secret_that_serves_twice_is_told_without_being_shown(doctor: Doctor) -> None:
    doctor.change(page_cache_key=SECRET, redis_url=f"redis://:{SECRET}@127.0.0.1/0")
    found = doctor.one("secrets", State.FAIL)
    assert found.detail == "PAGE_CACHE_KEY and REDIS_URL are the same"
    assert SECRET not in found.detail + found.remedy


def test_videos_sealed_by_a_secret_that_rotates_are_told(doctor: Doctor) -> None:
    doctor.enter_production(content_key_secret="")
    assert "CONTENT_KEY_SECRET" in doctor.one("secrets", State.WARN).remedy


@pytest.mark.parametrize(
    ("mode", "state", "said"),
    [(0o640, State.OK, ""), (0o644, State.FAIL, "may read"), (0o660, State.FAIL, "may write")],
    ids=["0640", "0644", "0660"],
)
def test_a_file_of_secrets_that_others_may_read_is_told(
    doctor: Doctor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    state: State,
    said: str,
) -> None:
    doctor.one("secret files", State.SKIP)
    path = tmp_path / "key"
    path.write_text(SECRET)
    path.chmod(mode)
    release = tmp_path / "release"
    release.touch(mode=0o644)
    monkeypatch.setenv("RELEASE_FILE", str(release))
    doctor.one("secret files", State.SKIP)
    monkeypatch.setenv("SECRET_KEY_FILE", str(path))
    found = doctor.one("secret files", state)
    assert said in found.detail
    assert state is State.OK or f"chmod 0640 {path}" in found.remedy


def test_no_secret_survives_in_what_is_said(doctor: Doctor) -> None:
    doctor.change(
        secret_key=SECRET,
        stripe_webhook_secret=("whsec_one", "whsec_two"),
        database_url="postgresql+psycopg2://app:p%40ssword@db/app",
        sentry_dsn="https://publickey@sentry.test/7",
    )
    said = f"{SECRET} whsec_two p%40ssword p@ssword publickey and the rest"
    assert secrets.scrub(said, doctor.settings) == "*** *** *** *** *** and the rest"
