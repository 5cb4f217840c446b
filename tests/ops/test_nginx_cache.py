"""What nginx keeps of pages for visitors: by language and encoding, nothing of somebody."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from app.config import Settings
from app.domain.accounts.profile import LANGUAGES
from app.integrations import page_cache
from app.integrations.page_cache import NginxPageCache, PageCacheUnavailable
from tests.ops.proxy import HOST, KEY, Proxy, serving
from tests.support.server import free_port, wait_until

pytestmark = pytest.mark.no_database


@dataclass
class Shelf:
    """What the application behind nginx says now, and what it was asked."""

    body: str = "first"
    status: int = 200
    policy: str = "public, max-age=60"
    cookie: str = ""
    is_away: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Kept:
    """A proxy and the shelf behind it."""

    proxy: Proxy
    shelf: Shelf

    def read(self, path: str, **headers: str) -> str:
        return self.proxy.ask(path, **headers)[1].decode()

    def empty(self, *paths: str, **changes: str) -> int:
        values = {
            "page_cache_url": f"http://127.0.0.1:{self.proxy.port}",
            "page_cache_key": KEY,
            "public_base_url": f"https://{HOST}",
        }
        settings = Settings.model_construct(**{**values, **changes})  # type: ignore[arg-type]
        return NginxPageCache(settings).empty(paths)


@contextlib.contextmanager
def _answering(shelf: Shelf) -> Iterator[str]:
    class Application(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            shelf.asked.append(dict(self.headers))
            if shelf.is_away:
                self.close_connection = True
                return
            body = f"{shelf.body} {self.headers.get('Accept-Language', '')}".encode()
            self.send_response(shelf.status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "text/html")
            self.send_header("Cache-Control", shelf.policy)
            self.send_header("Vary", "Cookie, Accept-Language")
            self.send_header("X-Request-Id", self.headers["X-Request-Id"])
            if shelf.cookie:
                self.send_header("Set-Cookie", shelf.cookie)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def running_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    shelf = Shelf()
    with (
        _answering(shelf) as upstream,
        serving(tmp_path_factory.mktemp("kept"), WEB_UPSTREAM=upstream) as proxy,
    ):
        yield Kept(proxy, shelf)


@pytest.fixture
def kept(running_proxy: Kept) -> Kept:
    """The proxy, the application as it was at the beginning."""
    vars(running_proxy.shelf).update(vars(Shelf()))
    return running_proxy


def test_visitors_get_the_kept_page_under_a_request_id_of_their_own(kept: Kept) -> None:
    answers = [kept.proxy.ask("/courses/ids") for _ in range(3)]
    assert len(kept.shelf.asked) == 1
    ids = [answer.headers.get_all("X-Request-Id") for answer, _ in answers]
    assert [len(each or []) for each in ids] == [1, 1, 1]
    assert len({str(each) for each in ids}) == 3


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", "en"),
        ("am", "am"),
        ("am-ET,am;q=0.9,en;q=0.8", "am"),
        ("en-US,en;q=0.9,am;q=0.8", "en"),
        ("de,am;q=0.5", "am"),
        ("de-DE,de;q=0.9,en;q=0.8,am;q=0.7", "en"),
        ("fr", "en"),
        ("am;q=0", "en"),
        ("AM", "am"),
        ("amx", "en"),
    ],
)
def test_a_page_is_kept_in_the_language_that_suits_best(kept: Kept, asked: str, given: str) -> None:
    path = f"/courses/language-{given}"
    assert kept.read(path, Accept_Language=asked) == f"first {given}"


def test_the_chosen_language_comes_before_the_browsers(kept: Kept) -> None:
    for cookie, given in (("language=am", "am"), ("language=en;", "en"), ("language=xx", "en")):
        read = kept.read("/courses/chosen", Cookie=cookie, Accept_Language="en")
        assert read.removeprefix("first ") == given
    assert "Cookie" not in kept.shelf.asked[0]


def test_compressed_and_plain_pages_are_kept_apart(kept: Kept) -> None:
    for encoding in ("gzip, br", "identity", "gzip;q=0", ""):
        kept.read("/courses/packed", Accept_Encoding=encoding)
    assert [each.get("Accept-Encoding") for each in kept.shelf.asked] == ["gzip", None]


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "__Host-session=a"},
        {"Cookie": "language=en; form=a"},
        {"Cookie": "anything=else"},
        {"Authorization": "Bearer a"},
    ],
)
def test_somebodys_page_is_neither_kept_nor_another_one_given(
    kept: Kept, headers: dict[str, str]
) -> None:
    path = f"/courses/own-{len(str(headers))}"
    kept.shelf.body = "somebody's"
    assert kept.read(path, **headers).startswith("somebody's")
    kept.shelf.body = "visitors'"
    assert kept.read(path).startswith("visitors'")
    kept.shelf.body = "somebody's"
    assert kept.read(path, **headers).startswith("somebody's")


def test_what_sets_a_cookie_or_is_not_public_is_not_kept(kept: Kept) -> None:
    kept.shelf.cookie = "form=a"
    kept.read("/courses/with-a-cookie")
    kept.shelf.cookie, kept.shelf.policy = "", "private, no-store"
    kept.read("/courses/private")
    kept.shelf.body = "second"
    for path in ("/courses/with-a-cookie", "/courses/private"):
        assert kept.read(path).startswith("second")


def test_emptying_forgets_a_page_in_every_language_and_encoding(kept: Kept) -> None:
    kinds = [
        {"Accept_Language": language, "Accept_Encoding": encoding}
        for language in ("en", "am")
        for encoding in ("gzip", "identity")
    ]
    for kind in kinds:
        assert kept.read("/courses/changed?page=1", **kind).startswith("first")
    assert kept.empty("/courses/changed?page=1") == 1
    kept.shelf.body = "second"
    for kind in kinds:
        assert kept.read("/courses/changed?page=1", **kind).startswith("second")


def test_a_page_that_is_gone_is_gone_at_once(kept: Kept) -> None:
    kept.read("/courses/unpublished")
    kept.shelf.status, kept.shelf.policy = 404, "private, no-store"
    kept.empty("/courses/unpublished")
    for _ in range(2):
        assert kept.proxy.ask("/courses/unpublished")[0].status == 404


def test_only_who_knows_the_key_empties_the_cache(kept: Kept) -> None:
    kept.read("/courses/guarded")
    kept.shelf.body = "second"
    for key in ("", "wrong", KEY[:-1]):
        assert kept.read("/courses/guarded", X_Page_Cache_Key=key).startswith("first")
    with pytest.raises(PageCacheUnavailable, match="PAGE_CACHE_KEY"):
        kept.empty("/courses/guarded", page_cache_key="f" * 64)
    assert kept.read("/courses/guarded").startswith("first")
    assert all("X-Page-Cache-Key" not in each for each in kept.shelf.asked)


def test_what_replaces_a_page_cannot_be_asked_for(kept: Kept) -> None:
    with pytest.raises(ConnectionError):
        kept.proxy.ask_plainly("/", host="page-cache.invalid")
    assert kept.proxy.ask("/_purge")[0].status == 404


def test_many_addresses_are_emptied_without_being_taken_for_a_visitor(kept: Kept) -> None:
    assert kept.empty(*(f"/courses/many-{number}" for number in range(60))) == 60


def test_an_nginx_that_is_away_is_an_error_of_its_own(kept: Kept) -> None:
    with pytest.raises(PageCacheUnavailable, match="does not answer"):
        kept.empty("/", page_cache_url=f"http://127.0.0.1:{free_port()}")


def test_a_page_out_of_date_is_shown_while_a_newer_one_is_fetched(kept: Kept) -> None:
    kept.shelf.policy = "public, max-age=1, stale-while-revalidate=30"
    path = "/courses/aged"
    kept.read(path)
    kept.shelf.body = "second"
    seen = []

    def is_new() -> bool:
        seen.append(kept.read(path))
        return seen[-1].startswith("second")

    wait_until(is_new, 10, "the newer page is there", 0.2)
    assert seen[0].startswith("first")


def test_a_page_out_of_date_is_shown_while_there_is_no_other(kept: Kept) -> None:
    kept.shelf.policy = "public, max-age=1, stale-if-error=60"
    kept.read("/courses/kept")
    kept.shelf.is_away = True
    wait_until(lambda: _last_from_cache(kept) == "STALE", 10, "the page is out of date", 0.3)
    assert kept.proxy.ask("/courses/kept")[0].status == 200
    kept.empty("/courses/kept")
    assert kept.proxy.ask("/courses/kept")[0].status == 502


def _last_from_cache(kept: Kept) -> str:
    """Ask, and return what the log says the answers came from lately."""
    kept.read("/courses/kept")
    entries = [line for line in kept.proxy.log() if line["path"] == "/courses/kept"]
    return entries[-1]["cache"] if entries else ""


def test_the_languages_are_those_of_the_site() -> None:
    assert page_cache.LANGUAGES == LANGUAGES


def test_problems_say_which_request_they_are_of(kept: Kept) -> None:
    answer, page = kept.proxy.ask("/_stored/nothing")
    assert answer.headers["X-Request-Id"].encode() in page
    kept.shelf.is_away = True
    answer, body = kept.proxy.ask("/api/x")
    assert json.loads(body)["request_id"] == answer.headers["X-Request-Id"]
