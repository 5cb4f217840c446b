"""A player without a screen: speaks the playback API over any client, one method a request."""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from werkzeug.test import TestResponse

from app.domain.courses.models import Lesson
from tests.support.client import CheckedClient

KEY_URI = re.compile(r'#EXT-X-KEY:METHOD=AES-128,URI="([^"]+)"')
MAP_URI = re.compile(r'#EXT-X-MAP:URI="([^"]+)"')


def request_token(client: CheckedClient, lesson_id: uuid.UUID, **more: Any) -> TestResponse:
    """Ask for a playback token as the player does."""
    return client.post("/api/playback/token", json={"lesson_id": str(lesson_id), **more})


def lines_of(playlist: str) -> list[str]:
    """Return the addresses that a playlist lists."""
    return [line for line in playlist.splitlines() if line and not line.startswith("#")]


@dataclass
class Stream:
    """One started stream and the addresses that playing it has shown so far."""

    client: CheckedClient
    answer: dict[str, Any]
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def session_id(self) -> str:
        return str(self.answer["session_id"])

    @property
    def token(self) -> str:
        return str(self.answer["token"])

    def open(self) -> "Stream":
        """Fetch the manifest, one variant and learn the addresses of a key and a segment."""
        self.addresses["manifest"] = self.answer["manifest_url"]
        manifest = self.client.get(self.addresses["manifest"])
        assert manifest.status_code == 200, manifest.text
        variant = urljoin(self.addresses["manifest"], lines_of(manifest.text)[0])
        playlist = self.client.get(variant)
        assert playlist.status_code == 200, playlist.text
        key = KEY_URI.search(playlist.text)
        assert key, playlist.text
        self.addresses["variant"] = variant
        self.addresses["key"] = urljoin(variant, key.group(1))
        self.addresses["segment"] = urljoin(variant, lines_of(playlist.text)[0])
        return self

    def heartbeat(self, position: float = 0.0, **more: Any) -> TestResponse:
        """Report a position as the player does every few seconds."""
        body = {"position_seconds": position, "watched": [], "rate": 1.0, "playing": True, **more}
        return self.client.post(f"/api/playback/sessions/{self.session_id}/heartbeat", json=body)

    def stop(self) -> TestResponse:
        """Press stop."""
        return self.client.delete(f"/api/playback/sessions/{self.session_id}")


def start(client: CheckedClient, lesson: Lesson, **more: Any) -> Stream:
    """Start a stream of `lesson`; fail the test when it is refused."""
    response = request_token(client, lesson.id, **more)
    assert response.status_code == 201, response.text
    return Stream(client, response.get_json())
