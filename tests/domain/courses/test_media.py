"""Videos as courses use them: nothing is deleted under learners; captions keep their versions."""

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import media
from app.domain.courses.models import Lesson
from app.domain.videos import captions, control
from app.domain.videos.models import Video
from app.errors import InUse, InvalidInput, VersionConflict
from tests import factories

HELLO = "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"
SELAM = "1\n00:00:01,000 --> 00:00:02,000\nSelam\n"


def test_a_video_that_a_lesson_shows_is_not_deleted(video_lesson: Lesson) -> None:
    video = db.session.get_one(Video, video_lesson.video_id)
    with pytest.raises(InUse, match=video_lesson.title) as refused:
        media.discard(video)
    assert [lesson["id"] for lesson in refused.value.extra["lessons"]] == [str(video_lesson.id)]


def test_a_video_that_a_lesson_waits_for_is_deleted_and_waited_for_no_more(
    video_lesson: Lesson,
) -> None:
    coming = factories.make_video()
    video_lesson.incoming_video_id = coming.id
    db.session.flush()
    media.discard(coming)
    assert control.is_gone(coming.id)
    db.session.refresh(video_lesson)
    assert video_lesson.incoming_video_id is None


def test_uses_tell_what_is_somebody_elses(video_lesson: Lesson, instructor: User) -> None:
    assert video_lesson.video_id is not None
    [own] = media.list_uses(instructor.id, video_lesson.video_id)
    [foreign] = media.list_uses(factories.make_user().id, video_lesson.video_id)
    assert (own.is_own, foreign.is_own) == (True, False)


def test_captions_are_saved_on_the_version_that_was_seen() -> None:
    video = factories.make_video()
    first = captions.save(video, "am", "Amharic", HELLO, 0)
    assert first.version == 1
    second = captions.save(video, "am", "Amharic", SELAM, 1)
    assert second.version == 2
    assert "Selam" in second.webvtt
    with pytest.raises(VersionConflict) as refused:
        captions.save(video, "am", "Amharic", HELLO, 1)
    assert refused.value.extra["current"]["version"] == 2
    assert "Selam" in refused.value.extra["current"]["text"]
    assert captions.save(video, "am", "Amharic", HELLO).version == 3


def test_captions_begun_by_two_are_kept_of_one() -> None:
    video = factories.make_video()
    captions.save(video, "en", "English", HELLO, 0)
    with pytest.raises(VersionConflict):
        captions.save(video, "en", "English", SELAM, 0)


@pytest.mark.parametrize("text", ["", "Hello", "1\n2\n"])
def test_what_is_no_captions_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        captions.save(factories.make_video(), "en", "English", text)
    assert set(refused.value.fields) == {"text"}
