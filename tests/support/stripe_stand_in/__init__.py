"""A process that speaks Stripe's HTTP and signs its webhooks, and how tests tell it what to do."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.server import free_port, running, wait_until

SECRET_KEY = "sk_test_stand_in"
PUBLISHABLE_KEY = "pk_test_stand_in"
WEBHOOK_SECRET = "whsec_stand_in"
Object = dict[str, Any]


class ControlRefused(Exception):
    """The stand-in could not do what a test asked for."""


@dataclass(frozen=True)
class StripeStandIn:
    """A running stand-in. `which` is `session=`, `order_id=` or, for money, `payment=`."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings of an application that takes cards here."""
        return {
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_API_BASE": self.url,
        }

    def control(self, act: str, **arguments: Any) -> Any:
        """Tell the stand-in to do something. Raises ControlRefused."""
        body = json.dumps(arguments).encode()
        request = urllib.request.Request(f"{self.url}/_control/{act}", body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise ControlRefused(error.read().decode()) from None

    def reset(self) -> None:
        """Forget everything, as if just started."""
        self.control("reset")

    def deliver_to(self, site_url: str) -> None:
        """Send webhooks to a site from now on (without this, none is sent)."""
        self.control("configure", webhook_url=f"{site_url}/api/webhooks/stripe")

    def configure(self, **changes: Any) -> None:
        """Set drop_next, times, is_held, secrets, keys, is_live, refunds_are_slow and the like."""
        self.control("configure", **changes)

    def pay(self, amount: int | None = None, currency: str = "", **which: str) -> Object:
        """Pay; returns the session."""
        return dict(self.control("pay", amount=amount, currency=currency, **which))

    def decline(self, **which: str) -> Object:
        """Fail to pay; the page stays open."""
        return dict(self.control("decline", **which))

    def expire(self, **which: str) -> Object:
        """Let the page's time run out."""
        return dict(self.control("expire", **which))

    def refund(self, amount: int | None = None, **which: str) -> Object:
        """Refund from the gateway's dashboard; returns the refund."""
        return dict(self.control("refund", amount=amount, **which))

    def settle_refund(self, refund: str, status: str) -> Object:
        """Let a slow refund end as `succeeded` or `failed`."""
        return dict(self.control("settle_refund", refund=refund, status=status))

    def dispute(self, amount: int | None = None, **which: str) -> Object:
        """Open a dispute; returns it."""
        return dict(self.control("dispute", amount=amount, **which))

    def close_dispute(self, dispute: str, status: str) -> Object:
        """End a dispute as `won` or `lost`."""
        return dict(self.control("close_dispute", dispute=dispute, status=status))

    def fail(self, count: int = 1, **how: Any) -> None:
        """Let the next API requests fail: status, path, is_after (done, yet not answered)."""
        self.control("fail", count=count, **how)

    def hold(self) -> None:
        """Keep webhooks back until `release`."""
        self.configure(is_held=True)

    def release(self, order: str = "kept", seed: int = 0) -> None:
        """Deliver what was held one by one: kept, reversed or shuffled."""
        self.control("release", order=order, seed=seed)

    def everything(self) -> dict[str, list[Object]]:
        """Return sessions, intents, charges, refunds, disputes and events."""
        return dict(self.control("everything"))

    def sums(self) -> dict[str, dict[str, int]]:
        """Return by currency: payments, received, refunded, charged_back."""
        return dict(self.control("sums"))

    def requests(self) -> dict[str, int]:
        """Return how often each request was made, such as `create_session`."""
        return dict(self.control("requests"))

    def wait_delivered(self, timeout_seconds: float = 15.0) -> None:
        """Wait until no webhook is on its way any more."""
        done = lambda: self.control("pending") == 0  # noqa: E731
        wait_until(done, timeout_seconds, "all webhooks are delivered")


@contextmanager
def running_stand_in(directory: Path) -> Iterator[StripeStandIn]:
    """Run a stand-in for the block."""
    stand_in = StripeStandIn(f"http://127.0.0.1:{free_port()}")
    port = stand_in.url.rpartition(":")[2]
    command = [sys.executable, "-m", "tests.support.stripe_stand_in", port]
    with running(command, {}, directory / "stripe-stand-in.log"):
        wait_until(lambda: _answers(stand_in), 15, "the stand-in of the gateway answers")
        yield stand_in


def _answers(stand_in: StripeStandIn) -> bool:
    try:
        return stand_in.control("pending") == 0
    except OSError:
        return False
