"""A server that takes error reports as Sentry does, and keeps what it was sent."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import brotli  # type: ignore[import-untyped]

UNPACKING: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}
KEY = "0123456789abcdef0123456789abcdef"


@dataclass
class Sentry:
    """What arrived: whole envelopes as text, and the events in them."""

    port: int
    envelopes: list[str] = field(default_factory=list)
    sent_by: list[str] = field(default_factory=list)

    @property
    def dsn(self) -> str:
        """What SENTRY_DSN has to be."""
        return f"http://{KEY}@127.0.0.1:{self.port}/1"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of all envelopes: an envelope is lines of JSON, items after their headers."""
        found = []
        for envelope in list(self.envelopes):
            lines = [json.loads(line) for line in envelope.splitlines() if line]
            found += [
                item
                for head, item in zip(lines[1::2], lines[2::2], strict=True)
                if head["type"] == "event"
            ]
        return found

    def telling(self, words: str) -> list[dict[str, Any]]:
        """The events with `words` anywhere in them."""
        return [event for event in self.events if words in json.dumps(event)]


@contextmanager
def running_sentry() -> Iterator[Sentry]:
    """Take reports on a loopback port for the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = UNPACKING[self.headers.get("Content-Encoding", "")](body)
            sentry.sent_by.append(self.headers.get("X-Sentry-Auth", ""))
            sentry.envelopes.append(body.decode())
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        sentry = Sentry(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield sentry
        finally:
            server.shutdown()
            thread.join()
