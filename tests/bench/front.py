"""Row 1: public pages through nginx, against the least that its cache can answer (R3)."""

import re
import signal
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from flask_migrate import upgrade

from tests.bench import load, processes
from tests.bench.load import Request
from tests.bench.rows import Goal
from tests.bench.site import DURABLE
from tests.ops.proxied_site import ProxiedSite, proxied_site
from tests.ops.proxy import HOST, Proxy, serving
from tests.support.apps import made_app
from tests.support.known_secrets import SECRETS
from tests.support.postgres import temporary_server
from tests.support.server import ROOT, gunicorn, wait_until

PAGES = {"home": "/", "catalog": "/courses", "course": "/courses/weaving"}
HEADERS = (("Host", HOST), ("User-Agent", "wrk"))


def _microseconds(proxy: Proxy, path: str, scratch: Path) -> float:
    """Return what nginx spends on an answer."""
    before = processes.cpu_seconds(proxy.process.pid)
    url = f"https://127.0.0.1:{proxy.tls_port}"
    figures = load.run(url, [Request("GET", path, headers=HEADERS)], scratch)
    return (processes.cpu_seconds(proxy.process.pid) - before) / figures.requests * 1e6


def _lift_limits(proxy: Proxy) -> None:
    """Let one address ask as often as it likes, and nginx take note of it."""
    rendered = proxy.folder / "nginx" / "conf.d" / "default.conf"
    text = rendered.read_text(encoding="utf-8")
    free = re.sub(r"^\s*limit_(?:req zone=|conn address ).*$", "", text, flags=re.MULTILINE)
    rendered.write_text(free, encoding="utf-8")
    workers = set(processes.tree(proxy.process.pid)[1:])
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(
        lambda: not workers & set(processes.tree(proxy.process.pid)), 30, "nginx takes the limits"
    )


def _require_impersonal(site: ProxiedSite, path: str) -> None:
    """Raise RuntimeError unless visitors share one copy, and who is signed in gets another."""
    first, again = (site.proxy.ask(path, Accept_Encoding="gzip") for _ in range(2))
    if first[1] != again[1] or "Set-Cookie" in again[0].headers:
        raise RuntimeError(f"{path} is not shared among visitors")
    own = site.proxy.ask(path, Cookie=site.learner_cookie)
    if "private" not in (own[0].headers["Cache-Control"] or "private"):
        raise RuntimeError(f"{path} of somebody may be kept")


def measure(say: Callable[[str], None], rounds: int) -> list[Goal]:
    """Compare each kind of page with a kept hello, in the same round."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="front-")))
        server = stack.enter_context(temporary_server(DURABLE))
        url = server.create_database("front")
        settings = {"APP_ENV": "development", "PUBLIC_BASE_URL": "http://localhost", **SECRETS}
        with (
            made_app({**settings, "DATABASE_URL": url, "DATA_DIR": str(scratch)}) as app,
            app.app_context(),
        ):
            upgrade(directory=str(ROOT / "migrations"))
        site = stack.enter_context(proxied_site(dict(SECRETS), url, scratch / "site"))
        hello = stack.enter_context(gunicorn({}, scratch, "tests.bench.bare:kept"))
        upstream = hello.url.removeprefix("http://")
        (scratch / "hello").mkdir()
        bare = stack.enter_context(serving(scratch / "hello", WEB_UPSTREAM=upstream))
        for proxy in (site.proxy, bare):
            _lift_limits(proxy)
        for path in PAGES.values():
            _require_impersonal(site, path)
        ratios: dict[str, list[float]] = {name: [] for name in PAGES}
        for number in range(-1, rounds):
            reference = _microseconds(bare, "/courses", scratch)
            for name, path in PAGES.items():
                spent = _microseconds(site.proxy, path, scratch)
                if number >= 0:  # the round before the first warms up
                    ratios[name].append(spent / reference)
        say(f"front: {rounds} rounds done")
    return [
        Goal(1, f"{name} by nginx, anonymous: CPU", 2.0, "x R3", statistics.median(each))
        for name, each in ratios.items()
    ]
