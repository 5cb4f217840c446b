"""What this installation asks others for: storage, the CDN, payments, mail, error reports."""

import secrets
import socket
import urllib.error
import urllib.request
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from app.cli.checks.findings import Check, Finding, fail, ok, skip, warn
from app.clock import utcnow
from app.config import Environment, MailKind, StorageKind
from app.current import integrations, settings
from app.errors import DomainError, GatewayRefused, GatewayUnavailable, MailFailed, StorageFull
from app.integrations.uploads import MIN_PART_BYTES, Plan
from app.web.extensions import limiter

ASK_SECONDS = 4
_BUCKET = (
    "See S3_BUCKET_NAME, AWS_REGION, AWS_ENDPOINT_URL and the key's permissions "
    "(docs/UPLOADS.md lists them)."
)


def _redis() -> Finding:
    if not settings.redis_url:
        return skip("REDIS_URL is not set: limits are counted in PostgreSQL")
    if limiter.storage is not None and limiter.storage.check():
        return ok("answers")
    return warn(
        "Redis does not answer: each process counts limits on its own",
        "Start it, or put REDIS_URL right (redis://:password@host:6379/0); nothing else needs it.",
    )


def _storage() -> Finding:
    """Write, read and delete one object, as uploads and playback do."""
    folder, data = f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(64)
    key = f"{folder}/probe"
    is_local = settings.storage is StorageKind.LOCAL
    remedy = (
        f"The application's user must be able to write {settings.media_directory} "
        "(MEDIA_ROOT or DATA_DIR): chown it, or mount the disk."
        if is_local
        else _BUCKET
    )
    try:
        integrations.storage.put_bytes(key, data, "application/octet-stream")
        try:
            with integrations.storage.open(key) as stored:
                is_same = stored.read() == data
        finally:
            integrations.storage.delete_prefix(folder)
        left = integrations.storage.list_keys(folder)
    except StorageFull:
        return fail("the storage is full", "Free space, or delete media in the admin.")
    except DomainError as error:
        return fail(error.detail, remedy)
    except OSError as error:
        return fail(f"{settings.media_directory}: {error.strerror}", remedy)
    if not is_same or left:
        what = "does not give back what was written" if not is_same else "does not delete"
        return fail(f"the storage {what}", remedy)
    return ok(f"{settings.storage.value}: written, read and deleted")


def _bucket() -> Finding:
    """Ask as a browser does before it sends a part of an upload to the bucket."""
    if settings.storage is not StorageKind.S3:
        return skip("STORAGE is local: browsers upload to this site")
    key = f"doctor/{secrets.token_hex(8)}/probe"
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(settings.public_base_url))
    uploads = integrations.storage.uploads
    try:
        upload = uploads.begin(Plan(key, "application/octet-stream", 1, MIN_PART_BYTES))
        try:
            address = uploads.part_url(key, upload, 1, 60) or ""
            allowed = _preflight(address, origin)
        finally:
            uploads.abort(key, upload)
    except DomainError as error:
        return fail(error.detail, _BUCKET)
    except OSError as error:
        reason = getattr(error, "reason", error)
        return fail(f"the bucket's address does not answer: {reason}", _BUCKET)
    if allowed not in (origin, "*"):
        return fail(
            f"the bucket's CORS rules do not let {origin} upload",
            f'Allow origin {origin}, method PUT, headers "*", expose ETag: docs/UPLOADS.md.',
        )
    return ok(f"uploads from {origin} are let in")


def _preflight(address: str, origin: str) -> str:
    request = urllib.request.Request(  # noqa: S310 - an address the bucket's client made
        address,
        method="OPTIONS",
        headers={"Origin": origin, "Access-Control-Request-Method": "PUT"},
    )
    try:
        with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:  # noqa: S310
            return str(answer.headers.get("Access-Control-Allow-Origin", ""))
    except urllib.error.HTTPError as error:
        return str(error.headers.get("Access-Control-Allow-Origin", ""))


def _cdn() -> list[Finding]:
    """Store an object, and fetch it through the CDN with a signature and without one."""
    if not settings.cdn_base_url:
        return [skip("CDN_BASE_URL is not set: this site serves the segments")]
    prefix = f"doctor-{secrets.token_hex(8)}/1"
    folder, file = f"media/{prefix}", f"{integrations.cdn.segment_base(prefix)}/probe.txt"
    grant = integrations.cdn.grant(prefix, bytes(32), UUID(int=0), utcnow() + timedelta(seconds=60))
    try:
        integrations.storage.put_bytes(f"{folder}/probe.txt", b"probe", "text/plain")
        try:
            unsigned, signed = _fetched(file), _fetched(f"{file}?{grant.query}")
        finally:
            integrations.storage.delete_prefix(folder)
    except DomainError as error:
        return [fail(f"nothing to fetch: {error.detail}", _BUCKET)]
    except OSError as error:
        reason = getattr(error, "reason", error)
        return [fail(f"the CDN does not answer: {reason}", "Put CDN_BASE_URL right.")]
    found = []
    if unsigned == 200:
        found.append(
            fail(
                "the CDN serves segments to everybody",
                "Restrict viewer access of the behaviour /media/* to the trusted key group.",
            )
        )
    if signed in (401, 403):
        found.append(
            fail(
                "the CDN refuses what we sign",
                "CLOUDFRONT_KEYPAIR_ID must name the public key of CLOUDFRONT_PRIVATE_KEY, in the "
                "key group of the behaviour /media/*; the bucket must let CloudFront read.",
            )
        )
    elif signed != 200:
        found.append(
            fail(
                f"the CDN answers {signed} for an object that is stored",
                "Its origin must be S3_BUCKET_NAME, without an origin path.",
            )
        )
    return found or [ok("it serves what we sign, and nothing else")]


def _fetched(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=ASK_SECONDS / 2) as answer:  # noqa: S310 - settings'
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)


def _stripe_settings() -> list[Finding]:
    if not settings.stripe_secret_key:
        return [skip("STRIPE_SECRET_KEY is not set: no cards are taken")]
    secret, shown = settings.stripe_secret_key, settings.stripe_publishable_key
    found = []
    if not secret.startswith(("sk_", "rk_")):
        found.append(
            fail("STRIPE_SECRET_KEY is no secret key", "It begins with sk_live_ or sk_test_.")
        )
    if shown and not shown.startswith("pk_"):
        found.append(
            fail("STRIPE_PUBLISHABLE_KEY is none", "It begins with pk_; never put sk_ there.")
        )
    is_live = "_live_" in secret
    if shown and ("_live_" in shown) != is_live:
        found.append(
            fail("one of Stripe's keys is live, the other for tests", "Use a pair of one mode.")
        )
    if is_live != (settings.app_env is Environment.PRODUCTION):
        found.append(
            warn(
                f"{'live' if is_live else 'test'} keys of Stripe in {settings.app_env.value}",
                "Live keys belong in production, test keys everywhere else.",
            )
        )
    hooks = settings.stripe_webhook_secret
    if not hooks:
        found.append(
            fail(
                "STRIPE_WEBHOOK_SECRET is not set: paid orders wait for the next reconciliation",
                f"Add {settings.public_base_url}/api/webhooks/stripe in Stripe's dashboard and put "
                "its signing secret here.",
            )
        )
    if any(not each.startswith("whsec_") for each in hooks):
        found.append(
            fail("STRIPE_WEBHOOK_SECRET is none", "The signing secret begins with whsec_.")
        )
    return found or [ok("keys and signing secret have their shapes")]


def _gateways() -> list[Finding]:
    found = []
    for method, gateway in integrations.gateways.items():
        try:
            found.append(ok(f"{method}: {gateway.check()}"))
        except (GatewayUnavailable, GatewayRefused) as error:
            remedy = "Look at STRIPE_SECRET_KEY, at https://status.stripe.com, and at the firewall."
            found.append(fail(f"{method}: {error.detail}", remedy))
    return found or [skip("no way to pay is set up")]


def _mail() -> Finding:
    if settings.mail_kind is MailKind.OUTBOX and settings.is_production:
        return warn(
            "nothing sends mail: nobody can sign up or reset a password",
            "Set SMTP_URL, SENDGRID_API_KEY or AWS_SES_REGION, and MAIL_FROM.",
        )
    try:
        return ok(f"{settings.mail_kind.value}: {integrations.mailer.check()}")
    except MailFailed as error:
        return fail(
            f"{settings.mail_kind.value}: {error.detail}",
            "Put right the address, user, password or key; then: flask mail test ADDRESS.",
        )


def _sentry() -> Finding:
    if not settings.sentry_dsn:
        return skip("SENTRY_DSN is not set: errors are in the log alone")
    parts = urlsplit(settings.sentry_dsn)
    number = parts.path.rpartition("/")[2]
    if parts.scheme not in ("http", "https") or not (parts.username and parts.hostname and number):
        return fail(
            "SENTRY_DSN is not one", "Copy it from Sentry: https://KEY@HOST/PROJECT-NUMBER."
        )
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname, port), ASK_SECONDS):
            return ok(f"{parts.hostname} answers, project {number}")
    except OSError as error:
        return warn(
            f"{parts.hostname} does not answer: {error.strerror or 'unknown host'}",
            "Errors are in the log alone; look at the firewall, or empty SENTRY_DSN.",
        )


CHECKS = (
    Check("redis", _redis, "REDIS_URL's server"),
    Check("storage", _storage, "the bucket, or the disk of the media,"),
    Check("bucket", _bucket, "the bucket's address", is_slow=True),
    Check("cdn", _cdn, "CDN_BASE_URL", is_slow=True),
    Check("stripe", _stripe_settings),
    Check("gateways", _gateways, "Stripe", is_slow=True),
    Check("mail", _mail, "the mail server", is_slow=True),
    Check("sentry", _sentry, "SENTRY_DSN's host", is_slow=True),
)
