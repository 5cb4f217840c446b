"""Asks a web cluster on a Unix socket for the pages that matter, as nginx would; stands alone.

Usage: smoke_script.py SOCKET PUBLIC_BASE_URL all|ready. Exit status 1 when one is not as it should.
"""  # noqa: INP001

import http.client
import json
import re
import socket
import sys
import time
from urllib.parse import urlsplit

LIMIT_SECONDS = 2.0
ATTEMPTS = 3  # the first answer of a fresh process compiles its templates
READY = "/api/health/ready"
PAGES = ("/", "/courses", "/auth/sign-in", "/api/openapi.json")
STYLESHEET = re.compile(r'href="(/static/[^"]+\.css)"')


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def connect(self) -> None:
        """Connect to the socket that the host's name is."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def ask(path: str, page: str, base_url: str) -> tuple[str, str]:
    """Return what is wrong with a page, in words, and its body."""
    parts = urlsplit(base_url)
    headers = {
        "Host": parts.netloc,
        "X-Forwarded-Proto": parts.scheme,
        "X-Forwarded-For": "127.0.0.1",
        "Connection": "close",
    }
    connection = Connection(path, timeout=5 * LIMIT_SECONDS)
    began = time.monotonic()
    try:
        connection.request("GET", page, headers=headers)
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{page}: {error or type(error).__name__}", ""
    finally:
        connection.close()
    seconds = time.monotonic() - began
    if response.status != http.client.OK:
        return f"{page}: status {response.status} {_failed_checks(body)}".rstrip(), body
    if seconds > LIMIT_SECONDS:
        return f"{page}: took {seconds:.1f} s", body
    return "", body


def _failed_checks(body: str) -> str:
    try:
        checks = json.loads(body)["checks"]
    except (ValueError, KeyError, TypeError):
        return ""
    return "(" + ", ".join(name for name, result in checks.items() if result == "failed") + ")"


def _insist(path: str, page: str, base_url: str) -> tuple[str, str]:
    wrong, body = ask(path, page, base_url)
    for _ in range(ATTEMPTS - 1):
        if not wrong:
            break
        wrong, body = ask(path, page, base_url)
    return wrong, body


def faults(path: str, base_url: str) -> list[str]:
    """Return what is wrong with any of the pages, and with a stylesheet that the first names."""
    wrong, _ = ask(path, READY, base_url)
    if wrong:
        return [wrong]
    found = {page: _insist(path, page, base_url) for page in PAGES}
    stylesheet = STYLESHEET.search(found["/"][1])
    if stylesheet:
        found[stylesheet[1]] = _insist(path, stylesheet[1], base_url)
    elif not found["/"][0]:
        found["/"] = ("/: names no stylesheet", "")
    return [wrong for wrong, _ in found.values() if wrong]


def main() -> int:
    """Ask, say what is wrong, and return the exit status."""
    path, base_url, extent = sys.argv[1:]
    found = [ask(path, READY, base_url)[0]] if extent == "ready" else faults(path, base_url)
    wrong = list(filter(None, found))
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
