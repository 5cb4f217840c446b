"""The forms of second factors: a code, a name for a passkey."""

from flask_babel import lazy_gettext
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired

from app.domain.accounts.passkeys import MAX_NAME_LENGTH
from app.web.auth.forms import AccountForm

MAX_CODE_LENGTH = 60  # a recovery code with all its dashes, and then some
CODE_MISSING = lazy_gettext("Enter the code.")


class SecondStepForm(AccountForm):
    code = StringField(
        lazy_gettext("Code"),
        [InputRequired(CODE_MISSING)],
        render_kw={
            "autocomplete": "one-time-code",
            "autocapitalize": "characters",
            "spellcheck": "false",
            "maxlength": MAX_CODE_LENGTH,
        },
    )
    next = HiddenField()


class AppCodeForm(AccountForm):
    code = StringField(
        lazy_gettext("Code that the app shows"),
        [InputRequired(CODE_MISSING)],
        render_kw={
            "autocomplete": "one-time-code",
            "inputmode": "numeric",
            "spellcheck": "false",
            "maxlength": MAX_CODE_LENGTH,
        },
    )


class PasskeyNameForm(AccountForm):
    name = StringField(
        lazy_gettext("Name"),
        [InputRequired(lazy_gettext("Give the passkey a name, like the device it is on."))],
        render_kw={"autocomplete": "off", "maxlength": MAX_NAME_LENGTH},
    )
