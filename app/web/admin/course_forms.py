"""The form that begins a course; everything else is the builder's."""

from collections.abc import Mapping
from uuid import UUID

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from app.domain.courses.categories import list_categories
from app.domain.courses.course_fields import MAX_TITLE


class NewCourseForm(FlaskForm):  # type: ignore[misc]
    """A title and a shelf: enough for a draft."""

    title = StringField(
        lazy_gettext("Title"),
        [
            InputRequired(lazy_gettext("Give the course a title.")),
            Length(max=MAX_TITLE, message=lazy_gettext("Use at most %(max)d characters.")),
        ],
        render_kw={"autocomplete": "off", "maxlength": MAX_TITLE},
    )
    category_id = SelectField(lazy_gettext("Category"), id="new-category")

    def offer_categories(self) -> None:
        """Give the shelves to choose from."""
        shelves = list_categories(include_empty=True)
        self.category_id.choices = [SelectChoice(str(shelf.id), shelf.name) for shelf in shelves]

    def chosen_category(self) -> UUID:
        """Return the shelf that was chosen."""
        return UUID(self.category_id.data)

    def blame(self, faults: Mapping[str, str]) -> None:
        """Show each fault at its field, or above the form when it has no such field."""
        for name, message in faults.items():
            if name in self:
                self[name].errors = [*self[name].errors, gettext(message)]
            else:
                self.form_errors.append(gettext(message))
