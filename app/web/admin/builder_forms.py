"""The builder's forms, as they are without scripts; with them each field is saved as it is written.

`data-field` names the field of the API that a control stands for; the rules are the domain's.
"""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from babel import Locale, UnknownLocaleError
from flask_babel import get_locale, gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice

from app.domain.courses.built import BuiltCourse, BuiltLesson, BuiltSection
from app.domain.courses.course_fields import (
    CURRENCIES,
    MAX_DESCRIPTION,
    MAX_PITCH,
    MAX_SEATS,
    MAX_SLUG,
    MAX_TITLE,
    CourseChanges,
)
from app.domain.courses.lesson_fields import MAX_BODY, MAX_DAYS, LessonChanges, SectionChanges
from app.domain.courses.models import EnrollmentPolicy, LessonKind, Level

LANGUAGES = ("en", "am", "om", "ti", "so", "sw", "ar", "fr", "es", "pt", "de", "hi", "zh")
LEVELS = [
    SelectChoice(Level.BEGINNER.value, lazy_gettext("Beginner")),
    SelectChoice(Level.INTERMEDIATE.value, lazy_gettext("Intermediate")),
    SelectChoice(Level.ADVANCED.value, lazy_gettext("Advanced")),
]
POLICIES = [
    SelectChoice(EnrollmentPolicy.OPEN.value, lazy_gettext("Open to everybody")),
    SelectChoice(EnrollmentPolicy.APPROVAL.value, lazy_gettext("On approval")),
    SelectChoice(EnrollmentPolicy.INVITATION.value, lazy_gettext("By invitation")),
]
KINDS = [
    SelectChoice(LessonKind.VIDEO.value, lazy_gettext("Video")),
    SelectChoice(LessonKind.TEXT.value, lazy_gettext("Text")),
    SelectChoice(LessonKind.PDF.value, lazy_gettext("PDF")),
]
MINOR_UNITS = 100


class MakingForm(FlaskForm):  # type: ignore[misc]
    """A form that says on which version it was written, and shows what the domain found wrong."""

    version = HiddenField()

    @property
    def seen_version(self) -> int | None:
        """The version the form was drawn from."""
        text = self.version.data or ""
        return int(text) if text.isdigit() and len(text) < 10 else None

    def blame(self, faults: Mapping[str, str]) -> None:
        """Show each fault at its field, or above the form when it has no such field."""
        for name, message in faults.items():
            field = name.split(".")[0]
            if field in self:
                self[field].errors = [*self[field].errors, gettext(message)]
            else:
                self.form_errors.append(gettext(message))

    def warn_of(self, version: int) -> None:
        """Say that somebody else was faster; sending it once more keeps what is written here."""
        self.version.raw_data = None
        self.version.data = str(version)
        self.form_errors.append(
            gettext(
                "Somebody else changed this meanwhile. Your text is still here: save once more to "
                "keep it, or open the page anew to see theirs."
            )
        )


class CourseForm(MakingForm):
    title = StringField(
        lazy_gettext("Title"), render_kw={"data-field": "title", "maxlength": MAX_TITLE}
    )
    pitch = StringField(
        lazy_gettext("In one sentence"), render_kw={"data-field": "pitch", "maxlength": MAX_PITCH}
    )
    description = TextAreaField(
        lazy_gettext("Description"),
        render_kw={"data-field": "description", "maxlength": MAX_DESCRIPTION, "rows": 9},
    )
    outcomes = TextAreaField(
        lazy_gettext("What people will learn"),
        render_kw={"data-field": "outcomes", "data-as": "lines", "rows": 5},
    )
    requirements = TextAreaField(
        lazy_gettext("What people need to know or have before"),
        render_kw={"data-field": "requirements", "data-as": "lines", "rows": 4},
    )
    category_id = SelectField(
        lazy_gettext("Category"),
        render_kw={"data-field": "category_id", "data-as": "choice", "data-path": "category.id"},
    )
    level = SelectField(
        lazy_gettext("Level"),
        choices=LEVELS,
        render_kw={"data-field": "level", "data-as": "choice"},
    )
    language = SelectField(
        lazy_gettext("Language"),
        id="course-language",
        render_kw={"data-field": "language", "data-as": "choice"},
    )
    slug = StringField(
        lazy_gettext("Address"),
        render_kw={
            "data-field": "slug",
            "maxlength": MAX_SLUG,
            "autocapitalize": "none",
            "spellcheck": "false",
        },
    )
    instructor_id = SelectField(
        lazy_gettext("Instructor"),
        render_kw={
            "data-field": "instructor_id",
            "data-as": "choice",
            "data-path": "instructor.id",
        },
    )

    def offer(
        self,
        course: BuiltCourse,
        categories: list[tuple[UUID, str]],
        teachers: list[tuple[UUID, str]],
    ) -> None:
        """Set what may be chosen; what may not be changed is left out."""
        self.category_id.choices = [SelectChoice(str(key), name) for key, name in categories]
        codes = dict.fromkeys((*LANGUAGES, course.language))
        self.language.choices = [SelectChoice(code, _language_name(code)) for code in codes]
        if course.published_at is not None:
            del self.slug
        if not teachers:
            del self.instructor_id
            return
        self.instructor_id.choices = [SelectChoice(str(key), name) for key, name in teachers]

    def show(self, course: BuiltCourse) -> None:
        """Fill in what the course has."""
        values = {name: getattr(course, name) for name in self._fields if hasattr(course, name)}
        for name in ("outcomes", "requirements"):
            values[name] = "\n".join(values[name])
        for name, value in values.items():
            self[name].data = str(value)

    @property
    def changes(self) -> CourseChanges:
        """What was sent, as changes."""
        sent = {name: self[name].data or "" for name in self._fields if name in _PLAIN}
        changes: dict[str, Any] = {
            **sent,
            "category_id": UUID(self.category_id.data),
            "level": Level(self.level.data),
            "outcomes": (self.outcomes.data or "").splitlines(),
            "requirements": (self.requirements.data or "").splitlines(),
        }
        if "instructor_id" in self:
            changes["instructor_id"] = UUID(self.instructor_id.data)
        return cast(CourseChanges, changes)


_PLAIN = ("title", "pitch", "description", "language", "slug")


class AccessForm(MakingForm):
    price = StringField(lazy_gettext("Price"), render_kw={"data-part": "amount"})
    currency = SelectField(
        lazy_gettext("Currency"),
        choices=[SelectChoice(code, code) for code in CURRENCIES],
        render_kw={"data-part": "currency"},
    )
    enrollment_policy = RadioField(lazy_gettext("Who may enrol"), choices=POLICIES)
    seat_limit = StringField(
        lazy_gettext("Seats"),
        render_kw={"data-field": "seat_limit", "data-as": "limit", "inputmode": "numeric"},
    )
    has_certificate = BooleanField(
        lazy_gettext("Certificate"),
        render_kw={"data-field": "has_certificate", "data-as": "bool"},
    )
    has_discussion = BooleanField(
        lazy_gettext("Discussion"), render_kw={"data-field": "has_discussion", "data-as": "bool"}
    )

    def show(self, course: BuiltCourse) -> None:
        """Fill in what the course has."""
        whole, rest = divmod(course.price_minor, MINOR_UNITS)
        self.price.data = f"{whole}.{rest:02d}" if rest else str(whole)
        self.currency.data = course.currency
        self.enrollment_policy.data = course.enrollment_policy.value
        self.seat_limit.data = "" if course.seat_limit is None else str(course.seat_limit)
        self.has_certificate.data = course.has_certificate
        self.has_discussion.data = course.has_discussion
        self.version.data = str(course.version)

    def minor(self) -> int | None:
        """Return the price in minor units, None when it is no amount."""
        whole, _, rest = (self.price.data or "0").strip().replace(",", ".").partition(".")
        digits = whole + rest.ljust(2, "0")
        is_amount = digits.isascii() and digits.isdigit() and len(rest) <= 2 and len(digits) < 12
        return int(digits) if is_amount else None

    def seats(self) -> int | None:
        """Return the number of seats, None without a limit, and 0 when it is no number."""
        text = (self.seat_limit.data or "").strip()
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_SEATS))
        return int(text) if is_number else (0 if text else None)

    def changes(self, amount_minor: int) -> CourseChanges:
        """Return what was sent, as changes."""
        return CourseChanges(
            price={"amount_minor": amount_minor, "currency": self.currency.data},
            enrollment_policy=EnrollmentPolicy(self.enrollment_policy.data),
            seat_limit=self.seats(),
            has_certificate=self.has_certificate.data,
            has_discussion=self.has_discussion.data,
        )


class SectionForm(MakingForm):
    title = StringField(
        lazy_gettext("Title"), render_kw={"data-field": "title", "maxlength": MAX_TITLE}
    )
    opens_after_days = IntegerField(
        lazy_gettext("Opens after"),
        render_kw={
            "data-field": "opens_after_days",
            "data-as": "int",
            "min": 0,
            "max": MAX_DAYS,
            "inputmode": "numeric",
        },
    )

    def show(self, section: BuiltSection) -> None:
        """Fill in what the section has."""
        self.title.data = section.title
        self.opens_after_days.data = section.opens_after_days
        self.version.data = str(section.version)

    @property
    def changes(self) -> SectionChanges:
        """What was sent, as changes."""
        return SectionChanges(
            title=self.title.data or "", opens_after_days=self.opens_after_days.data or 0
        )


class LessonForm(MakingForm):
    title = StringField(
        lazy_gettext("Title"), render_kw={"data-field": "title", "maxlength": MAX_TITLE}
    )
    kind = RadioField(lazy_gettext("What it is"), choices=KINDS)
    body = TextAreaField(
        lazy_gettext("Text"), render_kw={"data-field": "body", "maxlength": MAX_BODY, "rows": 14}
    )
    is_preview = BooleanField(
        lazy_gettext("Free preview"), render_kw={"data-field": "is_preview", "data-as": "bool"}
    )

    def show(self, lesson: BuiltLesson) -> None:
        """Fill in what the lesson has."""
        self.title.data = lesson.title
        self.kind.data = lesson.kind.value
        self.body.data = lesson.body
        self.is_preview.data = lesson.is_preview
        self.version.data = str(lesson.version)

    @property
    def changes(self) -> LessonChanges:
        """What was sent, as changes."""
        return LessonChanges(
            title=self.title.data or "",
            kind=LessonKind(self.kind.data),
            body=self.body.data or "",
            is_preview=self.is_preview.data,
        )


class AddLessonForm(FlaskForm):  # type: ignore[misc]
    title = StringField(lazy_gettext("Title"))
    kind = RadioField(lazy_gettext("What it is"), choices=KINDS, default=LessonKind.VIDEO.value)


class AddSectionForm(FlaskForm):  # type: ignore[misc]
    title = StringField(lazy_gettext("Title"))


def _language_name(code: str) -> str:
    try:
        name = Locale.parse(code, sep="-").get_display_name(get_locale())
    except (UnknownLocaleError, ValueError):  # a tag may be right and have no name here
        name = None
    return f"{name[:1].upper()}{name[1:]}" if name else code
