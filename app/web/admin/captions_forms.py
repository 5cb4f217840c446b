"""The forms about captions: bringing a file, and writing where there are no scripts."""

from typing import Any

from babel import Locale, UnknownLocaleError
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import FileField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, NumberRange

from app.domain.videos.captions import MAX_LABEL_LENGTH

LANGUAGES = ("en", "am", "om", "ti", "so", "sw", "ar", "fr", "es", "pt", "de", "it", "hi", "zh")
MAX_FILE_BYTES = 900 * 1024
TOO_LARGE = lazy_gettext("Captions may have at most 900 kB.")
NO_FILE = lazy_gettext("Choose a WebVTT (.vtt) or SRT (.srt) file.")
NO_TEXT = lazy_gettext("The file is not text in UTF-8. Save it as UTF-8 and try again.")


def name_of(language: str) -> str:
    """Return a language's name in itself, or the tag where it is unknown."""
    try:
        name = Locale.parse(language, sep="-").get_display_name(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return language
    return name[:1].upper() + name[1:] if name else language


class CaptionsUploadForm(FlaskForm):  # type: ignore[misc]
    """A file of captions and the language it is in."""

    language = SelectField(lazy_gettext("Language"), choices=[], id="captions-language")
    file = FileField(
        lazy_gettext("File"), id="captions-file", render_kw={"accept": ".vtt,.srt,text/vtt"}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.language.choices = [(tag, name_of(tag)) for tag in LANGUAGES]

    def read_text(self) -> str | None:
        """Return what the file says; None, with an error at the field, when it cannot be read."""
        given = self.file.data
        if not given or not given.filename:
            self.file.errors = [str(NO_FILE)]
            return None
        raw = given.stream.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            self.file.errors = [str(TOO_LARGE)]
            return None
        marks = (b"\xff\xfe", b"\xfe\xff")
        try:
            return str(raw.decode("utf-16" if raw.startswith(marks) else "utf-8-sig"))
        except UnicodeDecodeError:
            self.file.errors = [str(NO_TEXT)]
            return None


class CaptionsForm(FlaskForm):  # type: ignore[misc]
    """Captions as text, and on which version they were written (0: there were none)."""

    label = StringField(
        lazy_gettext("Name in the menu"),
        [
            DataRequired(lazy_gettext("Name the language as the menu should show it.")),
            Length(max=MAX_LABEL_LENGTH, message=lazy_gettext("Use at most %(max)d characters.")),
        ],
        filters=[lambda text: (text or "").strip()],
        render_kw={"autocomplete": "off"},
    )
    text = TextAreaField(
        lazy_gettext("Captions in WebVTT"), render_kw={"rows": 18, "spellcheck": "true"}
    )
    version = IntegerField(validators=[NumberRange(min=0)])
