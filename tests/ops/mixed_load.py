"""Visitors of a production host who all do something else: read, ask the API, watch, upload.

Each has an address of its own, as people have, and notes every answer and how long it took.
"""

import hashlib
import http.client
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import urljoin, urlsplit

from app.database import db
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import Role
from tests import factories
from tests.ops.production import Host
from tests.support import keys
from tests.support.apps import made_app
from tests.support.media import make_source
from tests.support.player import KEY_URI, lines_of
from tests.support.server import wait_until

PASSWORD = "a long password of a learner"
MEGABYTE = 1024**2
TRANSCODE_SECONDS = 150
CLOSED = (http.client.RemoteDisconnected, ssl.SSLEOFError, BrokenPipeError, ConnectionResetError)


@dataclass(frozen=True)
class Furniture:
    """What the visitors need: a course with a video, a learner in it, a key to upload with."""

    slug: str
    lesson_id: str
    email: str
    key: str


def furnish(host: Host) -> Furniture:
    """Put a course with a video on a host, as its people and its worker would."""
    clip = make_source(host.prefix / "clip.mp4", seconds=4, size="320x180", rate="15")
    clip.chmod(0o644)
    lines = (host.etc / "production.env").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if line[:1].isupper())
    with made_app(settings) as app, app.app_context():
        instructor = factories.make_user(Role.INSTRUCTOR, name="Ines")
        learner = factories.make_user(password=PASSWORD, name="Lea")
        course = factories.make_course(instructor, title="Weaving under load")
        lesson = factories.make_lesson(factories.make_section(course), title="The loom")
        factories.make_enrollment(learner, course)
        db.session.commit()
        key = keys.make_key(instructor, (Scope.ADMIN_READ, Scope.ADMIN_WRITE))
        found = Furniture(course.slug, str(lesson.id), learner.email, key)
    host.flask("videos", "add", str(clip), "--lesson", found.lesson_id)
    playable = "SELECT count(*) FROM videos WHERE status = 'ready' AND is_complete"
    wait_until(lambda: host.row(playable) == (1,), TRANSCODE_SECONDS, "the video plays", 0.5)
    return found


@dataclass
class Visitor:
    """One client: an address, a cookie jar of sorts, a kept connection or a new one each time."""

    host: Host
    address: str
    note: Callable[[str, str, float], None]
    keeps: bool = True
    cookies: dict[str, str] = field(default_factory=dict)
    key: str = ""
    _connection: http.client.HTTPSConnection | None = None

    def ask(
        self,
        kind: str,
        path: str,
        method: str = "GET",
        body: bytes | object = None,
        expected: tuple[int, ...] = (200,),
    ) -> tuple[dict[str, str], bytes]:
        """Send one request and note how it went.

        A kept connection that the other side had closed is replaced, as every browser does, where
        the request may be repeated; what may not goes over a connection of its own.
        """
        if method == "POST":
            self.leave()
        began = time.monotonic()
        was_kept = self._connection is not None
        try:
            try:
                status, headers, answer = self._sent(path, method, body)
            except CLOSED:
                if not was_kept:
                    raise
                self.leave()
                status, headers, answer = self._sent(path, method, body)
            result = "ok" if status in expected else f"{status} {method} {path} {answer[:150]!r}"
        except (OSError, http.client.HTTPException) as error:
            self.leave()
            headers, answer, result = {}, b"", f"{type(error).__name__} {error} {method} {path}"
        self.note(kind, result, time.monotonic() - began)
        return headers, answer

    def json(self, kind: str, path: str, method: str = "GET", **how: Any) -> dict[str, Any]:
        """Send one request; return the document, nothing when it failed."""
        _, answer = self.ask(kind, path, method, **how)
        try:
            return dict(json.loads(answer))
        except ValueError:
            return {}

    def sign_in(self, email: str) -> None:
        """Get a session cookie."""
        body = {"email": email, "password": PASSWORD}
        self.json("sign-in", "/api/auth/login", "POST", body=body)

    def _sent(
        self, path: str, method: str, body: bytes | object
    ) -> tuple[int, dict[str, str], bytes]:
        if self._connection is None:
            context = ssl._create_unverified_context()
            self._connection = http.client.HTTPSConnection(
                "127.0.0.1",
                self.host.https_port,
                timeout=30,
                context=context,
                source_address=(self.address, 0),
            )
        headers = {"Host": self.host.name}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{n}={value}" for n, value in self.cookies.items())
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if not self.keeps:
            headers["Connection"] = "close"
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
        return response.status, dict(response.headers), answer

    def leave(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


@dataclass
class Load:
    """All visitors together, and what they met."""

    host: Host
    furniture: Furniture
    upload_bytes: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    uploads: int = 0
    cookies: dict[str, str] = field(default_factory=dict)
    _visitors: list[Visitor] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, result: str, seconds: float) -> None:
        """Keep one answer."""
        with self._lock:
            self.seconds.setdefault(kind, []).append(seconds)
            if result != "ok":
                self.failures[f"{kind}: {result}"] += 1

    @property
    def total(self) -> int:
        """Return how many requests have ended, one way or another."""
        with self._lock:
            return sum(map(len, self.seconds.values()))

    @property
    def slowest_seconds(self) -> float:
        """Return the longest that anybody waited for an answer."""
        with self._lock:
            return max(max(each) for each in self.seconds.values())

    def figures(self) -> str:
        """Return a line for each kind of request: how many, the median, the slowest."""
        with self._lock:
            return "\n".join(
                f"{kind:10} {len(each):6} requests, median"
                f" {median(each) * 1e3:4.0f} ms, slowest {max(each) * 1e3:4.0f} ms"
                for kind, each in sorted(self.seconds.items())
            )

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Let everybody visit for the block; it begins once each kind was answered."""
        learner = self._visitor("127.0.2.9")
        learner.sign_in(self.furniture.email)
        self.cookies = learner.cookies
        works = (self._read, self._read, self._learn, self._program, self._watch, self._upload)
        threads = [
            threading.Thread(target=work, args=(f"127.0.2.{number}",), daemon=True)
            for number, work in enumerate(works, 10)
        ]
        for thread in threads:
            thread.start()
        kinds = {"page", "own page", "api", "segment", "heartbeat", "part"}
        try:
            wait_until(lambda: kinds <= set(self.seconds), 60, "everybody visits")
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join(60)
            for visitor in self._visitors:
                visitor.leave()

    def _visitor(self, address: str, **known: Any) -> Visitor:
        self._visitors.append(Visitor(self.host, address, self.note, **known))
        return self._visitors[-1]

    def _is_over(self, pause_seconds: float) -> bool:
        return self._over.wait(pause_seconds)

    def _read(self, address: str) -> None:
        """Look at public pages: every other visitor comes on a new connection each time."""
        visitor = self._visitor(address, keeps=address.endswith("0"))
        pages = (
            "/",
            "/courses",
            f"/courses/{self.furniture.slug}",
            "/auth/sign-in",
            "/courses?q=a",
        )
        while True:
            for page in pages:
                visitor.ask("page", page)
                if self._is_over(0.12):
                    return

    def _learn(self, address: str) -> None:
        """Look at pages that are somebody's own, which nothing caches."""
        visitor = self._visitor(address, cookies=dict(self.cookies))
        lesson = f"/learn/{self.furniture.slug}/{self.furniture.lesson_id}"
        while True:
            for page in ("/dashboard", lesson, "/account"):
                visitor.ask("own page", page)
                if self._is_over(0.15):
                    return

    def _program(self, address: str) -> None:
        visitor = self._visitor(address, keeps=False)
        while True:
            for path in (
                "/api/courses",
                f"/api/courses/{self.furniture.slug}",
                "/api/openapi.json",
            ):
                visitor.ask("api", path)
                if self._is_over(0.15):
                    return

    def _watch(self, address: str) -> None:
        """Play a video: a token, playlists, keys, segments, and a heartbeat that nobody repeats."""
        visitor = self._visitor(address, cookies=dict(self.cookies))
        wish = {"lesson_id": self.furniture.lesson_id}
        how: dict[str, Any] = {"body": wish, "expected": (201,)}
        begun = visitor.json("token", "/api/playback/token", "POST", **how)
        manifest = _path(begun["manifest_url"])
        beat = f"/api/playback/sessions/{begun['session_id']}/heartbeat"
        state = {"position_seconds": 0.0, "watched": [], "rate": 1.0, "playing": True}
        playlist = visitor.ask("playlist", manifest)[1].decode()
        variant = urljoin(manifest, lines_of(playlist)[0])
        listed = visitor.ask("playlist", variant)[1].decode()
        key = KEY_URI.search(listed)
        assert key, listed
        visitor.ask("key", _path(urljoin(variant, key[1])))  # a player asks once for each
        addresses = [_path(urljoin(variant, line)) for line in lines_of(listed)]
        while not self._over.is_set():
            visitor.ask("heartbeat", beat, "POST", body=state)
            for address in addresses:
                visitor.ask("segment", address, expected=(200, 206))
                self._is_over(0.2 / len(addresses))
        stream = f"/api/playback/sessions/{begun['session_id']}"
        visitor.ask("stop", stream, "DELETE", expected=(200, 204))

    def _upload(self, address: str) -> None:
        """Send one file after the other in parts; the sender of parts has no key."""
        owner = self._visitor(address, key=self.furniture.key)
        sender = self._visitor(address)
        whole = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * (self.upload_bytes // 256)
        digest = hashlib.sha256(whole).hexdigest()
        while not self._over.is_set():
            wish = {"filename": "a.mp4", "size_bytes": len(whole), "content_type": "video/mp4"}
            begun = owner.json("api", "/api/admin/uploads", "POST", body=wish, expected=(201,))
            sent, at = [], 0
            for part in begun.get("parts", ()):
                piece = whole[at : at + part["size_bytes"]]
                headers, _ = sender.ask("part", _path(part["url"]), "PUT", body=piece)
                sent.append({"number": part["number"], "etag": headers.get("ETag")})
                at += len(piece)
                if self._is_over(0.5):
                    break
            else:
                done = f"/api/admin/uploads/{begun.get('upload_id')}/complete"
                owner.ask(
                    "complete",
                    done,
                    "POST",
                    expected=(202,),
                    body={"parts": sent, "sha256": digest},
                )
                self.uploads += 1


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
