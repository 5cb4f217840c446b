"""Who uses a production host while its parts are killed: readers, a viewer, writers who keep count.

Nobody asks twice, but for what browsers do by themselves: when a kept connection was closed without
a word, the request goes out on a new one.
"""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

from tests.ops.mixed_load import PASSWORD, furnish
from tests.ops.production import Host
from tests.support.player import lines_of
from tests.support.server import wait_until

PAUSE_SECONDS = 0.11  # nginx takes ten requests a second of one address
CLOSED_MEANWHILE = (
    http.client.RemoteDisconnected,
    ConnectionResetError,
    BrokenPipeError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)
READS, WRITES = frozenset({"page", "api", "own page", "segment"}), frozenset({"write", "heartbeat"})


@dataclass(frozen=True)
class Household:
    """What is on the host: a course with a video, a learner who is signed in, a teacher's key."""

    slug: str
    lesson_id: str
    session: dict[str, str]
    key: str


def move_in(host: Host) -> Household:
    """Furnish the host and sign its learner in."""
    furniture = furnish(host)
    with Client(host, "127.0.30.1") as client:
        client.sign_in(furniture.email)
    return Household(furniture.slug, furniture.lesson_id, client.cookies, furniture.key)


@dataclass(frozen=True)
class Asked:
    """One request: when it began and ended, by the monotonic clock, and what was answered."""

    kind: str
    began: float
    ended: float
    status: int
    body: bytes = field(repr=False, default=b"")

    @property
    def is_answered(self) -> bool:
        return 200 <= self.status < 400


@dataclass
class Client:
    """One person at an address of their own, with cookies or a key."""

    host: Host
    address: str
    key: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPSConnection | None = None

    def ask(self, kind: str, path: str, method: str = "GET", body: object = None) -> Asked:
        """Send one request, on the connection there is or a new one; status 0 is no answer."""
        began = time.monotonic()
        try:
            status, answer = self._sent(path, method, body)
        except (OSError, http.client.HTTPException):
            self.leave()
            status, answer = 0, b""
        return Asked(kind, began, time.monotonic(), status, answer)

    def sign_in(self, email: str) -> None:
        """Get a session."""
        answer = self.ask(
            "sign-in", "/api/auth/login", "POST", {"email": email, "password": PASSWORD}
        )
        assert answer.status == 200, answer.body

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _sent(self, path: str, method: str, body: object) -> tuple[int, bytes]:
        if self._connection is not None:
            try:
                return self._sent_once(path, method, body)
            except CLOSED_MEANWHILE:
                self.leave()  # closed while it was idle: browsers, too, send it on a new one
        return self._sent_once(path, method, body)

    def _sent_once(self, path: str, method: str, body: object) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                "127.0.0.1",
                self.host.https_port,
                timeout=30,
                context=ssl._create_unverified_context(),
                source_address=(self.address, 0),
            )
        headers = {"Host": self.host.name}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        data = body if isinstance(body, bytes) else None
        if body is not None and data is None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        self._connection.request(method, path, data, headers)
        response = self._connection.getresponse()
        answer = response.read()
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        if response.will_close:
            self.leave()
        return response.status, answer


@dataclass
class Onlookers:
    """Everybody who looks on, and what they were answered."""

    host: Host
    household: Household
    asked: list[Asked] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def looking_on(self) -> Iterator["Onlookers"]:
        """Ask for the block, which begins once each kind was answered twice."""
        works = (self._visit, self._visit, self._learn, self._watch, self._write, self._write)
        threads = [
            threading.Thread(target=self._work, args=(work, f"127.0.{number}.1"), daemon=True)
            for number, work in enumerate(works, 31)
        ]
        for thread in threads:
            thread.start()
        try:
            wait_until(self._are_all_here, 60, "everybody was answered")
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join(60)

    def failed(self, kinds: frozenset[str] = READS | WRITES) -> list[Asked]:
        """Return the requests of these kinds that were not answered as they should be."""
        with self._lock:
            return [each for each in self.asked if each.kind in kinds and not each.is_answered]

    def wait_for_more(self, count: int) -> None:
        """Wait until `count` more requests were answered well."""
        before = self._answered()
        wait_until(lambda: self._answered() >= before + count, 90, f"{count} more answers")

    def lost(self) -> set[str]:
        """Return the courses that somebody was told were made, and that are not there."""
        with self.host.database() as cursor:
            cursor.execute("SELECT id::text FROM courses")
            return self.written - {row[0] for row in cursor.fetchall()}

    def _answered(self) -> int:
        with self._lock:
            return sum(each.is_answered for each in self.asked)

    def _are_all_here(self) -> bool:
        with self._lock:
            kinds = [each.kind for each in self.asked if each.is_answered]
        return all(kinds.count(kind) >= 2 for kind in READS | WRITES)

    def _note(self, asked: Asked) -> Asked:
        with self._lock:
            self.asked.append(asked)
        return asked

    def _goes_on(self) -> bool:
        return not self._over.wait(PAUSE_SECONDS)

    def _work(self, work: Callable[[Client], None], address: str) -> None:
        with Client(self.host, address) as client:
            work(client)

    def _visit(self, client: Client) -> None:
        looks = (
            ("page", f"/courses/{self.household.slug}"),
            ("api", "/api/courses"),
            ("page", "/courses?q=weaving"),
            ("api", f"/api/courses/{self.household.slug}"),
        )
        while True:
            for look in looks:
                self._note(client.ask(*look))
                if not self._goes_on():
                    return

    def _learn(self, client: Client) -> None:
        client.cookies = dict(self.household.session)
        while self._goes_on():
            self._note(client.ask("own page", "/dashboard"))

    def _watch(self, client: Client) -> None:
        client.cookies = dict(self.household.session)
        stream = Stream(client, self.household.lesson_id)
        while self._goes_on():
            for look in (stream.segment, stream.heartbeat):
                self._note(look())
        stream.stop()

    def _write(self, client: Client) -> None:
        client.key, number = self.household.key, 0
        while self._goes_on():
            number += 1
            body = {"title": f"Draft {number} of {client.address}"}
            answer = self._note(client.ask("write", "/api/admin/courses", "POST", body))
            if answer.status == 201:
                made = json.loads(answer.body)
                with self._lock:
                    self.written.add(made["course"]["id"])


class Stream:
    """A video that is being watched."""

    def __init__(self, client: Client, lesson_id: str) -> None:
        self._client = client
        begun = client.ask("token", "/api/playback/token", "POST", {"lesson_id": lesson_id})
        assert begun.status == 201, begun.body
        told: dict[str, Any] = json.loads(begun.body)
        self._session = f"/api/playback/sessions/{told['session_id']}"
        manifest = _path(told["manifest_url"])
        variant = urljoin(manifest, lines_of(self._text(manifest))[0])
        self._segment = _path(urljoin(variant, lines_of(self._text(variant))[-1]))

    def segment(self) -> Asked:
        """Fetch a segment."""
        return self._client.ask("segment", self._segment)

    def heartbeat(self) -> Asked:
        """Say that it plays."""
        state = {"position_seconds": 0.0, "watched": [], "rate": 1.0, "playing": True}
        return self._client.ask("heartbeat", f"{self._session}/heartbeat", "POST", state)

    def stop(self) -> None:
        """Give the stream back: an account has few."""
        self._client.ask("stop", self._session, "DELETE")

    def _text(self, path: str) -> str:
        answer = self._client.ask("playlist", path)
        assert answer.status == 200, answer.body
        return answer.body.decode()


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def when(condition: Callable[[], object], seconds: float, what: str) -> float:
    """Wait until `condition` holds and return that moment."""
    wait_until(condition, seconds, what, 0.02)
    return time.monotonic()
