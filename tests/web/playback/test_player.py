"""What a player fetches once it has a token."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Lesson
from app.domain.playback import keys
from app.domain.playback.models import PlaybackSession
from app.domain.videos.models import CaptionTrack
from tests.support.client import CheckedClient
from tests.support.statements import recorded

HLS = "application/vnd.apple.mpegurl"


@pytest.fixture
def player(client_of: Callable[[User], CheckedClient], enrolled: User) -> CheckedClient:
    return client_of(enrolled)


@pytest.fixture
def started(player: CheckedClient, video_lesson: Lesson) -> dict[str, str]:
    answer = player.post("/api/playback/token", json={"lesson_id": str(video_lesson.id)})
    return answer.get_json()


def test_the_manifest_opens_by_bearer_and_by_query(
    player: CheckedClient, started: dict[str, str]
) -> None:
    by_query = player.get(started["manifest_url"])
    bearer = {"Authorization": f"Bearer {started['token']}"}
    by_header = player.get("/api/player/manifest", headers=bearer)
    assert by_query.mimetype == by_header.mimetype == HLS
    assert by_query.data == by_header.data
    assert by_query.headers["Cache-Control"] == "private, no-store"


def test_the_manifest_marks_the_lease_opened_and_hands_out_the_grant(
    player: CheckedClient, started: dict[str, str]
) -> None:
    answer = player.get(started["manifest_url"])
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("media-grant=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    row = db.session.get_one(PlaybackSession, started["session_id"], populate_existing=True)
    assert row.opened_at is not None


def test_the_manifest_is_one_statement_beside_the_sign_in(
    player: CheckedClient, started: dict[str, str]
) -> None:
    player.get(started["manifest_url"])  # the first one notes that the lease was opened
    with recorded() as statements:
        assert player.get(started["manifest_url"]).status_code == 200
    assert len(statements) == 2


def test_every_playlist_named_in_the_manifest_answers(
    player: CheckedClient, started: dict[str, str]
) -> None:
    manifest = player.get(started["manifest_url"]).get_data(as_text=True)
    addresses = [line for line in manifest.splitlines() if not line.startswith("#")]
    assert len(addresses) == 2
    for address in addresses:
        playlist = player.get(address)
        assert playlist.mimetype == HLS
        assert playlist.get_data(as_text=True).endswith("#EXT-X-ENDLIST\n")


def test_captions_are_served_below_the_lease(
    player: CheckedClient, started: dict[str, str], video_lesson: Lesson
) -> None:
    webvtt = "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"
    track = CaptionTrack(
        video_id=video_lesson.video_id, language="en", label="English", webvtt=webvtt
    )
    db.session.add(track)
    db.session.commit()
    base = f"/api/playback/sessions/{started['session_id']}/captions"
    assert "en.vtt" in player.get(f"{base}/en.m3u8").get_data(as_text=True)
    answer = player.get(f"{base}/en.vtt")
    assert (answer.mimetype, answer.get_data(as_text=True)) == ("text/vtt", webvtt)
    assert player.get(f"{base}/fr.vtt").status_code == 404


def test_keys_run_dry_for_who_outruns_watching(
    player: CheckedClient, started: dict[str, str]
) -> None:
    row = db.session.get_one(PlaybackSession, started["session_id"])
    row.keys_issued = keys.BURST
    db.session.commit()
    address = f"/api/playback/sessions/{started['session_id']}/keys/0"
    refused = player.get(address)
    assert (refused.status_code, refused.get_json()["code"]) == (429, "RATE_LIMITED")
    with shifted(timedelta(seconds=keys.SECONDS_PER_KEY + 1)):
        assert player.get(address).status_code != 429


def test_a_lapsed_lease_answers_gone(player: CheckedClient, started: dict[str, str]) -> None:
    with shifted(timedelta(seconds=91)):
        answer = player.get(f"/api/playback/sessions/{started['session_id']}/renditions/720p.m3u8")
    assert (answer.status_code, answer.get_json()["code"]) == (410, "SESSION_ENDED")


def test_a_manifest_without_token_is_refused(player: CheckedClient) -> None:
    answer = player.get("/api/player/manifest")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "TOKEN_INVALID")
