"""Row 12: what a first visit of the catalog loads over a slow line, in a real browser."""

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask_migrate import upgrade
from playwright.sync_api import Browser, sync_playwright

from app.demo.bulk import bulk_courses
from tests.bench.rows import Goal
from tests.bench.site import settings_of
from tests.browser.conftest import FLAGS, NAMES
from tests.support.apps import made_app
from tests.support.postgres import temporary_server
from tests.support.server import ROOT, gunicorn

# Lighthouse's slow 4G: 1.6 Mbit/s down, 750 kbit/s up, 150 ms there and back.
SLOW = {"latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
COURSES = 36
PAINTED = """
() => new Promise((resolve) => {
  let latest = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) latest = entry.startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  setTimeout(() => resolve(latest), 500);
})
"""
# Each is true of a page that Lighthouse's audits of this name would pass.
CHECKS = """
() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const named = (element) => Boolean(
    element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") ||
    element.title || element.textContent.trim() || element.querySelector("img[alt]:not([alt=''])"));
  const ids = all("[id]").map((element) => element.id);
  const levels = all("h1, h2, h3, h4, h5, h6").map((heading) => Number(heading.tagName[1]));
  const doctype = document.doctype;
  return {
    "doctype": Boolean(doctype) && doctype.name === "html" && !doctype.publicId,
    "charset": document.characterSet === "UTF-8",
    "document-title": Boolean(document.title.trim()),
    "html-has-lang": /^[a-z]{2}/.test(document.documentElement.lang),
    "meta-description": all("meta[name=description]").some((meta) => meta.content.trim()),
    "viewport": all("meta[name=viewport]").some((meta) => /width=device-width/.test(meta.content)),
    "user-scalable": !all("meta[name=viewport]").some(
      (meta) => /user-scalable=no|maximum-scale=[1-4]/.test(meta.content)),
    "image-alt": all("img").every((image) => image.hasAttribute("alt")),
    "image-size": all("img").every((image) => image.hasAttribute("width") ||
      getComputedStyle(image).aspectRatio !== "auto"),
    "label": all("input:not([type=hidden]), select, textarea").every(
      (field) => field.labels.length || named(field)),
    "button-name": all("button").every(named),
    "link-name": all("a[href]").every(named),
    "link-text": all("a[href]").every(
      (link) => !/^(click here|here|more|learn more)$/i.test(link.textContent.trim())),
    "heading-order": levels[0] === 1 && levels.every(
      (level, at) => at === 0 || level <= levels[at - 1] + 1),
    "one-h1": levels.filter((level) => level === 1).length === 1,
    "landmark-main": all("main").length === 1,
    "bypass": all("a[href^='#']").length > 0,
    "duplicate-id": new Set(ids).size === ids.length,
    "canonical": all("link[rel=canonical]").length <= 1,
    "crawlable": !all("meta[name=robots]").some((meta) => /noindex/.test(meta.content)),
    "no-document-write": !all("script:not([src])").some(
      (script) => /document\\.write/.test(script.textContent)),
    "render-blocking": !all("head script[src]:not([defer]):not([async]):not([type=module])").length,
    "no-overflow": document.documentElement.scrollWidth <= window.innerWidth,
  };
}
"""


@dataclass(frozen=True)
class Visit:
    """What one first visit took; the largest paint in seconds."""

    size_bytes: float
    requests: int
    painted_seconds: float
    faults: tuple[str, ...]
    checks: int


def _visit(browser: Browser, url: str) -> Visit:
    context = browser.new_context(viewport={"width": 412, "height": 823}, device_scale_factor=1.75)
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.emulateNetworkConditions", {"offline": False, **SLOW})
    sizes: list[float] = []
    errors: list[str] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto(f"{url}/courses", wait_until="networkidle")
    painted: float = page.evaluate(PAINTED)
    checks: dict[str, Any] = page.evaluate(CHECKS) | {"errors-in-console": not errors}
    context.close()
    faults = tuple(name for name, is_passed in checks.items() if not is_passed)
    return Visit(sum(sizes), len(sizes), painted / 1000, faults, len(checks))


def _executable() -> str | None:
    given = os.environ.get("CHROMIUM_BIN")
    return given or next((path for name in NAMES if (path := shutil.which(name))), None)


def measure(say: Callable[[str], None], rounds: int) -> list[Goal]:
    """Visit a full catalog again and again, each time for the first time."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="first-load-")))
        postgres = stack.enter_context(temporary_server())
        environment = settings_of(postgres.create_database("first_load"), scratch)
        environment["PUBLIC_BASE_URL"] = "http://127.0.0.1"
        with made_app(environment) as app, app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            bulk_courses(COURSES)
        server = stack.enter_context(gunicorn(environment, scratch))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=_executable(), args=FLAGS)
        stack.callback(browser.close)
        visits = [_visit(browser, server.url) for _ in range(rounds + 1)][1:]
    for fault in sorted({fault for visit in visits for fault in visit.faults}):
        say(f"first load: {fault} is not as it should be")

    def median(figure: Callable[[Visit], float]) -> float:
        return statistics.median(map(figure, visits))

    passed = median(lambda visit: 100 * (1 - len(visit.faults) / visit.checks))
    what = "first load of the catalog"
    return [
        Goal(12, f"{what}: size", 100, "KB", median(lambda visit: visit.size_bytes / 1000)),
        Goal(12, f"{what}: requests", 12, "requests", median(lambda visit: visit.requests)),
        Goal(
            12,
            f"{what} at 1.6 Mbit/s: largest paint",
            1.2,
            "s",
            median(lambda v: v.painted_seconds),
        ),
        Goal(12, f"{what}: checks in the manner of Lighthouse", 95, "%", passed, is_floor=True),
    ]
