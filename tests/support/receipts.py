"""Pictures of payment receipts, as phones and wallets make them."""

import io
import uuid

from PIL import Image, ImageDraw

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout import transfer_methods
from app.domain.checkout.models import Order
from app.domain.checkout.transfer_models import TransferMethod
from app.domain.courses.models import Course
from tests.support.orders import make_order

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def drawn(seed: int = 1, size: tuple[int, int] = (450, 600)) -> Image.Image:
    """Return a receipt on a table; another `seed` is another receipt."""
    picture = Image.new("RGB", (900, 1200), (96, 72, 56))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((90, 70, 810, 1130), fill=(244, 241, 232))
    pen.text((160, 140), f"Paid ETB {seed * 500}", fill=(20, 20, 30), font_size=64)
    for line in range(10):
        width = (seed * 97 + line * 53) % 480 + 60
        top = 280 + line * 78
        pen.rectangle((160, top, 160 + width, top + 30), fill=(70, 70, 80))
    left = 200 + seed * 131 % 400
    pen.ellipse((left, 860, left + 200, 1060), fill=(30, 60, 160))
    return picture.resize(size)


def photographed(seed: int = 1, size: tuple[int, int] = (2700, 3600)) -> bytes:
    """Return a photo as large as a phone takes it, with the noise of its sensor."""
    held = io.BytesIO()
    noise = Image.effect_noise((size[0] // 2, size[1] // 2), 60).resize(size).convert("RGB")
    Image.blend(drawn(seed, size), noise, 0.15).save(held, "JPEG", quality=92)
    return held.getvalue()


def photo(seed: int = 1, kind: str = "JPEG", **options: object) -> bytes:
    """Return the bytes of a receipt's picture."""
    held = io.BytesIO()
    size = options.pop("size", (450, 600))
    drawn(seed, size).save(held, kind, **options)  # type: ignore[arg-type]
    return held.getvalue()


def make_method(**values: object) -> TransferMethod:
    """Add an account for transfers."""
    fields = {"name": "Telebirr", "account_name": "School", "account_number": "0911", **values}
    method = transfer_methods.create(fields)
    db.session.commit()
    return method


def make_transfer_order(user: User, course: Course, **values: object) -> Order:
    """Add an open order that is paid by transfer."""
    method_id = values.pop("transfer_method_id", None) or make_method().id
    defaults = {"method": "transfer", "gateway_reference": uuid.uuid4().hex}
    return make_order(user, course, transfer_method_id=method_id, **{**defaults, **values})  # type: ignore[arg-type]
