"""The form of a coupon. Moments are in the reader's time zone; the rules are the domain's."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from flask_babel import lazy_gettext, to_user_timezone, to_utc
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from app.domain.checkout.coupon_fields import MAX_NOTE, CouponChanges
from app.domain.checkout.coupon_models import Coupon, CouponKind
from app.domain.checkout.coupons import MAX_CODE
from app.domain.courses.course_fields import CURRENCIES
from app.domain.courses.roster import CourseChoice
from app.web.admin.amounts import minor_of, typed
from app.web.admin.forms import BlamedForm

PERCENT = "percent"
MOMENT = "%Y-%m-%dT%H:%M"
# What the domain calls a field, where the form says it otherwise.
SHOWN_AS = {"percent": "value", "amount.amount_minor": "value", "amount.currency": "unit"}


class CouponForm(BlamedForm):
    """A code, what it takes off and for whom; what is left empty does not bound it."""

    version = HiddenField()
    code = StringField(
        lazy_gettext("Code"),
        render_kw={
            "maxlength": MAX_CODE,
            "autocomplete": "off",
            "autocapitalize": "characters",
            "spellcheck": "false",
        },
    )
    value = StringField(
        lazy_gettext("Discount"), render_kw={"inputmode": "decimal", "autocomplete": "off"}
    )
    unit = SelectField(
        lazy_gettext("% or currency"),
        choices=[SelectChoice(PERCENT, "%"), *(SelectChoice(code, code) for code in CURRENCIES)],
    )
    course_id = SelectField(lazy_gettext("Course"), validate_choice=False)
    max_redemptions = IntegerField(lazy_gettext("Uses in all"), [Optional()], render_kw={"min": 1})
    max_per_user = IntegerField(
        lazy_gettext("Uses a person"), [Optional()], default=1, render_kw={"min": 1}
    )
    starts_at = DateTimeLocalField(lazy_gettext("Counts from"), [Optional()], format=MOMENT)
    ends_at = DateTimeLocalField(lazy_gettext("Counts until"), [Optional()], format=MOMENT)
    note = StringField(
        lazy_gettext("Note"), render_kw={"maxlength": MAX_NOTE, "autocomplete": "off"}
    )
    is_active = BooleanField(lazy_gettext("Switched on"), default=True)

    def offer(self, courses: Sequence[CourseChoice], *, for_all: bool) -> None:
        """Give the courses to choose from; `for_all` lets a coupon count for every course."""
        first = lazy_gettext("Every course") if for_all else lazy_gettext("Choose a course")
        self.course_id.choices = [
            SelectChoice("", first),
            *(SelectChoice(str(course.id), course.title) for course in courses),
        ]

    def show(self, coupon: Coupon) -> None:
        """Fill in what the coupon has."""
        is_percent = coupon.kind is CouponKind.PERCENT
        self.version.data = str(coupon.version)
        self.code.data = coupon.code
        self.value.data = str(coupon.percent) if is_percent else typed(coupon.amount_minor or 0)
        self.unit.data = PERCENT if is_percent else coupon.currency
        self.course_id.data = str(coupon.course_id) if coupon.course_id else ""
        self.max_redemptions.data = coupon.max_redemptions
        self.max_per_user.data = coupon.max_per_user
        self.starts_at.data = _shown(coupon.starts_at)
        self.ends_at.data = _shown(coupon.ends_at)
        self.note.data = coupon.note
        self.is_active.data = coupon.is_active

    def fix(self) -> None:
        """Show that code and discount stay: the coupon was used."""
        for field in (self.code, self.value):
            field.render_kw = {**(field.render_kw or {}), "readonly": True}

    def changes(self) -> CouponChanges | None:
        """Return what was filled in; None when the discount is no number, which it then says."""
        is_percent = self.unit.data == PERCENT
        minor = minor_of(self.value.data)
        if minor is None or (is_percent and minor % 100):
            self.blame({"percent": "Give a number such as 20, or an amount such as 150.50."})
            return None
        money = {"amount_minor": minor, "currency": self.unit.data}
        return CouponChanges(
            code=self.code.data or "",
            percent=minor // 100 if is_percent else None,
            amount=None if is_percent else money,  # type: ignore[typeddict-item]
            course_id=self._course(),
            max_redemptions=self.max_redemptions.data,
            max_per_user=self.max_per_user.data,
            starts_at=_meant(self.starts_at.data),
            ends_at=_meant(self.ends_at.data),
            note=self.note.data or "",
            is_active=self.is_active.data,
        )

    def seen_version(self) -> int | None:
        """Return the version the form was filled in on."""
        text = self.version.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

    def blame(self, faults: Mapping[str, str]) -> None:
        """Show each fault at its field, by the form's name for it."""
        super().blame({SHOWN_AS.get(name, name): fault for name, fault in faults.items()})

    def _course(self) -> UUID | None:
        if not self.course_id.data:
            return None
        try:
            return UUID(self.course_id.data)
        except ValueError:
            return UUID(int=0)


def _shown(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    here: datetime = to_user_timezone(moment)
    return here.replace(tzinfo=None)


def _meant(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        there: datetime = to_utc(moment)
    except OverflowError:  # at the ends of the calendar, which the domain refuses by name
        there = moment
    return there.replace(tzinfo=UTC)
