"""What the browser tests share: a watched page, polling, and the learn page as a person sees it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Request, expect

from tests.support.server import ROOT

SCREENSHOTS = ROOT / "var" / "screenshots"
SEGMENT = re.compile(r"/media/[0-9a-f-]+/\d+/(\w+)/(\d+)\.m4s")
PLAY_TIMEOUT_SECONDS = 30.0


def until(page: Page, condition: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
    """Poll `condition` while the page lives on; fail with `what` after `seconds`."""
    for _ in range(max(1, int(seconds * 10))):
        if found := condition():
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"waited {seconds} s in vain: {what}")


def screenshot(page: Page, name: str) -> None:
    """Keep what the page looks like in var/screenshots, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


@dataclass
class Faults:
    """What went wrong in a browser context; a test that expects some of it says so."""

    found: list[str] = field(default_factory=list)
    expected: list[re.Pattern[str]] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Let faults that match `pattern` pass."""
        self.expected.append(re.compile(pattern))

    def watch(self, page: Page) -> None:
        """Note every console error, uncaught exception and CSP violation of `page`."""
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.found.append(f"exception: {error}"))

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" or "Content Security Policy" in text or "Trusted Type" in text:
            self.found.append(f"{kind}: {text}")

    def unexpected(self) -> list[str]:
        """Return the faults that no test has announced."""
        return [
            fault
            for fault in self.found
            if not any(pattern.search(fault) for pattern in self.expected)
        ]


class LearnPage:
    """The page of a video lesson: press its buttons, ask its player."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.rungs: list[str] = []
        self.segments: list[tuple[str, int]] = []
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        match = SEGMENT.search(request.url)
        if match:
            self.segments.append((match[1], int(match[2])))
            if match[1] not in self.rungs:
                self.rungs.append(match[1])

    def video(self, name: str) -> Any:
        """Return a property of the video element."""
        return self.page.evaluate(f"document.querySelector('.player video').{name}")

    @property
    def time(self) -> float:
        """Where the picture stands, in seconds."""
        return float(self.video("currentTime"))

    @property
    def state(self) -> str:
        """What the player says it is doing."""
        return str(self.page.locator(".player").get_attribute("data-state"))

    def part(self, name: str) -> Any:
        """Return a control by the name of its part."""
        return self.page.locator(f'.player [data-part="{name}"]')

    def play(self) -> None:
        """Press play, once the player is there, and wait until the picture moves."""
        expect(self.page.locator(".player")).to_have_attribute("data-ready", "true")
        self.part("play").click()
        self.wait_until_moving()

    def wait_until_moving(self, beyond: float = 0.0) -> None:
        """Wait until the position grows past `beyond` and goes on growing."""
        begin = max(beyond, self.time)
        until(
            self.page,
            lambda: self.time > begin + 0.5,
            "the picture moves",
            PLAY_TIMEOUT_SECONDS,
        )

    def wait_for_time(self, seconds: float, timeout: float) -> None:
        """Wait until the picture has reached `seconds`."""
        until(self.page, lambda: self.time >= seconds, f"{seconds} s are reached", timeout)

    def show_controls(self) -> None:
        """Move the pointer, as one does before pressing something."""
        box = self.page.locator(".player").bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.move(box["x"] + box["width"] / 2 + 5, box["y"] + box["height"] / 2 + 5)

    def choose(self, menu: str, label: str) -> None:
        """Open a menu of the player and choose the entry that contains `label`."""
        self.show_controls()
        self.part(f"{menu}-button").click()
        self.part(f"{menu}-menu").get_by_text(label, exact=False).first.click()
        if self.part(f"{menu}-menu").is_visible():
            self.page.keyboard.press("Escape")

    def watermark(self) -> dict[str, Any]:
        """Return the watermark's text and its box and the box of the player, in pixels."""
        return dict(
            self.page.evaluate(
                """() => {
                  const mark = document.querySelector('[data-part="watermark"]');
                  if (!mark) return { text: '' };
                  const box = (e) => { const b = e.getBoundingClientRect();
                    return [b.left, b.top, b.right, b.bottom]; };
                  const style = getComputedStyle(mark);
                  return { text: mark.textContent, box: box(mark),
                    frame: box(mark.closest('.player')),
                    opacity: Number(style.opacity), display: style.display,
                    visibility: style.visibility,
                    isInFullScreen: !!document.fullscreenElement
                      && document.fullscreenElement.contains(mark) };
                }"""
            )
        )

    def expect_watermark(self, code: str | None = None) -> dict[str, Any]:
        """Fail unless the watermark stands legibly inside the picture; return what it is."""
        until(self.page, lambda: self.watermark()["text"], "the watermark is drawn", 10)
        mark = self.watermark()
        left, top, right, bottom = mark["box"]
        frame = mark["frame"]
        assert mark["display"] != "none"
        assert mark["visibility"] == "visible"
        assert mark["opacity"] >= 0.2
        assert right - left > 40
        assert bottom - top > 8
        assert left >= frame[0] - 2
        assert top >= frame[1] - 2
        assert right <= frame[2] + 2
        assert bottom <= frame[3] + 2
        if code:
            assert code in mark["text"]
        return mark


def sign_in_by_form(page: Page, email: str, password: str) -> None:
    """Fill the sign-in form that the page shows and send it."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).not_to_have_url(re.compile("/auth/sign-in"))


def path_of(address: str) -> Path:
    """Return the path part of an address as a Path, for comparing."""
    return Path(re.sub(r"^https?://[^/]+", "", address).split("?")[0])
