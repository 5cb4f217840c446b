"""Asking Stripe: its library, imported when first used, with little patience and its errors told.

What is asked stands in stripe_gateway.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from app.config import Settings
from app.errors import GatewayRefused, GatewayUnavailable

if TYPE_CHECKING:
    from stripe import ListObject, StripeClient, StripeObject

CONNECT_SECONDS, READ_SECONDS, RETRIES = 3.0, 8.0, 2
# A Stripe that hangs holds no more threads of a web worker than these; others are told to come
# back, and the site's other pages go on.
CALLS_AT_ONCE, WAIT_SECONDS = 4, 3.0

Object = dict[str, Any]


class TooLate(GatewayRefused):
    """The time at which a page is to close is too near."""


class StripeCalls:
    """Calls with the key of an installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = BoundedSemaphore(CALLS_AT_ONCE)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and ask. Raises GatewayUnavailable, GatewayRefused."""
        if not self._slots.acquire(timeout=WAIT_SECONDS):
            raise GatewayUnavailable
        try:
            with _translated():
                yield
        finally:
            self._slots.release()

    def items(self, first_page: Callable[[], "ListObject[Any]"]) -> Iterator[Object]:
        """Return the items of all pages; no turn is held while their reader works.

        Raises GatewayUnavailable, GatewayRefused.
        """
        with self.turn():
            page = first_page()
        while not page.is_empty:
            yield from map(plain, page.data)
            if not page.has_more:
                return
            with self.turn():
                page = page.next_page()

    @cached_property
    def client(self) -> "StripeClient":
        """Return the library's client, for use within `turn`."""
        import stripe  # noqa: PLC0415

        stripe.enable_telemetry = False
        base = self._settings.stripe_api_base.rstrip("/")
        return stripe.StripeClient(
            self._settings.stripe_secret_key,
            base_addresses={"api": base} if base else {},
            max_network_retries=RETRIES,
            http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS)),
        )


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the library's errors into ours. Raises GatewayUnavailable, GatewayRefused."""
    import stripe  # noqa: PLC0415

    try:
        yield
    except (stripe.InvalidRequestError, stripe.CardError, stripe.IdempotencyError) as error:
        said = _said(error)
        if isinstance(error, stripe.InvalidRequestError) and error.param == "expires_at":
            raise TooLate(said) from None
        raise GatewayRefused(said) from None
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        # Not the request is wrong but the key, which may be put right.
        raise GatewayUnavailable(f"Stripe does not accept the key: {_said(error)}") from None
    except stripe.StripeError as error:
        raise GatewayUnavailable(f"Stripe does not answer: {_said(error)}") from None


def _said(error: Any) -> str:
    words = error.user_message or type(error).__name__
    return " ".join(str(words).split())[:300]


def plain(item: "StripeObject") -> Object:
    """Return an object of the library as a dictionary."""
    return item.to_dict()
