"""Asks everyone this installation depends on whether they answer: briefly, and not too often."""

import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.config import MailKind, Settings, StorageKind
from app.errors import DomainError
from app.scrubbing import scrub

if TYPE_CHECKING:
    from app.integrations import Integrations

LIMIT_SECONDS = 3.0
KEPT_SECONDS = 30.0
_PROBE = "health/probe"
_CARD = "card"


class State(StrEnum):
    OK = "ok"
    FAILED = "failed"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Told:
    """How one of them stands: `detail` says what is wrong, in words without a secret."""

    state: State
    milliseconds: int = 0
    detail: str = ""


Probe = Callable[[], object]


class Probes:
    """Remembers for half a minute what each probe told; None stands for what is not set up."""

    def __init__(
        self,
        probes: Mapping[str, Probe | None],
        limit_seconds: float = LIMIT_SECONDS,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        self._probes = probes
        self._limit_seconds, self._kept_seconds = limit_seconds, kept_seconds
        self._lock = threading.Lock()
        self._told: dict[str, Told] = {}
        self._told_at = float("-inf")
        self._asking: dict[str, threading.Thread] = {}

    def ask(self) -> dict[str, Told]:
        """Return what each told lately, having asked all of them side by side where that is old.

        One that does not answer in time has failed, and is not asked again until it has answered:
        a vendor that hangs holds one thread.
        """
        with self._lock:
            if time.monotonic() - self._told_at < self._kept_seconds:
                return self._told
            self._told = self._ask_all()
            self._told_at = time.monotonic()
            return self._told

    def _ask_all(self) -> dict[str, Told]:
        fresh: dict[str, Told] = {}
        for name, probe in self._probes.items():
            if probe is not None and not self._is_hanging(name):
                thread = threading.Thread(
                    target=_ask_one, args=(name, probe, fresh), name=f"probe-{name}", daemon=True
                )
                self._asking[name] = thread
                thread.start()
        until = time.monotonic() + self._limit_seconds
        for thread in self._asking.values():
            thread.join(max(0.0, until - time.monotonic()))
        late = Told(State.FAILED, int(self._limit_seconds * 1000), "no answer in time")
        return {
            name: Told(State.OFF) if probe is None else fresh.get(name, late)
            for name, probe in self._probes.items()
        }

    def _is_hanging(self, name: str) -> bool:
        return name in self._asking and self._asking[name].is_alive()


def _ask_one(name: str, probe: Probe, told: dict[str, Told]) -> None:
    started = time.perf_counter()
    state, detail = State.OK, ""
    try:
        probe()
    except DomainError as error:
        state, detail = State.FAILED, scrub(error.detail)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with them is the answer
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None)
        state, detail = State.FAILED, scrub(f"{type(error).__name__}: {reason or 'no answer'}")
    told[name] = Told(state, round((time.perf_counter() - started) * 1000), detail)


def of(settings: Settings, integrations: "Integrations") -> dict[str, Probe | None]:
    """Return a probe for each vendor of this installation, None for those that are not set up."""
    card = integrations.gateways.get(_CARD)
    return {
        "storage": _storage(settings, integrations),
        "cdn": (lambda: _fetch(integrations.cdn.segment_base(_PROBE)))
        if settings.cdn_base_url
        else None,
        "stripe": card.check if card else None,
        "mail": integrations.mailer.check if settings.mail_kind is not MailKind.OUTBOX else None,
        "sentry": (lambda: _connect(settings.sentry_dsn)) if settings.sentry_dsn else None,
    }


def _storage(settings: Settings, integrations: "Integrations") -> Probe | None:
    """Return a look into a folder where nobody stored anything: an answer is all that is wanted.

    Asked for the size of an object, a server says the same of a missing object and of a missing
    bucket. Of a disk `ready` tells already.
    """
    if settings.storage is not StorageKind.S3:
        return None
    return lambda: next(iter(integrations.storage.list_objects(_PROBE)), None)


def _fetch(url: str) -> None:
    """Ask for what is not there; being refused is an answer, too. Raises OSError."""
    try:
        with urllib.request.urlopen(url, timeout=LIMIT_SECONDS):  # noqa: S310 - the settings' address
            return
    except urllib.error.HTTPError as error:
        if error.code >= 500:
            raise


def _connect(address: str) -> None:
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with socket.create_connection((parts.hostname or "", port), LIMIT_SECONDS):
        return
