"""The lesson page: its place in the course, its lock, and the state of its video."""

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import progress
from app.domain.courses.lessons import find_lesson_to_continue, get_lesson_page
from app.domain.courses.models import Course, CourseStatus, Lesson, LessonKind
from app.domain.videos import captions
from app.domain.videos.models import Video, VideoStatus
from app.errors import NotFound
from tests import factories
from tests.support.statements import recorded


def test_a_lesson_knows_its_place(
    enrolled: User,
    course: Course,
    video_lesson: Lesson,
    preview_lesson: Lesson,
    text_lesson: Lesson,
) -> None:
    page = get_lesson_page(course.slug, preview_lesson.id, enrolled.id)
    assert (page.index, page.count) == (2, 3)
    assert (page.previous_id, page.next_id) == (video_lesson.id, text_lesson.id)
    assert (page.course_title, page.section_title) == (course.title, "Section 1")
    first = get_lesson_page(course.slug, video_lesson.id, enrolled.id)
    last = get_lesson_page(course.slug, text_lesson.id, enrolled.id)
    assert (first.previous_id, last.next_id) == (None, None)


def test_steps_cross_sections(enrolled: User, course: Course, text_lesson: Lesson) -> None:
    more = factories.make_lesson(factories.make_section(course, position=2))
    page = get_lesson_page(course.slug, text_lesson.id, enrolled.id)
    assert page.next_id == more.id
    assert get_lesson_page(course.slug, more.id, enrolled.id).index == 4


def test_steps_pass_over_what_is_locked(
    outsider: User, course: Course, preview_lesson: Lesson
) -> None:
    page = get_lesson_page(course.slug, preview_lesson.id, outsider.id)
    assert (page.can_watch, page.previous, page.next) == (True, None, None)


def test_a_locked_lesson_tells_nothing_of_its_text(
    outsider: User, course: Course, text_lesson: Lesson
) -> None:
    page = get_lesson_page(course.slug, text_lesson.id, outsider.id)
    assert (page.can_watch, page.body_html, page.lesson.is_locked) == (False, "", True)


def test_a_text_is_clean_html(enrolled: User, course: Course, text_lesson: Lesson) -> None:
    text_lesson.body = "Read *this*, <b onclick=x>not that</b>."
    db.session.commit()
    page = get_lesson_page(course.slug, text_lesson.id, enrolled.id)
    assert page.body_html.startswith("<p>Read <em>this</em>")
    assert "<b" not in page.body_html
    assert page.video_status is None


def test_ticks_and_percent_are_the_learners_own(
    enrolled: User, outsider: User, course: Course, preview_lesson: Lesson
) -> None:
    progress.mark_complete(outsider.id, preview_lesson.id)
    page = get_lesson_page(course.slug, preview_lesson.id, enrolled.id)
    assert (page.percent, page.completed_count, page.lesson.is_completed) == (0, 0, False)
    progress.mark_complete(enrolled.id, preview_lesson.id)
    page = get_lesson_page(course.slug, preview_lesson.id, enrolled.id)
    assert (page.percent, page.completed_count, page.lesson.is_completed) == (33, 1, True)


def test_a_lesson_resumes_where_it_was_left(
    enrolled: User, course: Course, video_lesson: Lesson
) -> None:
    progress.record(enrolled.id, video_lesson.id, course.id, 21.5, [], 0)
    page = get_lesson_page(course.slug, video_lesson.id, enrolled.id)
    assert page.resume_position_seconds == 21.5


@pytest.mark.parametrize(
    ("status", "generation", "shown"),
    [
        (VideoStatus.QUEUED, None, "queued"),
        (VideoStatus.PROCESSING, None, "processing"),
        (VideoStatus.PROCESSING, 1, "ready"),
        (VideoStatus.READY, 1, "ready"),
        (VideoStatus.FAILED, None, "failed"),
        (VideoStatus.FAILED, 1, "ready"),
    ],
)
def test_a_video_is_ready_as_soon_as_something_plays(
    enrolled: User, course: Course, video_lesson: Lesson, status, generation, shown
) -> None:
    video_lesson.video_id = factories.make_video(status, generation=generation).id
    db.session.commit()
    page = get_lesson_page(course.slug, video_lesson.id, enrolled.id)
    assert page.video_status == shown


def test_a_video_lesson_without_a_video_says_so(enrolled: User, course: Course) -> None:
    section = factories.make_section(course, position=2)
    lesson = factories.make_lesson(section, kind=LessonKind.VIDEO)
    assert get_lesson_page(course.slug, lesson.id, enrolled.id).video_status == "missing"


def test_a_lesson_of_another_course_is_nothing(enrolled: User, video_lesson: Lesson) -> None:
    other = factories.make_course()
    with pytest.raises(NotFound):
        get_lesson_page(other.slug, video_lesson.id, enrolled.id)


@pytest.mark.parametrize("lessons", [1, 60])
def test_a_lesson_page_is_two_queries(learner: User, lessons: int) -> None:
    course = factories.make_course()
    factories.make_enrollment(learner, course)
    section = factories.make_section(course)
    made = [factories.make_lesson(section, position) for position in range(lessons)]
    slug, lesson_id, learner_id = course.slug, made[-1].id, learner.id
    with recorded() as statements:
        get_lesson_page(slug, lesson_id, learner_id)
    assert len(statements) == 2


def test_one_continues_only_what_is_open(
    enrolled: User, outsider: User, course: Course, video_lesson: Lesson
) -> None:
    assert find_lesson_to_continue(course.slug, enrolled.id) == video_lesson.id
    assert find_lesson_to_continue(course.slug, outsider.id) is None
    course.status = CourseStatus.ARCHIVED
    db.session.commit()
    assert find_lesson_to_continue(course.slug, enrolled.id) == video_lesson.id
    with pytest.raises(NotFound):
        find_lesson_to_continue(course.slug, outsider.id)


def test_a_transcript_is_read_in_the_course_s_language_by_who_may_watch(
    enrolled: User, outsider: User, course: Course, video_lesson: Lesson
) -> None:
    video = db.session.get_one(Video, video_lesson.video_id)
    for language, words in (("am", "ሰላም።"), ("en", "Hello there.")):
        webvtt = f"WEBVTT\n\n00:01.000 --> 00:02.000\n{words}\n"
        captions.add(video, language, language, webvtt)
    db.session.commit()
    page = get_lesson_page(course.slug, video_lesson.id, enrolled.id)
    assert [(line.start_seconds, line.text) for line in page.transcript] == [(1.0, "Hello there.")]
    assert get_lesson_page(course.slug, video_lesson.id, outsider.id).transcript == ()
