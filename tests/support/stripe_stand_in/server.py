"""The stand-in's HTTP: Stripe's API, the page to pay on, and the control of tests."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.stripe_stand_in import hosted_page
from tests.support.stripe_stand_in.api import Api
from tests.support.stripe_stand_in.books import Books
from tests.support.stripe_stand_in.control import Control
from tests.support.stripe_stand_in.deliveries import Deliveries
from tests.support.stripe_stand_in.faults import Faults
from tests.support.stripe_stand_in.parameters import Refused


class StandInServer(ThreadingHTTPServer):
    """Holds what its handlers share."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.deliveries = Deliveries()
        self.books = Books(self.deliveries.put)
        self.api = Api(self.books, f"http://127.0.0.1:{self.server_address[1]}")
        self.faults = Faults()
        self.control = Control(self.books, self.api, self.deliveries, self.faults)
        threading.Thread(target=self._watch_clock, daemon=True).start()

    def _watch_clock(self) -> None:
        while True:
            time.sleep(0.5)
            with self.books.lock:
                self.books.expire_due()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: StandInServer

    def do_GET(self) -> None:
        """Answer a question."""
        self._handle("GET", "")

    def do_POST(self) -> None:
        """Answer a wish."""
        length = int(self.headers.get("Content-Length") or 0)
        self._handle("POST", self.rfile.read(length).decode())

    def _handle(self, method: str, body: str) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/_control/"):
            self._control(parts.path.removeprefix("/_control/"), body)
        elif parts.path.startswith("/c/pay/"):
            self._hosted(method, parts.path.removeprefix("/c/pay/"), body)
        else:
            self._api(method, parts.path, body if method == "POST" else parts.query)

    def _api(self, method: str, path: str, encoded: str) -> None:
        with self.server.books.lock:
            fault = self.server.faults.take(path)
        if fault:
            threading.Event().wait(fault.delay_seconds)
            if fault.is_after or fault.delay_seconds:
                answer = self.server.api.answer(method, path, encoded, self.headers)
                if not fault.is_after:
                    self._json(*answer)
                    return
            if fault.status == 0:
                self.close_connection = True
                return
            said = {"error": {"type": "api_error", "message": "Something went wrong."}}
            self._json(fault.status, said, {})
            return
        self._json(*self.server.api.answer(method, path, encoded, self.headers))

    def _control(self, act: str, body: str) -> None:
        try:
            if act == "release":  # delivers one by one: not under the lock
                self.server.deliveries.release(**json.loads(body))
                self._json(200, None, {})
                return
            self._json(200, self.server.control.run(act, json.loads(body or "{}")), {})
        except Refused as refused:
            self._json(refused.status, {"error": refused.error}, {})
        except (KeyError, TypeError, ValueError) as error:
            self._json(400, {"error": {"message": repr(error)}}, {})

    def _hosted(self, method: str, session_id: str, body: str) -> None:
        books = self.server.books
        said, goes_to = "", ""
        with books.lock:
            books.expire_due()
            session = books.sessions.get(session_id)
            if session is None:
                self._page(404, "<h1>No such page</h1>")
                return
            act = parse_qs(body).get("act", [""])[0]
            if method == "POST" and session["status"] == "open":
                if act == "pay":
                    books.pay(session)
                    goes_to = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session_id)
                elif act in hosted_page.SAID:
                    said = hosted_page.SAID[act]
                    books.decline(session, "card_declined", said)
            page = hosted_page.draw(session, said)
        if goes_to:
            self._send(303, b"", {"Location": goes_to})
        else:
            self._page(200, page)

    def _page(self, status: int, page: str) -> None:
        headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}
        self._send(status, page.encode(), headers)

    def _json(self, status: int, said: Any, headers: dict[str, str]) -> None:
        kind = {"Content-Type": "application/json", "Request-Id": "req_stand_in"}
        self._send(status, json.dumps(said).encode(), {**kind, **headers})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""
