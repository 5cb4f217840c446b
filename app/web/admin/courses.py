"""The administration's table of courses."""

from flask import render_template

from app.domain.courses import course_list
from app.domain.courses.course_list import Wanted
from app.web.admin import blueprint, owner_scope
from app.web.admin.paging import read_page


@blueprint.get("/admin/courses")
def courses() -> str:
    """List courses in any state."""
    owner_id = owner_scope()
    page = read_page(
        lambda after, limit: course_list.list_courses(owner_id, Wanted(), after, limit)
    )
    return render_template("admin/courses.html", page=page)
