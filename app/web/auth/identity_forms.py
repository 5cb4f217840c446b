"""The forms of passwords and addresses. Lengths and rules are the domain's."""

from flask_babel import lazy_gettext
from wtforms import EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired

from app.domain.accounts.passwords import MIN_LENGTH
from app.web.auth.forms import EMAIL_MISSING, PASSWORD_MISSING, AccountForm

ADDRESS = {"autocapitalize": "none", "spellcheck": "false"}
NEW_PASSWORD = {"autocomplete": "new-password", "minlength": MIN_LENGTH}


class AddressForm(AccountForm):
    email = EmailField(
        lazy_gettext("E-mail"),
        [InputRequired(EMAIL_MISSING)],
        render_kw={**ADDRESS, "autocomplete": "username"},
    )


class NewAddressForm(AccountForm):
    email = EmailField(
        lazy_gettext("New e-mail address"),
        [InputRequired(EMAIL_MISSING)],
        render_kw={**ADDRESS, "autocomplete": "email"},
    )


class NewPasswordForm(AccountForm):
    password = PasswordField(
        lazy_gettext("New password"), [InputRequired(PASSWORD_MISSING)], render_kw=NEW_PASSWORD
    )


class PasswordForm(AccountForm):
    current_password = PasswordField(
        lazy_gettext("Current password"),
        [InputRequired(PASSWORD_MISSING)],
        render_kw={"autocomplete": "current-password"},
    )
    password = PasswordField(
        lazy_gettext("New password"), [InputRequired(PASSWORD_MISSING)], render_kw=NEW_PASSWORD
    )


class ConfirmationForm(AccountForm):
    """The password or a code: either proves it."""

    password = PasswordField(
        lazy_gettext("Password"), render_kw={"autocomplete": "current-password"}
    )
    code = StringField(
        lazy_gettext("Code"),
        render_kw={
            "autocomplete": "one-time-code",
            "autocapitalize": "none",
            "spellcheck": "false",
            "maxlength": 40,
        },
    )
    next = HiddenField()
