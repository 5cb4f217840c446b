"""The application in production behind nginx, on loopback, with a course and three people."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.cli.static import publish
from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import LoginSession, Role, User
from app.web.templating import STATIC
from tests import factories
from tests.ops.proxy import HOST, KEY, Proxy, serving
from tests.support.apps import made_app
from tests.support.known_secrets import SECRETS
from tests.support.server import LiveServer, free_port, gunicorn


@dataclass(frozen=True)
class ProxiedSite:
    """A running site: nginx before gunicorn, and the application on the same data."""

    proxy: Proxy
    server: LiveServer
    environment: Mapping[str, str]
    slug: str
    lesson_path: str
    admin_cookie: str
    learner_cookie: str


def _token_of(user: User) -> str:
    token = secrets.token_urlsafe(32)
    digest = hashlib.sha256(token.encode()).digest()
    expires_at = utcnow() + timedelta(days=1)
    db.session.add(LoginSession(user_id=user.id, token_hash=digest, expires_at=expires_at))
    db.session.commit()
    return f"__Host-session={token}"


@contextmanager
def proxied_site(
    environment: Mapping[str, str], database_url: str, folder: Path, **rendered: str
) -> Iterator[ProxiedSite]:
    """Run the whole for the block; `rendered` goes to render.sh."""
    folder.parent.chmod(0o755)
    port, tls_port, web_port = str(free_port()), str(free_port()), str(free_port())
    values = {name: value for name, value in environment.items() if name in SECRETS}
    values |= {
        "DATABASE_URL": database_url,
        "APP_ENV": "production",
        "DATA_DIR": str(folder / "data"),
        "PUBLIC_BASE_URL": f"https://{HOST}",
        "TRUSTED_HOSTS": f"{HOST},127.0.0.1",
        "TRUSTED_PROXIES": "1",
        "REQUIRE_MFA": "none",
        "X_ACCEL_PREFIX": "/_stored",
        "PAGE_CACHE_URL": f"http://127.0.0.1:{port}",
        "PAGE_CACHE_KEY": KEY,
        "PORT": web_port,
    }
    publish(STATIC, folder / "static-root")
    media = folder / "data" / "media"
    media.mkdir(parents=True)
    given = {
        "HTTP_PORT": port,
        "HTTPS_PORT": tls_port,
        "WEB_UPSTREAM": f"127.0.0.1:{web_port}",
        "MEDIA_ROOT": str(media),
        **rendered,
    }
    with made_app(values) as app, app.app_context():
        course = factories.make_course(slug="weaving", title="Weaving by hand")
        lesson = factories.make_lesson(factories.make_section(course))
        admin = factories.make_user(Role.ADMIN)
        learner = factories.make_user()
        factories.make_enrollment(learner, course)
        cookies = {"admin_cookie": _token_of(admin), "learner_cookie": _token_of(learner)}
        path = f"/learn/{course.slug}/{lesson.id}"
    with gunicorn(values, folder) as server, serving(folder, **given) as proxy:
        yield ProxiedSite(proxy, server, values, "weaving", path, **cookies)
