"""Threat 5: every address of a stream is worthless without its sign-in, its lease and its time."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted
from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.models import User, UserStatus
from app.domain.courses import enrollments
from app.domain.courses.models import Course, Lesson
from tests import factories
from tests.support import player
from tests.support.client import CheckedClient, sign_in, sign_out
from tests.support.player import Stream

ClientOf = Callable[[User], CheckedClient]
ADDRESSES = ("manifest", "variant", "key", "segment")
AFTER_THE_TOKEN = timedelta(seconds=91)
AFTER_THE_GRANT = timedelta(seconds=301)
every_address = pytest.mark.parametrize("name", ADDRESSES)


@pytest.fixture
def stream(client_of: ClientOf, enrolled: User, video_lesson: Lesson) -> Stream:
    """A running stream that has fetched one of everything."""
    return player.start(client_of(enrolled), video_lesson).open()


def _copy_cookies(source: CheckedClient, target: CheckedClient, name: str, path: str) -> None:
    cookie = source.get_cookie(name, path=path)
    assert cookie is not None, f"no cookie {name}"
    target.set_cookie(name, cookie.value, path=path)


def _grant_path(stream: Stream) -> str:
    return stream.addresses["segment"].rsplit("/", 2)[0] + "/"


@every_address
def test_own_player_gets_it(stream: Stream, name: str) -> None:
    response = stream.client.get(stream.addresses[name])
    assert response.status_code == 200
    assert response.data
    assert "public" not in response.headers["Cache-Control"]


@every_address
def test_nobody_gets_it_without_signing_in(
    stream: Stream, client: CheckedClient, name: str
) -> None:
    response = client.get(stream.addresses[name])
    assert response.status_code == 401
    assert response.get_json()["code"] == "SIGN_IN_REQUIRED"


@every_address
def test_another_account_is_refused(
    stream: Stream, client_of: ClientOf, course: Course, name: str
) -> None:
    """Even one that may watch the same lesson, holding the stolen grant cookie as well."""
    thief = factories.make_user()
    factories.make_enrollment(thief, course)
    client = client_of(thief)
    _copy_cookies(stream.client, client, "media-grant", _grant_path(stream))
    response = client.get(stream.addresses[name])
    assert response.status_code in (401, 403, 404)
    assert response.get_json()["code"] in ("TOKEN_INVALID", "GRANT_INVALID", "NOT_FOUND")


@every_address
def test_same_person_in_another_browser_is_refused(
    stream: Stream, client_of: ClientOf, enrolled: User, name: str
) -> None:
    client = client_of(enrolled)
    _copy_cookies(stream.client, client, "media-grant", _grant_path(stream))
    response = client.get(stream.addresses[name])
    assert response.status_code in (401, 403, 404)
    assert response.get_json()["code"] in ("TOKEN_INVALID", "GRANT_INVALID", "NOT_FOUND")


@every_address
def test_signing_out_ends_it(stream: Stream, name: str) -> None:
    sign_out(stream.client)
    assert stream.client.get(stream.addresses[name]).status_code == 401


@every_address
def test_revoked_sign_in_ends_it(stream: Stream, enrolled: User, name: str) -> None:
    """Signing out everywhere, or a changed password, cannot be outlived by a copied cookie."""
    sessions.end_all(enrolled.id)
    db.session.commit()
    assert stream.client.get(stream.addresses[name]).status_code == 401


@every_address
def test_signing_in_again_does_not_revive_the_old_stream(
    stream: Stream, enrolled: User, name: str
) -> None:
    sign_in(stream.client, enrolled)
    assert stream.client.get(stream.addresses[name]).status_code in (401, 403, 404)


@every_address
def test_stopping_ends_it(stream: Stream, name: str) -> None:
    cookie = stream.client.get_cookie("media-grant", path=_grant_path(stream))
    assert cookie is not None
    assert stream.stop().status_code == 204
    stream.client.set_cookie("media-grant", cookie.value, path=_grant_path(stream))
    response = stream.client.get(stream.addresses[name])
    assert response.status_code == 410
    assert response.get_json()["reason"] == "stopped"


@every_address
def test_a_lapsed_lease_ends_it(stream: Stream, name: str) -> None:
    with shifted(AFTER_THE_TOKEN):
        response = stream.client.get(stream.addresses[name])
    expected = {"manifest": (401, "TOKEN_EXPIRED")}.get(name, (410, "SESSION_ENDED"))
    assert (response.status_code, response.get_json()["code"]) == expected


@every_address
def test_revoked_enrollment_ends_it(
    stream: Stream, enrolled: User, course: Course, name: str
) -> None:
    assert enrollments.revoke(enrolled.id, course.id)
    db.session.commit()
    response = stream.client.get(stream.addresses[name])
    assert response.status_code == 410
    assert response.get_json()["reason"] == "enrollment_revoked"


@every_address
def test_suspended_account_is_signed_out_of_it(stream: Stream, enrolled: User, name: str) -> None:
    enrolled.status = UserStatus.SUSPENDED
    db.session.commit()
    assert stream.client.get(stream.addresses[name]).status_code == 401


@every_address
def test_being_replaced_ends_it(stream: Stream, video_lesson: Lesson, name: str) -> None:
    player.start(stream.client, video_lesson, replace_session_id=stream.session_id)
    response = stream.client.get(stream.addresses[name])
    assert response.status_code == 410
    assert response.get_json()["reason"] == "replaced"


@pytest.mark.parametrize("name", ["variant", "key", "segment"])
def test_it_outlives_token_and_grant_while_the_heart_beats(stream: Stream, name: str) -> None:
    """A renewal keeps the session's id, so no learner locks himself out."""
    step = timedelta(seconds=60)
    for minute in range(1, 8):
        with shifted(step * minute):
            assert stream.heartbeat(60.0 * minute).status_code == 200
    with shifted(step * 7 + timedelta(seconds=30)):
        assert timedelta(seconds=30) + step * 7 > AFTER_THE_GRANT > AFTER_THE_TOKEN
        assert stream.client.get(stream.addresses[name]).status_code == 200
        live = stream.client.get("/api/playback/sessions").get_json()["items"]
    assert [item["id"] for item in live] == [stream.session_id]


def test_expired_grant_is_refused_although_the_lease_lives(
    stream: Stream, video_lesson: Lesson
) -> None:
    """The stolen half, a grant cookie from five minutes ago, is not renewed by its owner's."""
    old = stream.client.get_cookie("media-grant", path=_grant_path(stream))
    assert old is not None
    for minute in range(1, 6):
        with shifted(timedelta(seconds=60 * minute)):
            assert stream.heartbeat(60.0 * minute).status_code == 200
    stream.client.set_cookie("media-grant", old.value, path=_grant_path(stream))
    with shifted(AFTER_THE_GRANT):
        response = stream.client.get(stream.addresses["segment"])
    assert response.status_code == 403
    assert response.get_json()["code"] == "GRANT_INVALID"


def _altered(text: str, index: int) -> str:
    other = "A" if text[index] != "A" else "B"
    return text[:index] + other + text[index + 1 :]


@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "claims", "signature"])
def test_altered_token_is_refused(stream: Stream, part: int) -> None:
    pieces = stream.token.split(".")
    pieces[part] = _altered(pieces[part], len(pieces[part]) // 2)
    response = stream.client.get("/api/player/manifest", query_string={"token": ".".join(pieces)})
    assert response.status_code == 401
    assert response.get_json()["code"] == "TOKEN_INVALID"


@pytest.mark.parametrize("index", [0, 3, 20, 50, -1])
def test_altered_grant_is_refused(stream: Stream, index: int) -> None:
    cookie = stream.client.get_cookie("media-grant", path=_grant_path(stream))
    assert cookie is not None
    changed = _altered(cookie.value, index % len(cookie.value))
    stream.client.set_cookie("media-grant", changed, path=_grant_path(stream))
    response = stream.client.get(stream.addresses["segment"])
    assert response.status_code == 403
    assert response.get_json()["code"] == "GRANT_INVALID"


def test_grant_opens_one_generation_of_one_video(
    stream: Stream, client_of: ClientOf, preview_lesson: Lesson
) -> None:
    """The cookie of one video, moved to the path of another, opens nothing."""
    other = player.start(client_of(factories.make_user()), preview_lesson).open()
    stolen = stream.client.get_cookie("media-grant", path=_grant_path(stream))
    assert stolen is not None
    stream.client.set_cookie("media-grant", stolen.value, path=_grant_path(other))
    response = stream.client.get(other.addresses["segment"])
    assert response.status_code == 403


def test_token_opens_only_its_own_lease(
    stream: Stream, client_of: ClientOf, preview_lesson: Lesson
) -> None:
    """A free preview's lease gives neither keys nor playlists of a paid lesson's video."""
    visitor = client_of(factories.make_user())
    preview = player.start(visitor, preview_lesson).open()
    for name in ("variant", "key"):
        tail = stream.addresses[name].rpartition(stream.session_id)[2]
        answer = visitor.get(f"/api/playback/sessions/{preview.session_id}{tail}")
        own = stream.client.get(stream.addresses[name])
        assert answer.data != own.data


@pytest.mark.parametrize(
    "path",
    [
        "/media/{video}/1/360p/../../../sources/x",
        "/media/{video}/1/360p/..%2f..%2f..%2fsources%2fx",
        "/media/{video}/1/..%2f../00000.m4s",
        "/media/{video}/1/360p/source.mp4",
        "/media/{video}/2/360p/00000.m4s",
        "/media/{video}/1/999p/00000.m4s",
        "/media/{video}/1/360p/99999.m4s",
    ],
)
def test_segment_address_led_elsewhere_finds_nothing(stream: Stream, path: str) -> None:
    video = stream.addresses["segment"].split("/")[2]
    response = stream.client.get(path.format(video=video))
    assert response.status_code in (403, 404)
    assert response.get_json()["code"] in ("GRANT_INVALID", "NOT_FOUND")


def test_keys_are_metered(stream: Stream) -> None:
    """A script that fetches keys faster than anybody watches runs dry."""
    statuses = [stream.client.get(stream.addresses["key"]).status_code for _ in range(80)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    refused = stream.client.get(stream.addresses["key"])
    assert int(refused.headers["Retry-After"]) >= 1
