"""Webhooks on their way: signed, retried; on demand lost, repeated, held and put out of order."""

import hashlib
import heapq
import hmac
import json
import random
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

WORKERS = 8
MAX_ATTEMPTS = 40
TIMEOUT_SECONDS = 10.0

Event = dict[str, Any]


def sign(body: bytes, secrets: list[str], timestamp: int) -> str:
    """Return the Stripe-Signature header: a signature for each secret that is in force."""
    message = b"%d." % timestamp + body
    marks = [hmac.new(s.encode(), message, hashlib.sha256).hexdigest() for s in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={mark}" for mark in marks)])


@dataclass(order=True)
class _Due:
    at: float
    number: int
    event: Event = field(compare=False)
    attempt: int = field(compare=False, default=0)


class Deliveries:
    """A queue of events with threads that bring them to the one address that wants them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.reset()
        for _ in range(WORKERS):
            threading.Thread(target=self._work, daemon=True).start()

    def reset(self) -> None:
        """Forget all that is on its way, and where it was to go."""
        with self._changed:
            self.url = ""
            self.secrets = ["whsec_stand_in"]
            self.first_retry_seconds = 0.2
            self.longest_retry_seconds = 5.0
            self.drop_next = 0
            self.is_quiet = False
            self.times = 1
            self.is_held = False
            self.log: list[dict[str, Any]] = []
            self._queue: list[_Due] = []
            self._under_way = 0
            self._number = 0
            self._generation = getattr(self, "_generation", 0) + 1

    def put(self, event: Event) -> None:
        """Send `event` as often as asked for, unless it is to be lost."""
        with self._changed:
            if not self.url or self.is_quiet:
                return
            if self.drop_next > 0:
                self.drop_next -= 1
                return
            for _ in range(self.times):
                self._push(event, time.monotonic())

    def send_again(self, event: Event, times: int) -> None:
        """Send an event that was sent already."""
        with self._changed:
            for _ in range(times):
                self._push(event, time.monotonic())

    def release(self, order: str, seed: int) -> None:
        """Let go what was held: as it came (`kept`), `reversed` or `shuffled`, one by one."""
        with self._changed:
            events = [due.event for due in sorted(self._queue, key=lambda due: due.number)]
            if order == "reversed":
                events.reverse()
            elif order == "shuffled":
                random.Random(seed).shuffle(events)
            url, secrets = self.url, list(self.secrets)
            self._queue.clear()
        for event in events:
            self._note(event, 0, _post(url, secrets, event))
        with self._changed:
            self.is_held = False
            self._changed.notify_all()

    def count_pending(self) -> int:
        """Return how many deliveries wait or are under way."""
        with self._changed:
            return len(self._queue) + self._under_way

    def _push(self, event: Event, at: float, attempt: int = 0) -> None:
        self._number += 1
        heapq.heappush(self._queue, _Due(at, self._number, event, attempt))
        self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                due, generation = self._next(), self._generation
                url, secrets = self.url, list(self.secrets)
            status = _post(url, secrets, due.event)
            with self._changed:
                if generation != self._generation:
                    continue
                self._note(due.event, due.attempt, status)
                self._under_way -= 1
                if not 200 <= status < 300 and due.attempt + 1 < MAX_ATTEMPTS:
                    wait = self.first_retry_seconds * 2.0 ** min(due.attempt, 10)
                    later = time.monotonic() + min(wait, self.longest_retry_seconds)
                    self._push(due.event, later, due.attempt + 1)

    def _next(self) -> _Due:
        """Wait for a delivery that is due; the lock is held."""
        while True:
            now = time.monotonic()
            if self._queue and not self.is_held and self._queue[0].at <= now:
                self._under_way += 1
                return heapq.heappop(self._queue)
            is_waiting = bool(self._queue) and not self.is_held
            self._changed.wait(max(0.0, self._queue[0].at - now) if is_waiting else None)

    def _note(self, event: Event, attempt: int, status: int) -> None:
        entry = {"id": event["id"], "type": event["type"], "attempt": attempt, "status": status}
        self.log.append(entry)


def _post(url: str, secrets: list[str], event: Event) -> int:
    """Deliver once; return the status, or 0 when nobody answered."""
    body = json.dumps(event, indent=2).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": sign(body, secrets, int(time.time())),
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (OSError, ValueError):
        return 0
