"""JSON twins of the catalog, a course, enrolling and one's own courses."""

import math
from functools import cache
from typing import Any

from flask import Response, jsonify, request
from pydantic import TypeAdapter

from app.cache import BYTES, Codec
from app.database import db
from app.domain.courses import admission
from app.domain.courses.admission_models import EnrollmentRequest
from app.domain.courses.cards import CourseCard, with_progress
from app.domain.courses.catalog import CatalogPage, find_page
from app.domain.courses.details import CourseView, EnrollmentView
from app.domain.courses.filters import CatalogFilters
from app.domain.courses.models import Enrollment
from app.domain.courses.outline import SectionView
from app.domain.courses.shelf import SHELF_SIZE, EnrolledCourse, count_enrolled, list_enrolled
from app.domain.courses.ways_in import RequestView
from app.web.access import require_signed_in, signed_in
from app.web.caching import kept, revalidated
from app.web.courses import blueprint
from app.web.courses.course_view import read_course
from app.web.courses.queries import CatalogQuery, PageQuery, read_filters, read_page_number
from app.web.courses.schemas import (
    CourseDetailDocument,
    CoursesDocument,
    Enroll,
    EnrolledCoursesDocument,
    EnrolledDocument,
    RequestedDocument,
)
from app.web.json import read_body
from app.web.openapi import describe
from app.web.reading import from_replica


def _course_view(course: CourseCard | CourseView) -> dict[str, Any]:
    return {
        "id": course.id,
        "slug": course.slug,
        "title": course.title,
        "pitch": course.pitch,
        "category": {"slug": course.category_slug, "name": course.category_name},
        "instructor": {"name": course.instructor_name},
        "level": course.level,
        "language": course.language,
        "lesson_count": course.lesson_count,
        "duration_seconds": course.duration_seconds,
        "learner_count": course.learner_count,
        "price": {"amount_minor": course.price_minor, "currency": course.currency},
        "is_enrolled": course.is_enrolled,
        "progress_percent": course.progress_percent if course.is_enrolled else None,
    }


def _section_view(section: SectionView) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": section.title,
        "duration_seconds": section.duration_seconds,
        "opens_after_days": section.opens_after_days,
        "opens_at": section.opens_at,
        "lessons": [
            {
                "id": lesson.id,
                "title": lesson.title,
                "kind": lesson.kind,
                "duration_seconds": lesson.duration_seconds,
                "preview": lesson.is_preview,
                "locked": lesson.is_locked,
                "opens_at": lesson.opens_at,
                "completed": lesson.is_completed,
            }
            for lesson in section.lessons
        ],
    }


def _enrollment_view(enrollment: Enrollment | EnrollmentView) -> dict[str, Any]:
    return {
        "id": enrollment.id,
        "source": enrollment.source,
        "created_at": enrollment.created_at,
        "completed_at": enrollment.completed_at,
    }


def _request_view(asked: EnrollmentRequest | RequestView) -> dict[str, Any]:
    return {
        "status": asked.status,
        "created_at": asked.created_at,
        "decided_at": asked.decided_at,
    }


@cache
def _pages() -> TypeAdapter[CatalogPage]:
    return TypeAdapter(CatalogPage)


PAGES: Codec[CatalogPage] = Codec(
    lambda page: _pages().dump_json(page), lambda kept: _pages().validate_json(kept)
)


def _enrolled_view(course: EnrolledCourse) -> dict[str, Any]:
    return {
        **_course_view(course),
        "completed_lessons": course.completed_lessons,
        "continue_lesson_id": course.continue_lesson_id,
        "enrolled_at": course.enrolled_at,
        "last_watched_at": course.last_watched_at,
        "completed_at": course.completed_at,
    }


@blueprint.get("/api/courses")
@describe({200: CoursesDocument}, query=CatalogQuery)
def list_courses() -> Response:
    """List published courses, filtered and sorted, twelve a page."""
    filters = read_filters()
    person = signed_in()
    user_id = person.user_id if person else None
    results = _page_of(filters)
    cards = from_replica(lambda: with_progress(results.items, user_id))
    answer = jsonify(
        items=[_course_view(course) for course in cards],
        page=results.page,
        pages=results.pages,
        total=results.total,
        corrected_query=results.corrected,
    )
    return revalidated(answer)


def _page_of(filters: CatalogFilters) -> CatalogPage:
    """Return a page as anybody sees it; what people typed is seldom typed twice, so not kept."""

    def find() -> CatalogPage:
        return from_replica(lambda: find_page(filters))

    return find() if filters.q else kept("api_courses", repr(filters), find, PAGES)


@blueprint.get("/api/courses/enrolled")
@describe({200: EnrolledCoursesDocument}, query=PageQuery)
def list_enrolled_courses() -> Response:
    """List one's own courses with their progress, the ones watched last first."""
    person = require_signed_in()
    page = read_page_number()
    total = count_enrolled(person.user_id)
    return jsonify(
        items=[_enrolled_view(course) for course in list_enrolled(person.user_id, page)],
        page=page,
        pages=math.ceil(total / SHELF_SIZE),
        total=total,
    )


@blueprint.get("/api/courses/<slug>")
@describe({200: CourseDetailDocument})
def get_course(slug: str) -> Response:
    """Return a course with its outline and what one may do about it."""
    if signed_in() is not None:
        return revalidated(_details_of(slug))
    body = kept("api_course", slug, lambda: _details_of(slug).get_data(), BYTES)
    return revalidated(Response(body, mimetype="application/json"))


def _details_of(slug: str) -> Response:
    course, _, action = read_course(slug)
    teacher = course.instructor
    return jsonify(
        {
            **_course_view(course),
            "instructor": {
                "name": teacher.name,
                "headline": teacher.headline,
                "bio": teacher.bio,
            },
            "status": course.status,
            "description": course.description,
            "outcomes": course.outcomes,
            "requirements": course.requirements,
            "published_at": course.published_at,
            "sections": [_section_view(section) for section in course.sections],
            "enrollment_policy": course.enrollment_policy,
            "is_invited": course.is_invited,
            "request": _request_view(course.request) if course.request else None,
            "enrollment": _enrollment_view(course.enrollment) if course.enrollment else None,
            "primary_action": action,
            "continue_lesson_id": course.continue_lesson_id,
        }
    )


@blueprint.post("/api/courses/<slug>/enroll")
@describe({200: EnrolledDocument, 201: EnrolledDocument, 202: RequestedDocument}, body=Enroll)
def enroll_by_program(slug: str) -> tuple[Response, int]:
    """Enrol: 201 when new, 200 when already enrolled, 202 where staff is asked to decide.

    402 when the course has a price, 403 INVITATION_REQUIRED, and 403 APPROVAL_REQUIRED for a week
    after a request was declined.
    """
    person = require_signed_in()
    note = read_body(Enroll).note if request.content_length else ""
    joined = admission.join(person.user_id, slug, person.role, note)
    if joined.request is not None:
        waiting = jsonify(request=_request_view(joined.request))
        db.session.commit()
        return waiting, 202
    answer = _enrollment_view(joined.enrollment) if joined.enrollment else None
    db.session.commit()
    return jsonify(enrollment=answer), 201 if joined.is_new else 200
