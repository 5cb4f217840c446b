"""The forms by which staff lets people into courses."""

from collections.abc import Sequence
from uuid import UUID

from flask_babel import lazy_gettext
from wtforms import EmailField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from app.domain.courses.roster import CourseChoice
from app.web.admin.forms import BlamedForm

COURSE_MISSING = lazy_gettext("Choose a course.")


class CourseForm(BlamedForm):
    """A form about one course."""

    course_id = SelectField(
        lazy_gettext("Course"),
        [InputRequired(COURSE_MISSING)],
        id="into",  # the search beside it narrows by a course, too
        validate_choice=False,
    )

    def offer(self, courses: Sequence[CourseChoice], chosen: UUID | None) -> None:
        """Give the courses to choose from, `chosen` first chosen."""
        self.course_id.choices = [
            SelectChoice("", lazy_gettext("Choose a course")),
            *(SelectChoice(str(course.id), course.title) for course in courses),
        ]
        if not self.is_submitted() and chosen is not None:
            self.course_id.data = str(chosen)

    def course(self) -> UUID:
        """Return the chosen course's id; that of nothing for what is none."""
        try:
            return UUID(self.course_id.data)
        except (TypeError, ValueError):
            return UUID(int=0)


class EnrolForm(CourseForm):
    email = EmailField(
        lazy_gettext("E-mail"),
        [InputRequired(lazy_gettext("Enter the person's e-mail address."))],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )


class InviteForm(CourseForm):
    emails = TextAreaField(
        lazy_gettext("E-mail addresses"),
        [InputRequired(lazy_gettext("Enter at least one e-mail address."))],
        render_kw={"rows": 4, "autocapitalize": "none", "spellcheck": "false"},
    )

    def addresses(self) -> list[str]:
        """Return the addresses, however they are parted."""
        text = (self.emails.data or "").replace(",", " ").replace(";", " ")
        return text.split()
