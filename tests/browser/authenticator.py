"""A virtual authenticator in Chromium: makes passkeys, and takes one along to another browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import CDPSession, Page

from tests.support.house import House
from tests.support.server import LiveServer, free_port


@dataclass(frozen=True)
class Authenticator:
    """The fingerprint sensor of a page's device; it answers by itself while `verifies`."""

    cdp: CDPSession
    id: str

    def credentials(self) -> list[dict[str, Any]]:
        """Return the passkeys on it, private keys included."""
        answer = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(answer["credentials"])

    def take(self, credential: dict[str, Any]) -> None:
        """Put a passkey of another authenticator on this one."""
        self.cdp.send(
            "WebAuthn.addCredential", {"authenticatorId": self.id, "credential": credential}
        )

    def verifies(self, is_verified: bool) -> None:
        """Say whether the finger is the right one from here on."""
        self.cdp.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": is_verified}
        )


def plug_in(page: Page) -> Authenticator:
    """Give the page's device an authenticator that verifies its user."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    answer = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return Authenticator(cdp, str(answer["authenticatorId"]))


@contextmanager
def serve_named(house: House, **settings: str) -> Iterator[LiveServer]:
    """Serve the house for the block as a site that knows its own name, as passkeys need it."""
    port = str(free_port())
    address = {"PORT": port, "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}"}
    with house.served(**address, **settings) as server:
        yield server


def named(server: LiveServer) -> str:
    """Return the server's address with a name in it: browsers give no passkeys to numbers."""
    return server.url.replace("127.0.0.1", "localhost")
