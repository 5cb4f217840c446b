"""What every HTML page must have, checked on each page that any test fetches."""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from bs4 import BeautifulSoup, Tag

UNLABELLED_TYPES = frozenset({"hidden", "submit", "button", "reset", "image"})
SCRIPT_DATA_TYPES = frozenset({"application/json", "application/ld+json"})


def parse(markup: str) -> BeautifulSoup:
    """Return `markup` as a tree that tests can select from."""
    return BeautifulSoup(markup, "html.parser")


@lru_cache(maxsize=4)
def _read(markup: str) -> BeautifulSoup:
    """A page that was checked is mostly asked for its token next; nothing here changes the tree."""
    return parse(markup)


def _text(tag: Tag | None) -> str:
    return tag.get_text(" ", strip=True) if tag else ""


def _is_hidden(tag: Tag) -> bool:
    """Whether a control shows nothing until a script fills and reveals it."""
    return tag.has_attr("hidden") or tag.find_parent(hidden=True) is not None


def _has_name(tag: Tag) -> bool:
    """Whether a control has an accessible name of its own."""
    named = tag.get("aria-label") or tag.get("aria-labelledby") or tag.get("title")
    images = [image.get("alt") for image in tag.find_all("img")]
    return bool(named or _text(tag) or any(images))


def _head_faults(page: BeautifulSoup) -> Iterator[str]:
    titles = [title for title in page.find_all("title") if not title.find_parent("svg")]
    if len(titles) != 1 or not _text(titles[0]):
        yield f"needs one <title> with text, has {len(titles)}"
    if not (page.html and page.html.get("lang")):
        yield "<html> needs a lang attribute"
    headings = page.find_all("h1")
    if len(headings) != 1 or not _text(headings[0]):
        yield f"needs exactly one <h1> with text, has {len(headings)}"
    if not page.find("main"):
        yield "needs a <main>"


def _control_faults(page: BeautifulSoup) -> Iterator[str]:
    labelled = {label.get("for") for label in page.find_all("label")}
    for control in page.find_all(["input", "select", "textarea"]):
        if control.get("type", "text") in UNLABELLED_TYPES:
            continue
        if control.get("id") in labelled or control.find_parent("label"):
            continue
        if not (control.get("aria-label") or control.get("aria-labelledby")):
            yield f"{control.name} {control.get('name')!r} has no label"
    for control in page.find_all(["button", "a"]):
        if control.name == "a" and not control.get("href"):
            continue
        if not _has_name(control) and not _is_hidden(control):
            yield f"a <{control.name}> has no accessible name: {str(control)[:120]}"
    for image in page.find_all("img"):
        if image.get("alt") is None:
            yield f"an image has no alt: {image.get('src')}"


def _form_faults(page: BeautifulSoup) -> Iterator[str]:
    for form in page.find_all("form"):
        if str(form.get("method", "get")).lower() != "post":
            continue
        token = form.find("input", attrs={"name": "csrf_token"})
        if not (token and token.get("value")):
            yield f"POST form to {form.get('action')!r} has no csrf_token"


def _inline_faults(page: BeautifulSoup) -> Iterator[str]:
    for script in page.find_all("script"):
        if not script.get("src") and script.get("type") not in SCRIPT_DATA_TYPES:
            yield "an inline <script>"
    if page.find("style"):
        yield "an inline <style>"
    for tag in page.find_all(True):
        for name in tag.attrs:
            if name == "style" or name.startswith("on"):
                yield f"<{tag.name}> carries the inline attribute {name}"


def _identity_faults(page: BeautifulSoup) -> Iterator[str]:
    counts = Counter(tag["id"] for tag in page.find_all(id=True))
    for name, count in counts.items():
        if count > 1:
            yield f"id {name!r} occurs {count} times"
    for tag in page.find_all(True):
        for attribute in ("aria-labelledby", "aria-describedby", "aria-controls"):
            for target in str(tag.get(attribute) or "").split():
                if target not in counts:
                    yield f"<{tag.name}> {attribute} names the missing id {target!r}"


def faults(markup: str) -> list[str]:
    """Return what is wrong with a whole HTML page, in words; empty when nothing is."""
    page = _read(markup)
    checks = (_head_faults, _control_faults, _form_faults, _inline_faults, _identity_faults)
    return [fault for check in checks for fault in check(page)]


def csrf_token(markup: str) -> str:
    """Return the CSRF token of the first form that has one; raise LookupError when none has."""
    field = _read(markup).find("input", attrs={"name": "csrf_token"})
    if field is None or not field.get("value"):
        raise LookupError("no csrf_token on this page")
    return str(field["value"])
