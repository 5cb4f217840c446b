"""Rules that the demo's texts keep, so that the furnished house has no empty room."""

import re
from collections import Counter
from pathlib import Path

import pytest

from app.demo.clips import CLIPS
from app.demo.content import (
    DAMAGED,
    CourseContent,
    load_categories,
    load_courses,
    load_people,
)
from app.domain.accounts.models import Role
from app.domain.courses.markdown import render
from app.domain.courses.models import CourseStatus, Level

pytestmark = pytest.mark.no_database

COURSES = {course.slug: course for course in load_courses()}
PEOPLE = {person.email: person for person in load_people()}
every_course = pytest.mark.parametrize("course", COURSES.values(), ids=COURSES.keys())


def test_catalog_has_eight_courses_and_two_that_it_hides() -> None:
    states = Counter(course.status for course in COURSES.values())
    assert states == {
        CourseStatus.PUBLISHED: 8,
        CourseStatus.UNLISTED: 1,
        CourseStatus.DRAFT: 1,
    }


def test_slugs_titles_and_addresses_are_unique() -> None:
    courses, people = load_courses(), load_people()
    assert len({course.slug for course in courses}) == len(courses)
    assert len({course.title for course in courses}) == len(courses)
    assert len({person.email for person in people}) == len(people)
    assert all(person.email.endswith("@example.com") for person in people)


def test_published_courses_cover_every_shelf_and_level() -> None:
    published = [c for c in COURSES.values() if c.status is CourseStatus.PUBLISHED]
    categories = {category.slug for category in load_categories()}
    assert {course.category for course in published} == categories
    assert {course.level for course in published} == set(Level)
    assert {course.language for course in published} == {"en", "am"}
    assert len({category.hue for category in load_categories()}) == len(categories)


def test_most_courses_are_free_and_four_are_priced_in_two_currencies() -> None:
    priced = [course for course in COURSES.values() if course.price_minor]
    assert len(priced) == 4
    assert {course.currency for course in priced} == {"ETB", "USD"}
    assert all(any(lesson.is_preview for lesson in course.lessons) for course in priced)


@every_course
def test_course_has_sections_and_lessons_with_text_and_duration(course: CourseContent) -> None:
    if course.status is CourseStatus.PUBLISHED:
        assert 2 <= len(course.sections) <= 4
        assert 6 <= len(course.lessons) <= 14
    titles = [lesson.title for lesson in course.lessons]
    assert len(set(titles)) == len(titles)
    for lesson in course.lessons:
        assert lesson.duration_seconds >= 60
        assert len(lesson.body.strip()) > 60, lesson.title
        assert lesson.video is None or lesson.video in {*CLIPS, DAMAGED}
        if lesson.video is None:
            assert len(lesson.body.split()) >= 50, lesson.title


@every_course
def test_course_page_has_no_empty_text(course: CourseContent) -> None:
    assert 20 <= len(course.pitch) <= 120
    assert len(course.description.split()) >= 30
    assert all(text.strip() for text in (*course.outcomes, *course.requirements))
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", course.slug)
    assert course.instructor in PEOPLE
    assert PEOPLE[course.instructor].role is Role.INSTRUCTOR


@every_course
def test_markdown_of_every_text_renders_as_meant(course: CourseContent) -> None:
    for source in (course.description, *(lesson.body for lesson in course.lessons)):
        html = render(source)
        outside_code = re.sub(r"<(pre|code).*?</\1>", "", html, flags=re.DOTALL)
        assert "**" not in outside_code
        assert "| " not in outside_code
        assert "`" not in outside_code


def test_text_is_readable_by_people_and_machines() -> None:
    folder = Path(__file__).parents[2] / "app/demo/content"
    for path in folder.rglob("*.toml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 400, path.name
        assert all(len(line) <= 110 for line in lines if "course = " not in line), path.name


def test_attendance_fits_the_courses() -> None:
    for person in PEOPLE.values():
        slugs = [attendance.course for attendance in person.courses]
        assert len(set(slugs)) == len(slugs)
        for attendance in person.courses:
            course = COURSES[attendance.course]
            assert course.status is not CourseStatus.DRAFT
            rest = course.lessons[attendance.completed_lessons :]
            assert attendance.completed_lessons <= len(course.lessons)
            if attendance.watched_seconds:
                assert attendance.watched_seconds < 0.9 * rest[0].duration_seconds


def test_learner_is_half_way_in_one_course_and_nearly_through_another() -> None:
    half, nearly = PEOPLE["learner@example.com"].courses
    watching = COURSES[half.course].lessons[half.completed_lessons]
    assert watching.video in CLIPS
    assert 0.25 < half.watched_seconds / watching.duration_seconds < 0.75
    assert nearly.completed_lessons == len(COURSES[nearly.course].lessons) - 1
    assert PEOPLE["outsider@example.com"].courses == ()


def test_first_clip_to_be_transcoded_is_the_first_lesson_of_the_learners_courses() -> None:
    first_clip = next(iter(CLIPS))
    for attendance in PEOPLE["learner@example.com"].courses:
        assert COURSES[attendance.course].lessons[0].video == first_clip
