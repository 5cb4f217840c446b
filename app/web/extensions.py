"""The Flask extensions, as bare objects; `init_app` binds each with its settings in one place."""

from datetime import tzinfo
from typing import cast

from babel.dates import get_timezone
from flask import Flask, g
from flask_babel import Babel
from flask_cors import CORS
from flask_limiter.util import get_remote_address
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.local import LocalProxy

from app.config import Settings
from app.database import db
from app.direct import RestingPool
from app.domain.accounts.profile import LANGUAGES
from app.errors import DomainError
from app.integrations.limit_storage import limit_storage_uri
from app.timed_cursor import TimedCursor
from app.web.headers import ConstantTalisman, content_security_policy, permissions_policy
from app.web.languages import language_by
from app.web.lean import (
    DecoratingLimiter,
    FormSessions,
    FormTokens,
    House,
    OwnLogin,
    SmallCompress,
)

babel = Babel()
compress = SmallCompress()
cors = CORS()
csrf = FormTokens()
limiter = DecoratingLimiter(get_remote_address)
login_manager = OwnLogin()
talisman = ConstantTalisman()


def _preference(name: str) -> str | None:
    """Return what the signed-in person chose; None when nobody is, or nobody can be looked up.

    Pages that tell of an error ask as well, and must stand whatever is wrong with the database.
    """
    try:
        return cast("str | None", getattr(current_user, name, None))
    except (DomainError, SQLAlchemyError):
        g._login_user = login_manager.anonymous_user()  # noqa: SLF001 - where flask-login keeps it
        return None


def _locale() -> str:
    return language_by(_preference("locale"))


def _time_zone() -> tzinfo | None:
    chosen = _preference("timezone")
    try:
        return get_timezone(chosen) if chosen else None
    except LookupError:  # a zone that this machine does not know, or no longer
        return None


def _bind_migrate(app: Flask) -> object:
    """Bind Flask-Migrate at its first use: Alembic costs a web process 0.1 s and 12 MB."""
    from flask_migrate import Migrate  # noqa: PLC0415

    Migrate(app, db, compare_type=True)
    return app.extensions["migrate"]


def configure(app: Flask, settings: Settings) -> None:
    """Translate the settings into what Flask and its extensions read."""
    prefix = "__Host-" if settings.is_https else ""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        TRUSTED_HOSTS=list(settings.trusted_hosts) or None,
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_MEMORY_SIZE=512 * 1024,
        MAX_FORM_PARTS=200,
        SESSION_COOKIE_NAME=f"{prefix}form",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "poolclass": RestingPool,
            "pool_size": settings.database_pool_size,
            "max_overflow": 0,
            "pool_timeout": 3,
            "hide_parameters": True,  # an error's text goes to the log; addresses do not
            "connect_args": {
                "application_name": "web",
                "cursor_factory": TimedCursor,
                "connect_timeout": 5,  # a host that is gone refuses nothing
                "options": "-c statement_timeout=5000"
                " -c idle_in_transaction_session_timeout=10000 -c timezone=UTC",
            },
        },
        WTF_CSRF_TIME_LIMIT=12 * 3600,
        RATELIMIT_STORAGE_URI=limit_storage_uri(settings),
        RATELIMIT_STRATEGY="fixed-window",  # the one that can give a hit back
        RATELIMIT_HEADERS_ENABLED=True,
        RATELIMIT_HEADER_LIMIT="RateLimit-Limit",
        RATELIMIT_HEADER_REMAINING="RateLimit-Remaining",
        RATELIMIT_HEADER_RESET="RateLimit-Reset",
        # What it would call Retry-After, on every answer, is the reset in seconds from now.
        RATELIMIT_HEADER_RETRY_AFTER="RateLimit-Reset",
        BABEL_DEFAULT_LOCALE=LANGUAGES[0],
        BABEL_TRANSLATION_DIRECTORIES="translations",
        COMPRESS_ALGORITHM=["gzip"],
        COMPRESS_LEVEL=5,
        COMPRESS_MIMETYPES=[
            "text/html", "text/css", "text/javascript", "application/json",
            "application/problem+json", "application/vnd.apple.mpegurl", "image/svg+xml",
        ],
    )  # fmt: skip


def init_app(app: House, settings: Settings) -> None:
    """Bind every extension to the application."""
    configure(app, settings)
    app.session_interface = FormSessions()
    db.init_app(app)
    app.extensions["migrate"] = LocalProxy(lambda: _bind_migrate(app))
    babel.init_app(app, locale_selector=_locale, timezone_selector=_time_zone)
    login_manager.init_app(app)
    login_manager.session_protection = None
    csrf.init_app(app)
    limiter.init_app(app)
    compress.init_app(app)  # nginx asks for compressed pages only where it keeps them for all
    if settings.allowed_origins:  # without any it would compare each request with none
        cors.init_app(
            app,
            resources={r"/api/*": {"origins": list(settings.allowed_origins)}},
            supports_credentials=True,
            max_age=600,
        )
    talisman.init_app(
        app,
        force_https=False,
        session_cookie_secure=False,
        strict_transport_security=settings.is_https,
        strict_transport_security_max_age=63072000,
        strict_transport_security_include_subdomains=True,
        frame_options="DENY",
        x_xss_protection=False,
        referrer_policy="strict-origin-when-cross-origin",
        content_security_policy=content_security_policy(settings),
        permissions_policy=permissions_policy(),
    )
