"""The JSON of making courses: the course itself, its checklist, its versions, copies of it."""

from uuid import UUID

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from app.domain.courses import builder, course_list, markdown, publishing
from app.domain.courses.course_edits import changes_from
from app.domain.courses.course_list import Wanted
from app.web.access import require_signed_in
from app.web.admin import blueprint, course_acts, owner_scope
from app.web.admin.making_bodies import (
    Copy,
    CourseChange,
    CoursesQuery,
    MarkdownSource,
    NewCourse,
    changes_of,
    read_courses_query,
)
from app.web.admin.making_schemas import (
    ChecklistDocument,
    MadeCourseDocument,
    MadeCoursesDocument,
    MarkdownDocument,
    VersionsDocument,
)
from app.web.admin.making_views import course_view, row_view
from app.web.admin.paging import read_page
from app.web.json import read_body
from app.web.openapi import describe


@blueprint.get("/api/admin/courses")
@describe({200: MadeCoursesDocument}, query=CoursesQuery)
def list_courses() -> Response:
    """List courses in any state, newest first."""
    owner_id, query = owner_scope(), read_courses_query()
    wanted = Wanted(query.q, query.status, query.category_id)
    page = read_page(lambda after, limit: course_list.list_courses(owner_id, wanted, after, limit))
    return jsonify(items=[row_view(row) for row in page.items], next_cursor=page.next_cursor)


@blueprint.post("/api/admin/courses")
@describe({201: MadeCourseDocument}, body=NewCourse)
def create_course() -> ResponseReturnValue:
    """Add a draft taught by whoever asks."""
    body = read_body(NewCourse)
    course = course_acts.create(require_signed_in(), body.title, body.category_id, body.language)
    return _course(course.id), 201


@blueprint.get("/api/admin/courses/<uuid:course_id>")
@describe({200: MadeCourseDocument})
def get_made_course(course_id: UUID) -> Response:
    """Return a course with its sections, lessons, files and the state of its videos."""
    return _course(course_id)


@blueprint.patch("/api/admin/courses/<uuid:course_id>")
@describe({200: MadeCourseDocument}, body=CourseChange)
def change_course(course_id: UUID) -> Response:
    """Change fields of a course, or how far it is seen.

    VERSION_CONFLICT holds the fields as they are in `current`, COURSE_NOT_READY what is missing
    in `checklist`. The address can be changed until the course is first published, the instructor
    by administrators.
    """
    body = read_body(CourseChange)
    changes = changes_of(body)
    status = changes.pop("status", None)
    course_acts.change(
        require_signed_in(),
        course_id,
        changes_from(changes),
        status=status,
        version=body.version,
    )
    return _course(course_id)


@blueprint.delete("/api/admin/courses/<uuid:course_id>")
@describe({204: None})
def delete_course(course_id: UUID) -> ResponseReturnValue:
    """Delete a draft or an archived course, its enrollments and progress; its videos stay."""
    course_acts.delete(require_signed_in(), course_id)
    return "", 204


@blueprint.post("/api/admin/courses/<uuid:course_id>/duplicate")
@describe({201: MadeCourseDocument}, body=Copy)
def duplicate_course(course_id: UUID) -> ResponseReturnValue:
    """Add a draft that is a copy of a course, without its learners."""
    read_body(Copy)
    return _course(course_acts.duplicate(require_signed_in(), course_id).id), 201


@blueprint.get("/api/admin/courses/<uuid:course_id>/checklist")
@describe({200: ChecklistDocument})
def get_checklist(course_id: UUID) -> Response:
    """Return what a course has and lacks for being published."""
    items = publishing.checklist(require_signed_in(), course_id)
    return jsonify(items=[publishing.as_document(item) for item in items])


@blueprint.get("/api/admin/courses/<uuid:course_id>/versions")
@describe({200: VersionsDocument})
def get_versions(course_id: UUID) -> Response:
    """Return the versions of a course and of all in it: cheap, to be asked for now and then."""
    versions = builder.get_versions(require_signed_in(), course_id)
    return jsonify(
        version=versions.version,
        outline_version=versions.outline_version,
        sections={str(key): version for key, version in versions.sections.items()},
        lessons={str(key): version for key, version in versions.lessons.items()},
    )


@blueprint.post("/api/admin/markdown")
@describe({200: MarkdownDocument}, body=MarkdownSource)
def render_markdown() -> Response:
    """Return Markdown as the safe HTML that learners will get."""
    return jsonify(html=str(markdown.render(read_body(MarkdownSource).source)))


def _course(course_id: UUID) -> Response:
    return jsonify(course=course_view(builder.get_builder(require_signed_in(), course_id)))
