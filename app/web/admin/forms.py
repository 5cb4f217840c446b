"""The forms by which staff act on an account."""

from collections.abc import Mapping

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from app.domain.accounts.models import Role
from app.domain.accounts.standing import Act

MAX_REASON_LENGTH = 300
ROLE_NAMES = {
    Role.LEARNER: lazy_gettext("Learner"),
    Role.INSTRUCTOR: lazy_gettext("Instructor"),
    Role.SUPPORT: lazy_gettext("Support"),
    Role.ADMIN: lazy_gettext("Administrator"),
}


class BlamedForm(FlaskForm):  # type: ignore[misc]
    """A form whose fields can be told what the domain found wrong with them."""

    def blame(self, faults: Mapping[str, str]) -> None:
        """Show each fault at its field, or above the form when it has no such field."""
        for name, message in faults.items():
            if name in self:
                self[name].errors = [*self[name].errors, gettext(message)]
            else:
                self.form_errors.append(gettext(message))


class PlainForm(FlaskForm):  # type: ignore[misc]
    """A button, and the token against forgery."""


class SuspendForm(FlaskForm):  # type: ignore[misc]
    reason = TextAreaField(
        lazy_gettext("Reason"),
        [
            DataRequired(lazy_gettext("Say why, for whoever looks at this later.")),
            Length(max=MAX_REASON_LENGTH, message=lazy_gettext("Use at most %(max)d characters.")),
        ],
        filters=[lambda text: (text or "").strip()],
        render_kw={"rows": 3},
    )


class RoleForm(FlaskForm):  # type: ignore[misc]
    role = SelectField(
        lazy_gettext("New role"),
        choices=[SelectChoice(role.value, name) for role, name in ROLE_NAMES.items()],
    )


FORMS: dict[Act, type[FlaskForm]] = {Act.SUSPEND: SuspendForm, Act.CHANGE_ROLE: RoleForm}


def form_for(act: Act) -> FlaskForm:
    """Return the form that the act needs, with what was sent."""
    return FORMS.get(act, PlainForm)()
