"""POST token, heartbeat, list and stop, as a player calls them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from app.clock import shifted
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import enrollments
from app.domain.courses.models import Course, CourseStatus, Lesson, LessonProgress
from app.domain.playback.models import PlaybackSession
from app.domain.videos.models import VideoStatus
from tests import factories
from tests.support.client import CheckedClient
from tests.support.statements import recorded

ClientOf = Callable[[User], CheckedClient]
TOKEN = "/api/playback/token"


@pytest.fixture
def player(client_of: ClientOf, enrolled: User) -> CheckedClient:
    return client_of(enrolled)


def start(player: CheckedClient, lesson: Lesson, **body: object):
    return player.post(TOKEN, json={"lesson_id": str(lesson.id), **body})


def beat(player: CheckedClient, session_id: str, **body: object):
    document = {"position_seconds": 0, "watched": [], "rate": 1.0, "playing": True, **body}
    return player.post(f"/api/playback/sessions/{session_id}/heartbeat", json=document)


def test_a_token_comes_with_everything_the_player_needs(
    player: CheckedClient, video_lesson: Lesson, enrolled: User
) -> None:
    answer = start(player, video_lesson)
    assert answer.status_code == 201
    document = answer.get_json()
    assert document["expires_in_seconds"] == 90
    assert document["heartbeat_interval_seconds"] == 30
    assert document["max_streams"] == 2
    assert document["resume_position_seconds"] == 0
    assert document["manifest_url"].startswith("/api/player/manifest?token=")
    assert enrolled.name in document["watermark"]["text"]
    stored = db.session.get_one(PlaybackSession, document["session_id"])
    assert stored.code == document["watermark"]["code"]


def test_who_is_not_enrolled_is_told_to_enrol(
    client_of: ClientOf, outsider: User, video_lesson: Lesson
) -> None:
    answer = start(client_of(outsider), video_lesson)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "ENROLLMENT_REQUIRED")
    assert db.session.scalar(select(func.count()).select_from(PlaybackSession)) == 0


def test_a_stream_is_opened_by_one_statement_beside_the_sign_in(
    player: CheckedClient, video_lesson: Lesson
) -> None:
    with recorded() as statements:
        assert start(player, video_lesson).status_code == 201
    assert len(statements) == 2


def test_a_preview_is_open_to_every_account(
    client_of: ClientOf, outsider: User, preview_lesson: Lesson
) -> None:
    assert start(client_of(outsider), preview_lesson).status_code == 201


def test_a_lesson_of_an_unpublished_course_does_not_exist(
    client_of: ClientOf, outsider: User, course: Course, preview_lesson: Lesson
) -> None:
    course.status = CourseStatus.DRAFT
    db.session.commit()
    assert start(client_of(outsider), preview_lesson).status_code == 404


def test_a_lesson_without_video_is_named_as_the_fault(
    player: CheckedClient, text_lesson: Lesson
) -> None:
    answer = start(player, text_lesson)
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "lesson_id"


def test_a_video_still_in_the_making_is_not_ready(
    player: CheckedClient, course: Course, video_lesson: Lesson
) -> None:
    video_lesson.video_id = factories.make_video(VideoStatus.PROCESSING).id
    db.session.commit()
    answer = start(player, video_lesson)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "VIDEO_NOT_READY")


def test_the_third_stream_is_refused_and_the_live_ones_are_listed(
    player: CheckedClient, video_lesson: Lesson
) -> None:
    first, second = (start(player, video_lesson).get_json() for _ in range(2))
    answer = start(player, video_lesson)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "STREAM_LIMIT")
    listed = {stream["id"] for stream in answer.get_json()["sessions"]}
    assert listed == {first["session_id"], second["session_id"]}


def test_watch_here_ends_the_stream_it_replaces(
    player: CheckedClient, video_lesson: Lesson
) -> None:
    first, _ = (start(player, video_lesson).get_json() for _ in range(2))
    assert start(player, video_lesson, replace_session_id=first["session_id"]).status_code == 201
    answer = beat(player, first["session_id"])
    assert answer.status_code == 410
    assert answer.get_json()["reason"] == "replaced"


def test_a_foreign_stream_cannot_be_replaced(
    player: CheckedClient, client_of: ClientOf, outsider: User,
    video_lesson: Lesson, preview_lesson: Lesson,
) -> None:  # fmt: skip
    theirs = client_of(outsider)
    foreign = start(theirs, preview_lesson).get_json()["session_id"]
    start(player, video_lesson, replace_session_id=foreign)
    assert beat(theirs, foreign).status_code == 200


def test_a_lapsed_stream_leaves_its_place_free(player: CheckedClient, video_lesson: Lesson) -> None:
    session_ids = [start(player, video_lesson).get_json()["session_id"] for _ in range(2)]
    with shifted(timedelta(seconds=91)):
        assert beat(player, session_ids[0]).get_json()["reason"] == "lapsed"
        assert start(player, video_lesson).status_code == 201


def test_a_heartbeat_renews_the_same_session_and_saves_the_position(
    player: CheckedClient, video_lesson: Lesson, enrolled: User
) -> None:
    session_id = start(player, video_lesson).get_json()["session_id"]
    for minute in range(1, 4):
        with shifted(timedelta(seconds=60 * minute)):
            answer = beat(player, session_id, position_seconds=10.5 * minute)
            assert answer.status_code == 200
            assert answer.get_json()["lease_expires_in_seconds"] == 90
    row = db.session.get_one(LessonProgress, (enrolled.id, video_lesson.id))
    assert row.position_seconds == 31.5
    with shifted(timedelta(seconds=200)):
        again = start(player, video_lesson).get_json()
    assert again["resume_position_seconds"] == 31.5


def test_watched_time_is_bounded_by_the_time_that_passed(
    player: CheckedClient, video_lesson: Lesson
) -> None:
    session_id = start(player, video_lesson).get_json()["session_id"]
    claimed = beat(player, session_id, position_seconds=60, watched=[[0, 60]]).get_json()
    assert claimed["lesson_completed"] is False
    with shifted(timedelta(seconds=40)):
        honest = beat(player, session_id, position_seconds=60, watched=[[0, 60]]).get_json()
    assert honest["lesson_completed"] is True


def test_a_heartbeat_is_one_statement_beside_the_sign_in(
    player: CheckedClient, video_lesson: Lesson
) -> None:
    session_id = start(player, video_lesson).get_json()["session_id"]
    beat(player, session_id)
    with recorded() as statements, shifted(timedelta(seconds=5)):
        assert beat(player, session_id, watched=[[0, 4]]).status_code == 200
    assert len(statements) == 2


def test_what_is_watched_piece_by_piece_adds_up_to_the_lesson(
    player: CheckedClient, video_lesson: Lesson, enrolled: User
) -> None:
    """All but the last piece is saved by the statement that commits itself."""
    session_id = start(player, video_lesson).get_json()["session_id"]
    answers = []
    for end in range(10, 70, 10):
        with shifted(timedelta(seconds=end)):
            answer = beat(player, session_id, position_seconds=end, watched=[[end - 10, end]])
            answers.append(
                (answer.get_json()["lesson_completed"], _watched(enrolled, video_lesson))
            )
    length = video_lesson.duration_seconds
    seconds = [min(end, length) for end in range(10, 70, 10)]
    assert [watched for _, watched in answers] == seconds
    assert [completed for completed, _ in answers] == [10 * s >= 9 * length for s in seconds]
    row = db.session.get_one(LessonProgress, (enrolled.id, video_lesson.id))
    assert row.completed_at is not None


def _watched(person: User, lesson: Lesson) -> int:
    return int(
        db.session.scalar(
            text(
                "SELECT sum(upper(r) - lower(r)) FROM lesson_progress, unnest(watched) AS r"
                " WHERE user_id = :person AND lesson_id = :lesson"
            ),
            {"person": person.id, "lesson": lesson.id},
        )
    )


def test_two_streams_of_one_lesson_lose_none_of_each_others_seconds(
    player: CheckedClient, video_lesson: Lesson, enrolled: User
) -> None:
    streams = [start(player, video_lesson).get_json()["session_id"] for _ in range(2)]
    with shifted(timedelta(seconds=20)):
        beat(player, streams[0], watched=[[0, 10]])
        beat(player, streams[1], watched=[[10, 20]])
    assert _watched(enrolled, video_lesson) == 20


def test_revoking_the_enrollment_ends_the_stream_at_the_next_heartbeat(
    player: CheckedClient, video_lesson: Lesson, enrolled: User, course: Course
) -> None:
    session_id = start(player, video_lesson).get_json()["session_id"]
    enrollments.revoke(enrolled.id, course.id)
    db.session.commit()
    answer = beat(player, session_id)
    assert answer.status_code == 410
    assert answer.get_json()["reason"] == "enrollment_revoked"


def test_stopping_is_final_and_may_be_repeated(player: CheckedClient, video_lesson: Lesson) -> None:
    session_id = start(player, video_lesson).get_json()["session_id"]
    for _ in range(2):
        assert player.delete(f"/api/playback/sessions/{session_id}").status_code == 204
    assert beat(player, session_id).get_json()["reason"] == "stopped"
    assert player.get("/api/playback/sessions").get_json()["items"] == []


def test_a_last_beacon_saves_and_frees_the_place(
    player: CheckedClient, video_lesson: Lesson, enrolled: User
) -> None:
    session_id = start(player, video_lesson).get_json()["session_id"]
    assert beat(player, session_id, position_seconds=12, ended=True).status_code == 200
    assert player.get("/api/playback/sessions").get_json()["items"] == []
    row = db.session.get_one(LessonProgress, (enrolled.id, video_lesson.id))
    assert row.position_seconds == 12


def test_streams_of_an_ended_sign_in_take_no_place(
    client_of: ClientOf, enrolled: User, video_lesson: Lesson
) -> None:
    old = client_of(enrolled)
    for _ in range(2):
        start(old, video_lesson)
    old.post("/api/auth/logout", json={})
    assert start(client_of(enrolled), video_lesson).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {"position_seconds": -1},
        {"position_seconds": "12"},
        {"position_seconds": 1e12},
        {"watched": [[0]]},
        {"watched": [[0, 1]] * 201},
        {"watched": "all of it"},
        {"rate": 0},
        {"unknown": 1},
    ],
)
def test_a_wrong_heartbeat_names_its_field(
    player: CheckedClient, video_lesson: Lesson, body: dict[str, object]
) -> None:
    session_id = start(player, video_lesson).get_json()["session_id"]
    answer = beat(player, session_id, **body)
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"].partition(".")[0] == next(iter(body))


@pytest.mark.parametrize("lesson_id", ["", "1", None, 7, "../../etc", ["a"]])
def test_a_wrong_lesson_id_names_its_field(player: CheckedClient, lesson_id: object) -> None:
    answer = player.post(TOKEN, json={"lesson_id": lesson_id})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "lesson_id"


def test_starting_too_often_is_slowed_down(player: CheckedClient, video_lesson: Lesson) -> None:
    for _ in range(20):
        session_id = start(player, video_lesson).get_json()["session_id"]
        player.delete(f"/api/playback/sessions/{session_id}")
    answer = start(player, video_lesson)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
