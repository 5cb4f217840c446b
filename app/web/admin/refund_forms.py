"""The form by which an administrator gives money back."""

import secrets
from uuid import UUID

from flask_babel import gettext, lazy_gettext
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from app.domain.checkout.order_file import OrderFile
from app.domain.checkout.refunds import MAX_REASON, Refundable, Wish
from app.web.admin.amounts import minor_of, typed
from app.web.admin.forms import BlamedForm
from app.web.templating import money

ENDS, KEEPS = "ends", "keeps"


class RefundForm(BlamedForm):
    """How much of which payment, what becomes of the access, and why.

    `key` is one for each time the form is shown: sent twice, it refunds once.
    """

    key = HiddenField()
    payment_id = SelectField(lazy_gettext("Payment"), validate_choice=False)
    amount_minor = StringField(
        lazy_gettext("Amount"), render_kw={"inputmode": "decimal", "autocomplete": "off"}
    )
    access = RadioField(
        lazy_gettext("Access to the course"),
        choices=[
            SelectChoice(ENDS, lazy_gettext("Ends as soon as the money is on its way")),
            SelectChoice(KEEPS, lazy_gettext("Stays as it is")),
        ],
        default=ENDS,
    )
    reason = TextAreaField(
        lazy_gettext("Reason"),
        [InputRequired(lazy_gettext("Say why, for whoever looks at this later."))],
        render_kw={"rows": 3, "maxlength": MAX_REASON},
    )

    def offer(self, file: OrderFile) -> None:
        """Give the payments there are, and fill in the whole of the newest."""
        left = refundable_of(file)
        self.payment_id.choices = [
            SelectChoice(str(each.payment_id), _words(each)) for each in left
        ]
        if self.is_submitted() or not left:
            return
        self.key.data = secrets.token_urlsafe(16)
        self.payment_id.data = str(left[0].payment_id)
        self.amount_minor.data = typed(left[0].left_minor)
        # Of two payments one came too many, so giving it back takes nothing away.
        self.access.data = ENDS if len(file.payments) == 1 else KEEPS

    def wish(self, order_id: UUID) -> Wish | None:
        """Return what was filled in; None when it is no amount, which the form then says."""
        amount = minor_of(self.amount_minor.data)
        try:
            payment_id = UUID(self.payment_id.data or "")
        except ValueError:
            payment_id = UUID(int=0)
        if not amount:
            self.blame({"amount_minor": "Give an amount such as 150.50."})
            return None
        ends_access = self.access.data == ENDS
        key = self.key.data or None
        return Wish(order_id, amount, ends_access, self.reason.data or "", key, payment_id)


def refundable_of(file: OrderFile) -> list[Refundable]:
    """Return the payments something can be given back of."""
    return [each for each in file.refundable if each.left_minor and not each.is_disputed]


def _words(each: Refundable) -> str:
    received, left = (
        money(minor, each.currency) for minor in (each.received_minor, each.left_minor)
    )
    return str(gettext("%(received)s received, %(left)s left", received=received, left=left))
