"""Imports every models module, so that Alembic and the mapper see all tables."""

from app.domain.accounts import models as accounts
from app.domain.audit import models as audit
from app.domain.checkout import coupon_models as coupons
from app.domain.checkout import difference_models as differences
from app.domain.checkout import models as checkout
from app.domain.checkout import transfer_models as transfers
from app.domain.courses import admission_models as course_admissions
from app.domain.courses import entitlement_models as entitlements
from app.domain.courses import file_models as course_files
from app.domain.courses import models as courses
from app.domain.outbox import models as outbox
from app.domain.playback import models as playback
from app.domain.site import models as site
from app.domain.site import sample_models as samples
from app.domain.videos import models as videos
from app.domain.videos import upload_models as uploads

__all__ = [
    "accounts",
    "audit",
    "checkout",
    "coupons",
    "course_admissions",
    "course_files",
    "courses",
    "differences",
    "entitlements",
    "outbox",
    "playback",
    "samples",
    "site",
    "transfers",
    "uploads",
    "videos",
]
