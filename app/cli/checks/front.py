"""What visitors meet: the name, the certificate, and whether nginx answers with our headers."""

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from typing import cast
from urllib.parse import urlsplit

from cryptography import x509

from app.cli.checks.findings import Check, Finding, fail, ok, skip, warn
from app.clock import utcnow
from app.current import integrations, settings
from app.integrations.page_cache import PageCacheUnavailable

ASK_SECONDS = 4
WARN_LEFT, FAIL_LEFT = timedelta(days=14), timedelta(days=3)
RENEW = "Renew it: nginx/README.md says how; then supervisorctl signal HUP nginx."
HEADERS = (
    "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Request-Id",
    "Cross-Origin-Opener-Policy", "Permissions-Policy",
)  # fmt: skip


@dataclass(frozen=True)
class Front:
    """The site's public name, and where on this host it is answered."""

    name: str
    scheme: str
    address: tuple[str, int]

    def connection(self, tls: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
        """Return a connection that goes to the address and asks for the name."""
        if self.scheme == "http":
            return http.client.HTTPConnection(*self.address, timeout=ASK_SECONDS)
        return _Named(self, tls or _unverified())


class _Named(http.client.HTTPSConnection):
    """Connects to a front's address while TLS is told its name."""

    def __init__(self, front: Front, tls: ssl.SSLContext) -> None:
        super().__init__(*front.address, timeout=ASK_SECONDS, context=tls)
        self._tls, self._server_name = tls, front.name

    def connect(self) -> None:
        """Open the connection."""
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self._server_name)


def front() -> Front:
    """Return the front: on the host of PAGE_CACHE_URL, where nginx stands, when that is set.

    The name may lead nowhere yet, or to a load balancer.
    """
    public = urlsplit(settings.public_base_url)
    near = urlsplit(settings.page_cache_url).hostname or public.hostname or ""
    port = public.port or (443 if public.scheme == "https" else 80)
    return Front(public.hostname or "", public.scheme, (near, port))


def _unverified() -> ssl.SSLContext:
    """Return a context that takes any certificate: what is wrong with it is another check's."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _name() -> Finding:
    host = urlsplit(settings.public_base_url).hostname or ""
    try:
        found = {item[4][0] for item in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return warn(
            f"the name {host} leads nowhere yet",
            f"Add A and AAAA records for {host} that lead to this host or its load balancer.",
        )
    return ok(f"{host} leads to {', '.join(sorted(map(str, found)))}")


def _certificate() -> list[Finding]:
    site = front()
    if site.scheme == "http":
        return [skip("the site is not https")]
    try:
        with closing(site.connection()) as connection:
            connection.connect()
            raw = cast(ssl.SSLSocket, connection.sock).getpeercert(binary_form=True) or b""
    except OSError as error:
        return [skip(f"nothing answers TLS there: {error.strerror or error}")]
    certificate = x509.load_der_x509_certificate(raw)
    until = certificate.not_valid_after_utc
    left = until - utcnow()
    if left < timedelta(0):
        return [fail(f"it expired on {until:%F}", RENEW)]
    found = [_expiry_soon(left)] if left < WARN_LEFT else []
    distrust = _distrust(site)
    if distrust and certificate.issuer == certificate.subject:
        found.append(
            warn(
                "it is signed by itself: browsers warn every visitor",
                "Get one once the name leads here: ACME_EMAIL=you@... ./setup.sh production, or "
                "put yours into etc/triple/tls (nginx/README.md).",
            )
        )
    elif distrust:
        found.append(fail(f"it is not trusted: {distrust}", RENEW))
    return found or [ok(f"good until {until:%F}")]


def _expiry_soon(left: timedelta) -> Finding:
    say = fail if left < FAIL_LEFT else warn
    return say(f"it expires in {left.days} days, so it was not renewed", RENEW)


def _distrust(site: Front) -> str:
    """Return why who trusts this machine's authorities would not trust the site, or nothing."""
    try:
        with closing(site.connection(ssl.create_default_context())) as connection:
            connection.connect()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _answers() -> list[Finding]:
    site = front()
    host = urlsplit(settings.public_base_url).netloc
    at = f"{site.address[0]}:{site.address[1]}"
    try:
        with closing(site.connection()) as connection:
            connection.request("GET", "/api/health/ready", headers={"Host": host})
            answer = connection.getresponse()
            body, status, headers = answer.read(1 << 16), answer.status, answer.headers
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return [
            fail(
                f"{at} hangs up when it is asked for {host}",
                f"nginx knows another name: SITE_HOST must be {site.name}; then "
                "./setup.sh production.",
            )
        ]
    except (OSError, http.client.HTTPException) as error:
        return [
            fail(
                f"nothing answers at {at}: {getattr(error, 'strerror', None) or error}",
                "supervisorctl status; supervisorctl start nginx web; "
                "see nginx-error.log and web.log in LOG_DIR.",
            )
        ]
    return _judged(status, headers, body)


def _judged(status: int, headers: Message, body: bytes) -> list[Finding]:
    if status != http.HTTPStatus.OK:
        return [_not_ready(status, body)]
    wanted = (*HEADERS, "Strict-Transport-Security") if settings.is_https else HEADERS
    if missing := [name for name in wanted if name not in headers]:
        return [
            fail(
                f"the answer lacks {', '.join(missing)}",
                "Something in between takes headers away, or X-Forwarded-Proto does not reach the "
                "application (TRUSTED_PROXIES).",
            )
        ]
    try:
        told = json.loads(body)
    except ValueError:
        told = {}
    weak = [name for name, result in told.get("checks", {}).items() if result != "ok"]
    if weak:
        return [warn(f"ready, but for: {', '.join(weak)}", "See the checks of these names.")]
    return [ok("ready, with all our headers")]


def _not_ready(status: int, body: bytes) -> Finding:
    try:
        checks: Mapping[str, str] = json.loads(body).get("checks", {})
    except (ValueError, AttributeError):
        checks = {}
    bad = ", ".join(name for name, result in checks.items() if result != "ok")
    if bad:
        return fail(f"not ready: {bad}", "See the checks of these names.")
    if status in (http.HTTPStatus.BAD_GATEWAY, http.HTTPStatus.GATEWAY_TIMEOUT):
        return fail("nginx answers, the application does not", "supervisorctl start web; web.log.")
    return fail(
        f"/api/health/ready answers {status}",
        "TRUSTED_HOSTS must name PUBLIC_BASE_URL's host; see web.log in LOG_DIR.",
    )


def _page_cache() -> Finding:
    if not settings.page_cache_url:
        return skip("PAGE_CACHE_URL is not set: changed pages show when their time is over")
    try:
        integrations.page_cache.empty(["/"])
    except PageCacheUnavailable as error:
        return warn(
            f"changed pages show only when their time is over: {error}",
            "PAGE_CACHE_URL must lead to nginx, and PAGE_CACHE_KEY be the same for it and the "
            "application: ./setup.sh production renders it anew.",
        )
    return ok("changed pages are fetched anew")


CHECKS = (
    Check("name", _name, "the name service"),
    Check("site", _answers, "nginx"),
    Check("certificate", _certificate, "nginx"),
    Check("page cache", _page_cache, "PAGE_CACHE_URL"),
)
