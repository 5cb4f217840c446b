"""The pages and the JSON of videos and captions."""

import io
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.audit.models import AuditEvent
from app.domain.courses.models import Lesson
from app.domain.videos import captions
from app.domain.videos.models import Video, VideoStatus
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
HELLO = "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"


@pytest.fixture
def video(admin: User) -> Video:
    return factories.make_video(VideoStatus.FAILED, title="Broken", uploaded_by_id=admin.id)


@pytest.fixture
def client(client_of: ClientOf, admin: User) -> CheckedClient:
    return client_of(admin)


def post(client: CheckedClient, path: str, **fields: object) -> tuple[int, str]:
    """Send a form; return the status and the page one ends up on."""
    page = client.get("/admin/videos").text
    data = {"csrf_token": html.csrf_token(page), **fields}
    answer = client.post(path, data=data, content_type="multipart/form-data")
    if answer.status_code == 303:
        return 303, client.get(answer.headers["Location"]).text
    return answer.status_code, answer.text


def reload(video: Video) -> Video:
    db.session.refresh(video)
    return video


def test_a_failure_is_told_in_words_and_in_the_tools_own(
    client: CheckedClient, video: Video
) -> None:
    video.error_code, video.error_detail = "TRANSCODE_STALLED", "x264 <b>stood</b> still"
    db.session.commit()
    page = client.get(f"/admin/videos/{video.id}").text
    assert "The encoder stopped moving and was ended at its limit." in page
    assert "x264 &lt;b&gt;stood&lt;/b&gt; still" in page
    assert "Try again" in page


def test_a_running_one_tells_stage_percent_and_time_left(client: CheckedClient) -> None:
    running = factories.make_video(
        VideoStatus.PROCESSING,
        stage="encoding",
        progress_percent=37,
        seconds_left=125,
        attempts=2,
        generation=1,
        reported_at=utcnow() - timedelta(minutes=2),
    )
    page = client.get(f"/admin/videos/{running.id}").text
    for words in ("Encoding", "37 %", "About 2 min left", "Plays already", "Attempt 2 of 3"):
        assert words in page
    assert "Nothing was heard of the worker for 2 min" in page
    document = client.get(f"/api/admin/media/{running.id}").get_json()["media"]
    assert (document["stage"], document["seconds_left"]) == ("encoding", 125)
    assert (document["is_playable"], document["is_complete"]) == (True, False)


def test_it_is_retried_and_cancelled_and_both_are_noted(
    client: CheckedClient, video: Video
) -> None:
    status, page = post(client, f"/admin/videos/{video.id}/retry")
    assert (status, reload(video).status) == (303, VideoStatus.QUEUED)
    assert "queued to be prepared again" in page
    assert "is being prepared already" in post(client, f"/admin/videos/{video.id}/retry")[1]
    assert "was cancelled" in post(client, f"/admin/videos/{video.id}/cancel")[1]
    assert (reload(video).status, video.error_code) == (VideoStatus.FAILED, "CANCELLED")
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert [a for a in actions if a.startswith("video.")] == ["video.retried", "video.cancelled"]


def test_programs_retry_and_cancel_and_hear_what_changed(
    client: CheckedClient, video: Video
) -> None:
    path = f"/api/admin/media/{video.id}"
    first = client.post(f"{path}/retry", json={}).get_json()
    again = client.post(f"{path}/retry", json={}).get_json()
    assert (first["changed"], again["changed"]) == (True, False)
    assert again["media"]["status"] == "queued"
    assert client.post(f"{path}/cancel", json={}).get_json()["media"]["status"] == "failed"
    assert client.patch(path, json={"title": " A  name "}).get_json()["media"]["title"] == "A name"
    assert client.patch(path, json={"status": "ready"}).status_code == 422


def test_a_video_in_no_lesson_is_deleted_once_confirmed(
    client: CheckedClient, video: Video
) -> None:
    video_id = video.id
    assert "everything made of it" in client.get(f"/admin/videos/{video_id}/delete").text
    assert post(client, f"/admin/videos/{video_id}/delete")[0] == 303
    assert client.get(f"/admin/videos/{video_id}").status_code == 404


def test_a_shown_video_is_kept_and_the_lesson_named(
    client: CheckedClient, video_lesson: Lesson
) -> None:
    answer = client.delete(f"/api/admin/media/{video_lesson.video_id}")
    assert answer.status_code == 409
    assert video_lesson.title in answer.get_json()["detail"]
    page = client.get(f"/admin/videos/{video_lesson.video_id}/delete").text
    assert "cannot be deleted yet" in page


def test_the_list_is_narrowed_by_title_and_state(client: CheckedClient, video: Video) -> None:
    factories.make_video(title="50% off")
    assert "Broken" not in client.get("/admin/videos?q=50%25").text
    found = client.get("/api/admin/media?status=failed&q=rok").get_json()["items"]
    assert [item["title"] for item in found] == ["Broken"]
    assert client.get("/admin/videos?status=nonsense").status_code == 422


def test_an_instructor_sees_own_and_shown_videos_only(
    client_of: ClientOf, instructor: User, video: Video, video_lesson: Lesson
) -> None:
    client = client_of(instructor)
    assert client.get(f"/admin/videos/{video.id}").status_code == 404
    assert client.get(f"/admin/videos/{video_lesson.video_id}").status_code == 200


def test_a_subrip_file_becomes_captions(client: CheckedClient, video: Video) -> None:
    srt = "1\n00:00:01,000 --> 00:00:02,000\nSelam <script>x</script>\n".encode("utf-16")
    status, page = post(
        client,
        f"/admin/videos/{video.id}/captions",
        language="am",
        file=(io.BytesIO(srt), "a.srt"),
    )
    assert status == 303
    track = captions.get(video.id, "am")
    assert (track.label, "00:00:01.000 --> 00:00:02.000\nSelam x" in track.webvtt) == ("አማርኛ", True)
    assert "Captions in አማርኛ" in page


@pytest.mark.parametrize("content", [b"", b"\xff\x00\xfe", b"no captions"])
def test_a_file_that_is_no_captions_is_refused_at_its_field(
    client: CheckedClient, video: Video, content: bytes
) -> None:
    path = f"/admin/videos/{video.id}/captions"
    status, page = post(client, path, language="en", file=(io.BytesIO(content), "a.vtt"))
    assert status == 422
    assert "captions-file-error" in page


def test_captions_without_scripts_keep_what_was_written_on_an_older_version(
    client: CheckedClient, video: Video
) -> None:
    captions.save(video, "en", "English", HELLO)
    captions.save(video, "en", "English", HELLO.replace("Hello", "Theirs"))
    db.session.commit()
    mine = HELLO.replace("Hello", "Mine")
    path = f"/admin/videos/{video.id}/captions/en"
    status, page = post(client, path, label="English", text=mine, version="1")
    assert status == 409
    assert "Mine" in page
    assert "Theirs" in page
    assert post(client, path, label="English", text=mine, version="2")[0] == 303
    assert "Mine" in captions.get(video.id, "en").webvtt


def test_programs_read_write_and_delete_captions(client: CheckedClient, video: Video) -> None:
    path = f"/api/admin/media/{video.id}/captions"
    body = {"label": "English", "text": HELLO, "version": 0}
    assert client.put(f"{path}/en", json=body).get_json()["captions"]["version"] == 1
    conflict = client.put(f"{path}/en", json=body)
    assert conflict.status_code == 409
    assert conflict.get_json()["code"] == "VERSION_CONFLICT"
    assert conflict.get_json()["current"]["version"] == 1
    assert [item["language"] for item in client.get(path).get_json()["items"]] == ["en"]
    assert "Hello" in client.get(f"{path}/en").get_json()["captions"]["text"]
    assert client.delete(f"{path}/en").status_code == 204
    assert client.delete(f"{path}/en").status_code == 404
