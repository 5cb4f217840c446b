"""The forms of signing in and up. Lengths and rules are the domain's; these ask for presence."""

from collections.abc import Mapping

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired

from app.domain.accounts.names import MAX_NAME_LENGTH
from app.domain.accounts.passwords import MIN_LENGTH

EMAIL_MISSING = lazy_gettext("Enter your e-mail address.")
PASSWORD_MISSING = lazy_gettext("Enter your password.")
NAME_MISSING = lazy_gettext("Enter your name.")


class AccountForm(FlaskForm):  # type: ignore[misc]
    """A form whose fields can be told what the domain found wrong with them."""

    def blame(self, faults: Mapping[str, str]) -> None:
        """Show each fault at its field, or above the form when it has no such field."""
        for name, message in faults.items():
            if name in self:
                self[name].errors = [*self[name].errors, gettext(message)]
            else:
                self.form_errors.append(gettext(message))


class SignInForm(AccountForm):
    email = EmailField(
        lazy_gettext("E-mail"),
        [InputRequired(EMAIL_MISSING)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        lazy_gettext("Password"),
        [InputRequired(PASSWORD_MISSING)],
        render_kw={"autocomplete": "current-password"},
    )
    next = HiddenField()


class SignUpForm(AccountForm):
    name = StringField(
        lazy_gettext("Name"),
        [InputRequired(NAME_MISSING)],
        render_kw={"autocomplete": "name", "maxlength": MAX_NAME_LENGTH},
    )
    email = EmailField(
        lazy_gettext("E-mail"),
        [InputRequired(EMAIL_MISSING)],
        render_kw={"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        lazy_gettext("Password"),
        [InputRequired(PASSWORD_MISSING)],
        render_kw={"autocomplete": "new-password", "minlength": MIN_LENGTH},
    )
    next = HiddenField()
