"""Synthetic courses: as many as asked for, and as real to the catalog as others."""

from sqlalchemy import func, select, text

from app.database import db
from app.demo.bulk import bulk_courses
from app.domain.courses.models import Course, CourseStatus, Lesson


def test_bulk_adds_as_many_published_courses_as_asked(db_session) -> None:
    assert bulk_courses(250) == 250
    assert bulk_courses(50) == 300
    courses = db.session.scalars(select(Course)).all()
    assert len(courses) == len({course.slug for course in courses}) == 300
    assert {course.status for course in courses} == {CourseStatus.PUBLISHED}
    assert len({course.published_at for course in courses}) > 200
    assert any(course.price_minor for course in courses)
    assert not all(course.price_minor for course in courses)


def test_bulk_courses_have_the_lessons_they_count(db_session) -> None:
    bulk_courses(20, lessons_per_course=3)
    per_course = db.session.execute(
        select(Course.lesson_count, Course.duration_seconds, func.count(Lesson.id))
        .join(Lesson, Lesson.course_id == Course.id)
        .group_by(Course.id)
    ).all()
    assert [tuple(row) for row in per_course] == [(3, 180, 3)] * 20


def test_bulk_courses_are_found_by_search(db_session) -> None:
    bulk_courses(200)
    found = db.session.execute(
        text(
            "SELECT count(*) FROM courses "
            "WHERE search_vector @@ websearch_to_tsquery('english', 'baskets')"
        )
    ).scalar_one()
    assert 5 < found < 100
