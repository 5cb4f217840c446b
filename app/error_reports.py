"""Error reports to Sentry: initialised where a DSN is set, cut down to what may leave the house."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from app.config import Settings
from app.scrubbing import scrub

BREADCRUMBS = 20
# What an event may hold; locals, bodies, cookies, headers, arguments and modules are none of it.
KEPT = frozenset(
    {
        "event_id", "timestamp", "platform", "level", "logger", "transaction", "release",
        "environment", "server_name", "sdk", "exception", "logentry", "message", "tags",
        "breadcrumbs", "request", "fingerprint",
    }
)  # fmt: skip
KEPT_OF_FRAME = frozenset(
    {
        "filename", "abs_path", "function", "module", "lineno", "colno", "pre_context",
        "context_line", "post_context", "in_app",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Surroundings:
    """Where an error came up: tags, the pseudonym of who asked, and what they sent."""

    tags: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    secrets: Collection[str] = ()


class _Reporter:
    """Whether errors are reported, and who tells of their surroundings."""

    surroundings: Callable[[], Surroundings] = staticmethod(Surroundings)
    is_on = False


def configure(settings: Settings, surroundings: Callable[[], Surroundings]) -> None:
    """Report errors when a DSN is set; the SDK is only imported then."""
    _Reporter.surroundings = staticmethod(surroundings)
    _Reporter.is_on = bool(settings.sentry_dsn)
    if not settings.sentry_dsn:
        return
    import sentry_sdk  # noqa: PLC0415 - costs 0.1 s of boot, so only where it is used
    from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.dedupe import DedupeIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.threading import ThreadingIntegration  # noqa: PLC0415

    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        environment=settings.app_env.value,
        release=settings.release or None,
        before_send=scrub_event,
        before_breadcrumb=_scrub_breadcrumb,
        max_breadcrumbs=BREADCRUMBS,
        include_local_variables=False,
        max_request_body_size="never",
        auto_session_tracking=False,
        send_client_reports=False,
        # Those found by the SDK would wrap each request and send what they see of it.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda pending, timeout: None),  # noqa: ARG005
            DedupeIntegration(),
            ExcepthookIntegration(),
            LoggingIntegration(level=logging.INFO, event_level=logging.ERROR),
            ThreadingIntegration(propagate_scope=False),
        ],
    )


def report(error: BaseException) -> None:
    """Report an error that nothing else logs; never raises, never waits for Sentry."""
    if not _Reporter.is_on:
        return
    import sentry_sdk  # noqa: PLC0415

    sentry_sdk.capture_exception(error)


def report_event(event: dict[str, Any]) -> None:
    """Report what happened elsewhere, as an event of Sentry's own form."""
    if not _Reporter.is_on:
        return
    import sentry_sdk  # noqa: PLC0415

    sentry_sdk.capture_event(event)  # type: ignore[arg-type]


def scrub_event(event: Any, _: Any = None) -> Any:
    """Return a Sentry event without anything that must not leave the house."""
    around = _Reporter.surroundings()
    kept = {name: value for name, value in event.items() if name in KEPT}

    def clean(text: object) -> str:
        return scrub(str(text), around.secrets)

    for value in kept.get("exception", {}).get("values", ()):
        _clean_exception(value, clean)
    if entry := kept.get("logentry"):
        kept["logentry"] = {"message": clean(entry.get("formatted") or entry.get("message", ""))}
    if "message" in kept:
        kept["message"] = clean(kept["message"])
    if url := kept.pop("request", {}).get("url"):
        kept["request"] = {"url": clean(url.split("?", 1)[0])}
    crumbs = kept.get("breadcrumbs", {})
    for crumb in crumbs.get("values", ()) if isinstance(crumbs, dict) else crumbs:
        crumb["message"] = clean(crumb.get("message") or "")
    kept["tags"] = {**dict(kept.get("tags") or {}), **around.tags}
    if around.user:
        kept["user"] = {"id": around.user}
    return kept


def _clean_exception(value: dict[str, Any], clean: Callable[[object], str]) -> None:
    value["value"] = clean(value.get("value") or "")
    value.pop("raw_stacktrace", None)
    value.get("mechanism", {}).pop("data", None)
    stack = value.get("stacktrace") or {}
    stack["frames"] = [
        {name: part for name, part in frame.items() if name in KEPT_OF_FRAME}
        for frame in stack.get("frames", ())
    ]
    value["stacktrace"] = stack


def _scrub_breadcrumb(crumb: Any, _: Any) -> Any:
    """Keep log lines of ours; requests to vendors are told with their query strings."""
    if crumb.get("type") != "log":
        return None
    names = ("type", "level", "category", "timestamp", "message")
    return {name: crumb[name] for name in names if name in crumb}
