"""Settings: read once from the environment (or `<NAME>_FILE`), frozen, checked, passed around."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from app import sealed

DEVELOPMENT_SECRET = "development-only-secret-never-used-in-production"
MIN_SECRET_LENGTH = 32
PLACEHOLDERS = ("change", "secret", "example", "placeholder", "development", "xxxx", "todo")


class ConfigurationError(Exception):
    """The environment does not make a valid configuration.

    The message names every variable and the remedy, one a line.
    """


class Environment(StrEnum):
    DEVELOPMENT = "development"
    DEMO = "demo"
    STAGING = "staging"
    PRODUCTION = "production"


class StorageKind(StrEnum):
    LOCAL = "local"
    S3 = "s3"


class RequireMfa(StrEnum):
    NONE = "none"
    STAFF = "staff"
    ALL = "all"


class MailKind(StrEnum):
    OUTBOX = "outbox"
    SMTP = "smtp"
    SES = "ses"
    SENDGRID = "sendgrid"


class LogFormat(StrEnum):
    JSON = "json"
    TEXT = "text"


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


CommaSeparated = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """Everything an installation may set. Times are seconds, sizes bytes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    app_env: Environment = Environment.DEVELOPMENT
    site_name: str = "Triple Technologies"
    secret_key: str = DEVELOPMENT_SECRET
    public_base_url: str = "http://127.0.0.1:3000"
    trusted_hosts: CommaSeparated = ()
    trusted_proxies: int = Field(default=0, ge=0, le=4)
    allowed_origins: CommaSeparated = ()
    port: int = Field(default=3000, ge=1, le=65535)
    web_workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=64)
    data_dir: Path = Path("var/demo")
    run_dir: Path | None = None

    database_url: str = ""
    database_replica_url: str = ""
    database_migrator_url: str = ""
    database_pool_size: int = Field(default=8, ge=1, le=64)
    redis_url: str = ""

    storage: StorageKind = StorageKind.LOCAL
    media_root: Path | None = None
    s3_bucket_name: str = ""
    aws_region: str = "us-east-1"
    aws_access_key_id: str = ""
    aws_secret_access_key: str = ""
    aws_endpoint_url: str = ""
    cdn_base_url: str = ""
    cloudfront_keypair_id: str = ""
    cloudfront_private_key: str = ""
    x_accel_prefix: str = ""

    playback_jwt_secret: str = DEVELOPMENT_SECRET + "-playback"
    content_key_secret: str = ""
    max_streams: int = Field(default=2, ge=1, le=20)
    playback_token_seconds: int = Field(default=90, ge=2, le=600)
    playback_lease_seconds: int = Field(default=90, ge=2, le=600)
    heartbeat_interval_seconds: int = Field(default=30, ge=1, le=120)
    media_grant_seconds: int = Field(default=300, ge=2, le=3600)
    playback_tokens_per_minute: int = Field(default=20, ge=1, le=600)
    checkouts_per_minute: int = Field(default=10, ge=1, le=600)
    watermark_mask_email: bool = True

    ffmpeg_bin: str = ""
    transcode_timeout_seconds: int = Field(default=6 * 3600, ge=10)
    max_video_upload_bytes: int = Field(default=5 * 1024**3, ge=1)

    require_mfa: RequireMfa | None = None
    mail_from: str = ""
    smtp_url: str = ""
    sendgrid_api_key: str = ""
    sendgrid_api_base: str = ""
    aws_ses_region: str = ""

    stripe_secret_key: str = ""
    stripe_publishable_key: str = ""
    stripe_webhook_secret: CommaSeparated = ()
    stripe_api_base: str = ""
    max_proof_upload_bytes: int = Field(default=10 * 1024**2, ge=64 * 1024, le=50 * 1024**2)

    page_cache_url: str = ""
    page_cache_key: str = ""

    database_backup_url: str = ""
    backup_url: str = ""
    backup_recipient: CommaSeparated = ()
    backup_keep_days: int = Field(default=30, ge=1, le=3650)

    release: str = ""
    metrics_token: str = ""
    sentry_dsn: str = ""
    log_level: str = "INFO"
    log_format: LogFormat | None = None

    @property
    def is_production(self) -> bool:
        """Whether this is staging or production, where defaults are refused."""
        return self.app_env in (Environment.PRODUCTION, Environment.STAGING)

    @property
    def is_https(self) -> bool:
        """Whether the public address is https, so cookies carry `Secure` and `__Host-`."""
        return self.public_base_url[:6].lower() == "https:"

    @property
    def log_form(self) -> LogFormat:
        """Return how log lines are written: by default for people in development, else as JSON."""
        is_development = self.app_env is Environment.DEVELOPMENT
        return self.log_format or (LogFormat.TEXT if is_development else LogFormat.JSON)

    @property
    def media_directory(self) -> Path:
        """Return the root of local storage."""
        return (self.media_root or self.data_dir / "media").resolve()

    @property
    def content_secret(self) -> str:
        """Return the secret that content keys are sealed with; never the session's."""
        return self.content_key_secret or self.playback_jwt_secret

    @property
    def second_factor_for(self) -> RequireMfa:
        """Return whose second factor is mandatory: by default the staff's, in production."""
        if self.require_mfa is not None:
            return self.require_mfa
        return RequireMfa.STAFF if self.is_production else RequireMfa.NONE

    @property
    def mail_kind(self) -> MailKind:
        """Return what sends mail; without a vendor it stays in the outbox for the demo to show."""
        if self.smtp_url:
            return MailKind.SMTP
        if self.sendgrid_api_key:
            return MailKind.SENDGRID
        return MailKind.SES if self.aws_ses_region else MailKind.OUTBOX

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        problems = list(_missing(self))
        if self.is_production:
            problems += _weak_secrets(self)
            if not self.is_https:
                problems.append("PUBLIC_BASE_URL must start with https://")
            if not self.trusted_hosts:
                problems.append("TRUSTED_HOSTS must name the hosts this site answers to")
        if problems:
            raise ValueError("\n".join(problems))
        return self


def _missing(settings: Settings) -> list[str]:
    problems = []
    if not settings.database_url:
        problems.append("DATABASE_URL is not set; give it a postgresql:// address")
    if settings.storage is StorageKind.S3 and not settings.s3_bucket_name:
        problems.append("S3_BUCKET_NAME is not set, but STORAGE=s3 needs it")
    vendors = (settings.smtp_url, settings.sendgrid_api_key, settings.aws_ses_region)
    if sum(map(bool, vendors)) > 1:
        problems.append("Set one of SMTP_URL, SENDGRID_API_KEY and AWS_SES_REGION, not several")
    if any(vendors) and "@" not in settings.mail_from:
        problems.append("MAIL_FROM must be the address that mail is sent from")
    cloudfront = (settings.cloudfront_keypair_id, settings.cloudfront_private_key)
    if settings.cdn_base_url and not all(cloudfront):
        problems.append("CDN_BASE_URL needs CLOUDFRONT_KEYPAIR_ID and CLOUDFRONT_PRIVATE_KEY")
    return problems


def _weak_secrets(settings: Settings) -> list[str]:
    problems = []
    secrets = {
        "SECRET_KEY": settings.secret_key,
        "PLAYBACK_JWT_SECRET": settings.playback_jwt_secret,
    }
    if settings.content_key_secret:
        secrets["CONTENT_KEY_SECRET"] = settings.content_key_secret
    for name, value in secrets.items():
        if len(value) < MIN_SECRET_LENGTH or len(set(value)) < 10:
            problems.append(f"{name} is too weak; use `openssl rand -hex 32`")
        elif any(word in value.lower() for word in PLACEHOLDERS) or value[:1] + value[-1:] == "<>":
            problems.append(f"{name} is a placeholder; use `openssl rand -hex 32`")
    if len(set(secrets.values())) < len(secrets):
        problems.append(" and ".join(secrets) + " must differ from each other")
    return problems


def normalise_database_url(url: str) -> str:
    """Return `url` with psycopg2 as its driver (a bare postgresql:// means psycopg 3 today)."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg2://" + url.removeprefix(prefix)
    return url


def _sealed_values(source: Mapping[str, str]) -> dict[str, Any]:
    path, identity = source.get("SECRETS_FILE"), source.get("SECRETS_IDENTITY_FILE")
    if not path:
        return {}
    if not identity:
        raise ConfigurationError("SECRETS_FILE needs SECRETS_IDENTITY_FILE, which opens it")
    try:
        values = sealed.parse_lines(sealed.open_sealed(Path(path), Path(identity)))
    except sealed.SealedError as error:
        raise ConfigurationError(f"SECRETS_FILE: {error}") from error
    if unknown := {name for name in values if name.lower() not in Settings.model_fields}:
        raise ConfigurationError(f"SECRETS_FILE: no settings: {', '.join(sorted(unknown))}")
    return {name.lower(): value for name, value in values.items() if value}


def secret_files(environ: Mapping[str, str] | None = None) -> dict[str, Path]:
    """Return the files that settings are read from, by their names."""
    source = os.environ if environ is None else environ
    named = {field.upper(): source.get(f"{field.upper()}_FILE") for field in Settings.model_fields}
    named |= {name: source.get(name) for name in ("SECRETS_FILE", "SECRETS_IDENTITY_FILE")}
    return {name: Path(path) for name, path in named.items() if path}


def list_misspelled(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return names in the environment that nobody reads but that nearly are a setting's, and it."""
    source = os.environ if environ is None else environ
    known = {field.upper() for field in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}
    found = {
        name: next(iter(get_close_matches(name, known, n=1, cutoff=0.9)), "")
        for name in source
        if name not in known
    }
    return {name: meant for name, meant in found.items() if meant}


def _read_file(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{name}_FILE: {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{name}_FILE: {path}: not a text file") from error


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings from `environ` (default: the process's) and `<NAME>_FILE` files.

    What neither says is taken from SECRETS_FILE, which SECRETS_IDENTITY_FILE opens.
    Raises ConfigurationError naming every variable that is wrong and the remedy.
    """
    source = os.environ if environ is None else environ
    values: dict[str, Any] = _sealed_values(source)
    for field in Settings.model_fields:
        name = field.upper()
        path = source.get(f"{name}_FILE")
        value = _read_file(name, path) if path else source.get(name)
        if value:
            values[field] = value
    values.update(overrides)
    for name in ("database_url", "database_replica_url", "database_migrator_url"):
        if values.get(name):
            values[name] = normalise_database_url(values[name])
    try:
        return Settings(**values)
    except ValidationError as error:
        lines = [
            ": ".join(filter(None, (".".join(map(str, e["loc"])).upper(), _said(e["msg"]))))
            for e in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("\n".join(lines)) from None


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
