"""The administration, guarded as a whole in one place: staff only, instructors see their own."""

import uuid

from flask import Blueprint, request

from app.domain.accounts.models import Role
from app.domain.accounts.sessions import STAFF_ROLES
from app.web.access import SIGNED_ENDPOINTS, require_role, require_signed_in

blueprint: Blueprint = Blueprint("admin", __name__)


@blueprint.before_request
def guard() -> None:
    """Let staff and signed addresses pass. Raises SignInRequired, Forbidden."""
    if request.endpoint not in SIGNED_ENDPOINTS:
        require_role(*STAFF_ROLES)


def owner_scope() -> uuid.UUID | None:
    """Return whose courses and media this person sees: an instructor's own, or None for all."""
    person = require_signed_in()
    return person.id if person.role is Role.INSTRUCTOR else None


from app.web.admin import (
    audit,
    builder,
    builder_acts,
    captions,
    captions_api,
    categories,
    coupons,
    coupons_api,
    courses,
    courses_api,
    differences,
    enrollments,
    enrollments_api,
    files_api,
    index,
    media_api,
    orders,
    orders_api,
    orders_file,
    outline_api,
    parts,
    people_import,
    proofs,
    proofs_api,
    reports,
    site,
    site_api,
    system,
    system_outside,
    system_statements,
    transfer_methods,
    transfers,
    transfers_api,
    uploads,
    uploads_api,
    users,
    users_api,
    videos,
    view_as,
)
