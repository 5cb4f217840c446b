"""The references: a WSGI function that says hello, and a Flask application that does no more."""

import os
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

HELLO = b"hello\n"


def wsgi(environ: dict[str, object], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer hello to everything: what gunicorn itself costs (R2)."""
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(HELLO)))]
    start_response("200 OK", headers)
    return [HELLO]


def kept(environ: dict[str, object], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer hello for any cache to keep: what nginx's cache itself costs (R3)."""
    headers = [("Content-Type", "text/html"), ("Content-Length", str(len(HELLO)))]
    start_response("200 OK", [*headers, ("Cache-Control", "public, max-age=600")])
    return [HELLO]


flask = Flask(__name__, static_folder=None)


@flask.get("/")
def hello() -> bytes:
    """Answer hello: what Flask itself costs (row 7's base)."""
    return HELLO


def store(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Write a PUT's body to the disk and do no more: the base of row 14."""
    with tempfile.TemporaryFile(dir=os.environ["DATA_DIR"], buffering=0) as target:
        while chunk := environ["wsgi.input"].read(1024**2):
            target.write(chunk)
        os.fsync(target.fileno())
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return [b""]
