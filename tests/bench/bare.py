"""The references: a WSGI function that says hello, and a Flask application that does no more."""

from collections.abc import Callable, Iterable

from flask import Flask

HELLO = b"hello\n"


def wsgi(environ: dict[str, object], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer hello to everything: what gunicorn itself costs (R2)."""
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(HELLO)))]
    start_response("200 OK", headers)
    return [HELLO]


flask = Flask(__name__, static_folder=None)


@flask.get("/")
def hello() -> bytes:
    """Answer hello: what Flask itself costs (row 7's base)."""
    return HELLO
