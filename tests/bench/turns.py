"""`python -m tests.bench.turns`: what requests cost this process, observed and not, in turns.

Row 15 starts it with the settings of the measured servers, and kinds of requests as JSON to read.
"""

import gc
import io
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask

from app import create_app, metrics
from tests.bench.load import Request
from tests.bench.watching import Watching

WARM_UP = 300


@dataclass(frozen=True)
class Costs:
    """Nanoseconds of one kind of requests: the share that observing takes, and what it is of."""

    share: float
    watched: float
    aside: float


def environ_of(request: Request, errors: io.TextIOBase | Any) -> dict[str, Any]:
    """Return the request as gunicorn hands it to the application."""
    path, _, query = request.path.partition("?")
    body = request.body.encode()
    sent = [*request.headers, ("Host", "127.0.0.1"), ("Cookie", request.cookie)]
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent if value}
    about_body = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
    return {
        "wsgi.errors": errors,
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "SERVER_SOFTWARE": "gunicorn",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "40000",
        "REQUEST_METHOD": request.method,
        "RAW_URI": request.path,
        "QUERY_STRING": query,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "SCRIPT_NAME": "",
        **(about_body if body else {}),
        **headers,
    }


def answer(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> None:
    """Have `app` answer as gunicorn would; raises RuntimeError when it is not 2xx."""
    said: list[str] = []
    body: Any = app(environ, lambda status, _headers, _error=None: said.append(status))
    try:
        for _ in body:
            pass
    finally:
        if hasattr(body, "close"):
            body.close()
    if not said[0].startswith("2"):
        raise RuntimeError(f"{environ['RAW_URI']} answered {said[0]}")


def _nanoseconds(app: Flask, request: Request) -> int:
    environ = environ_of(request, sys.stderr)
    began = time.thread_time_ns()
    answer(app, environ)
    return time.thread_time_ns() - began


def _others_nanoseconds() -> int:
    """Return the time of all threads but this one: figures are added up once a second there."""
    return time.process_time_ns() - time.thread_time_ns()


def compare(app: Flask, watching: Watching, requests: Iterator[Request], pairs: int) -> Costs:
    """Answer so many requests twice in a row, observed and not, in random order.

    A busy machine takes three times as long for a request now and then, for some milliseconds or
    seconds: longer turns than one request would not meet the same machine.
    """
    shares, watched = [], []
    before = _others_nanoseconds()
    for request in islice(requests, pairs):
        taken = {}
        for on in random.sample((True, False), 2):
            watching.switch(on=on)
            taken[on] = _nanoseconds(app, request)
        shares.append(1 - taken[False] / taken[True])
        watched.append(taken[True])
    watching.switch(on=True)
    aside = (_others_nanoseconds() - before) / pairs
    cost = statistics.median(watched)
    # The unobserved half of the requests leaves nothing to be done aside.
    share = (statistics.median(shares) * cost + aside) / (cost + aside)
    return Costs(share, cost, aside)


def main() -> None:
    """Measure each kind of requests and print what came out as JSON."""
    given = json.load(sys.stdin)
    app = create_app()
    metrics.share(Path(os.environ["RUN_DIR"]) / "metrics", "web")
    gc.freeze()
    watching = Watching(app)
    found = {}
    for kind, listed in given["kinds"].items():
        requests = cycle([Request(**each) for each in listed])
        for request in islice(requests, WARM_UP):
            answer(app, environ_of(request, sys.stderr))
        found[kind] = asdict(compare(app, watching, requests, given["pairs"]))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
