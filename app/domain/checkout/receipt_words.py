"""A receipt in the words, dates and amounts of one reader."""

import re
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from babel.dates import format_date, get_timezone
from babel.numbers import format_currency
from babel.support import Translations

from app.current import settings
from app.domain.checkout.receipt_facts import Movement, Receipt
from app.domain.checkout.receipt_pages import Line, Page, Part
from app.domain.outbox.letters import APP, language_of

_LETTER_THEN_DIGIT = re.compile(r"([^\W\d_])(\d)")


def page_of(receipt: Receipt, locale: str | None, timezone: str | None) -> Page:
    """Return what stands where on the receipt."""
    return _Words(receipt, locale, timezone).page()


class _Words:
    """A receipt in the words, dates and amounts of one reader."""

    def __init__(self, receipt: Receipt, locale: str | None, timezone: str | None) -> None:
        self.receipt = receipt
        self.language = language_of(locale)
        self.translations = _translations(self.language)
        try:
            self.zone = get_timezone(timezone or "UTC")
        except LookupError:
            self.zone = get_timezone("UTC")

    def page(self) -> Page:
        """Return what stands where."""
        _, receipt = self.translations.gettext, self.receipt
        return Page(
            language=self.language,
            made_at=receipt.paid_at,
            title=_("Receipt"),
            subject=f"{_('Receipt')} {receipt.number}",
            seller=receipt.seller,
            seller_details=receipt.seller_details,
            facts=(
                (_("Order"), receipt.number),
                (_("Date"), self._day(receipt.paid_at)),
                (_("Paid by"), self._method()),
            ),
            buyer_heading=_("For"),
            buyer=(receipt.buyer_name, receipt.buyer_email),
            parts=tuple(part for part in self._parts() if part.lines),
            mark=self._mark(),
            foot=self._foot(),
        )

    def _parts(self) -> tuple[Part, ...]:
        _, receipt = self.translations.gettext, self.receipt
        return (
            Part(_("What you bought"), self._bought()),
            Part(_("Payments"), tuple(self._moved(row) for row in receipt.payments)),
            Part(
                _("Refunds"),
                tuple(
                    replace(line, amount=f"\u2212{line.amount}")
                    for line in map(self._moved, receipt.refunds)
                ),
            ),
            Part(_("In the end"), self._left() if receipt.refunds else ()),
        )

    def _bought(self) -> tuple[Line, ...]:
        _, receipt = self.translations.gettext, self.receipt
        lines = [Line(receipt.course_title, self._money(receipt.list_price_minor))]
        if receipt.discount_minor:
            discount = _("Discount")
            if receipt.coupon_code:
                discount = f"{discount} ({receipt.coupon_code})"
            lines.append(Line(discount, f"\u2212{self._money(receipt.discount_minor)}"))
        total = Line(_("Total"), self._money(receipt.total_minor), is_strong=True)
        return (*lines, total)

    def _left(self) -> tuple[Line, ...]:
        left: dict[str, int] = {}
        for row in self.receipt.payments:
            left[row.currency] = left.get(row.currency, 0) + row.amount_minor
        for row in self.receipt.refunds:
            left[row.currency] = left.get(row.currency, 0) - row.amount_minor
        word = self.translations.gettext("Paid after refunds")
        return tuple(
            Line(word, self._money(minor, currency), is_strong=True)
            for currency, minor in left.items()
        )

    def _moved(self, row: Movement) -> Line:
        return Line(
            self._day(row.at), self._money(row.amount_minor, row.currency), detail=row.reference
        )

    def _method(self) -> str:
        _, receipt = self.translations.gettext, self.receipt
        known = {
            "card": _("Card"),
            "transfer": receipt.transfer_method or _("Bank or wallet transfer"),
            "free": _("Nothing to pay"),
        }
        if not receipt.payments:
            return known["free"]
        return known.get(receipt.method, receipt.method.capitalize())

    def _mark(self) -> str | None:
        _, receipt = self.translations.gettext, self.receipt
        if receipt.charged_back_at:
            day = self._day(receipt.charged_back_at)
            return _("Taken back by the payer's bank on %(date)s") % {"date": day}
        if not receipt.refunds:
            return None
        came = sum(row.amount_minor for row in receipt.payments)
        went = sum(row.amount_minor for row in receipt.refunds)
        return _("Refunded") if went >= came else _("Partly refunded")

    def _foot(self) -> str:
        host = settings.public_base_url.split("://", 1)[-1].rstrip("/")
        known = (self.receipt.seller, host, self.receipt.support_email)
        return " \u00b7 ".join(text for text in known if text)

    def _day(self, moment: datetime) -> str:
        return format_date(moment.astimezone(self.zone), "long", self.language)

    def _money(self, minor: int, currency: str | None = None) -> str:
        text = format_currency(minor / 100, currency or self.receipt.currency, locale=self.language)
        return _LETTER_THEN_DIGIT.sub("\\1\u00a0\\2", text)


@lru_cache(maxsize=16)
def _translations(language: str) -> Translations:
    found = Translations.load(APP / "translations", [language])
    return found if isinstance(found, Translations) else Translations()
