"""What an API key opens: each endpoint below /api/ needs a scope, takes no key, or asks nobody.

A house rule fails for an endpoint that is in none of the three; until it is, no key opens it.
"""

from app.domain.accounts.api_keys import Scope
from app.domain.accounts.sessions import SignedIn
from app.errors import Forbidden, ScopeMissing

SCOPES: dict[str, Scope] = {
    "auth.me": Scope.PROFILE_READ,
    "auth.get_profile": Scope.PROFILE_READ,
    "auth.change_profile": Scope.PROFILE_WRITE,
    "courses.list_courses": Scope.COURSES_READ,
    "courses.get_course": Scope.COURSES_READ,
    "courses.list_enrolled_courses": Scope.COURSES_READ,
    "courses.enroll_by_program": Scope.COURSES_WRITE,
    "courses.check_out_by_program": Scope.COURSES_WRITE,
    "courses.list_orders": Scope.COURSES_READ,
    "courses.get_order": Scope.COURSES_READ,
    "courses.verify_order": Scope.COURSES_WRITE,
    "courses.send_proof_by_program": Scope.COURSES_WRITE,
    "courses.cancel_order_by_program": Scope.COURSES_WRITE,
    "playback.create_token": Scope.PLAYBACK,
    "playback.manifest": Scope.PLAYBACK,
    "playback.rendition": Scope.PLAYBACK,
    "playback.content_key": Scope.PLAYBACK,
    "playback.caption_playlist": Scope.PLAYBACK,
    "playback.caption_file": Scope.PLAYBACK,
    "playback.segment": Scope.PLAYBACK,
    "playback.storyboard": Scope.PLAYBACK,
    "playback.storyboard_sheet": Scope.PLAYBACK,
    "playback.heartbeat": Scope.PLAYBACK,
    "playback.list_sessions": Scope.PLAYBACK,
    "playback.stop_session": Scope.PLAYBACK,
    "admin.list_courses": Scope.ADMIN_READ,
    "admin.create_course": Scope.ADMIN_WRITE,
    "admin.get_made_course": Scope.ADMIN_READ,
    "admin.change_course": Scope.ADMIN_WRITE,
    "admin.delete_course": Scope.ADMIN_WRITE,
    "admin.duplicate_course": Scope.ADMIN_WRITE,
    "admin.get_checklist": Scope.ADMIN_READ,
    "admin.get_versions": Scope.ADMIN_READ,
    "admin.put_outline": Scope.ADMIN_WRITE,
    "admin.list_sections": Scope.ADMIN_READ,
    "admin.create_section": Scope.ADMIN_WRITE,
    "admin.get_section": Scope.ADMIN_READ,
    "admin.change_section": Scope.ADMIN_WRITE,
    "admin.delete_section": Scope.ADMIN_WRITE,
    "admin.list_lessons": Scope.ADMIN_READ,
    "admin.create_lesson": Scope.ADMIN_WRITE,
    "admin.get_lesson": Scope.ADMIN_READ,
    "admin.change_lesson": Scope.ADMIN_WRITE,
    "admin.delete_lesson": Scope.ADMIN_WRITE,
    "admin.render_markdown": Scope.ADMIN_READ,
    "admin.list_media": Scope.ADMIN_READ,
    "admin.list_lesson_files": Scope.ADMIN_READ,
    "admin.change_file": Scope.ADMIN_WRITE,
    "admin.delete_file": Scope.ADMIN_WRITE,
    "admin.delete_cover": Scope.ADMIN_WRITE,
    "admin.create_export": Scope.ADMIN_WRITE,
    "admin.list_transfers": Scope.ADMIN_READ,
    "admin.get_transfer": Scope.ADMIN_READ,
    "admin.get_archive": Scope.ADMIN_READ,
    "admin.get_media": Scope.ADMIN_READ,
    "admin.change_media": Scope.ADMIN_WRITE,
    "admin.delete_media": Scope.ADMIN_WRITE,
    "admin.retry_media": Scope.ADMIN_WRITE,
    "admin.cancel_media": Scope.ADMIN_WRITE,
    "admin.list_captions": Scope.ADMIN_READ,
    "admin.get_captions": Scope.ADMIN_READ,
    "admin.put_captions": Scope.ADMIN_WRITE,
    "admin.delete_captions": Scope.ADMIN_WRITE,
    "admin.list_enrollments": Scope.ADMIN_READ,
    "admin.create_enrollment": Scope.ADMIN_WRITE,
    "admin.delete_enrollment": Scope.ADMIN_WRITE,
    "admin.list_enrollment_requests": Scope.ADMIN_READ,
    "admin.approve_enrollment_request": Scope.ADMIN_WRITE,
    "admin.decline_enrollment_request": Scope.ADMIN_WRITE,
    "admin.list_invitations": Scope.ADMIN_READ,
    "admin.create_invitations": Scope.ADMIN_WRITE,
    "admin.delete_invitation": Scope.ADMIN_WRITE,
    "admin.list_users": Scope.ADMIN_READ,
    "admin.get_user": Scope.ADMIN_READ,
    "admin.list_audit": Scope.ADMIN_READ,
    "admin.get_revenue": Scope.ADMIN_READ,
    "admin.list_categories": Scope.ADMIN_READ,
    "admin.create_category": Scope.ADMIN_WRITE,
    "admin.change_category": Scope.ADMIN_WRITE,
    "admin.delete_category": Scope.ADMIN_WRITE,
    "admin.list_transfer_methods": Scope.ADMIN_READ,
    "admin.get_transfer_method": Scope.ADMIN_READ,
    "admin.list_coupons": Scope.ADMIN_READ,
    "admin.create_coupon": Scope.ADMIN_WRITE,
    "admin.get_coupon": Scope.ADMIN_READ,
    "admin.change_coupon": Scope.ADMIN_WRITE,
    "admin.delete_coupon": Scope.ADMIN_WRITE,
    "admin.upload_limits": Scope.ADMIN_READ,
    "admin.list_uploads": Scope.ADMIN_READ,
    "admin.get_upload": Scope.ADMIN_READ,
    "admin.create_upload": Scope.ADMIN_WRITE,
    "admin.complete_upload": Scope.ADMIN_WRITE,
    "admin.cancel_upload": Scope.ADMIN_WRITE,
}

# Credentials, sessions, keys, second factors, exports, deletion: a leaked key must not become an
# account taken over, so these want a person at a browser.
COOKIE_ONLY = frozenset(
    {
        "auth.list_exports",
        "auth.create_export",
        "auth.get_deletion",
        "auth.create_deletion",
        "auth.cancel_deletion",
        "auth.register",
        "auth.login",
        "auth.logout",
        "auth.verify_by_program",
        "auth.resend_verification_by_program",
        "auth.reset_by_program",
        "auth.set_password_by_program",
        "auth.change_password",
        "auth.get_email",
        "auth.request_email",
        "auth.cancel_email_by_program",
        "auth.confirm_email_by_program",
        "auth.confirm_by_program",
        "auth.list_sessions",
        "auth.delete_sessions",
        "auth.delete_session",
        "auth.passkey_sign_in_options",
        "auth.passkey_sign_in",
        "auth.passkey_confirmation_options",
        "auth.passkey_confirmation",
        "auth.passkey_options",
        "auth.add_passkey",
        "auth.list_passkeys",
        "auth.change_passkey",
        "auth.delete_passkey",
        "auth.factors",
        "auth.begin_totp_by_program",
        "auth.confirm_totp_by_program",
        "auth.remove_totp_by_program",
        "auth.make_recovery_codes_by_program",
        "auth.list_api_keys",
        "auth.create_api_key",
        "auth.revoke_api_key",
        "admin.import_people_by_program",
        "admin.suspend_user",
        "admin.reinstate_user",
        "admin.change_user_role",
        "admin.end_user_sessions",
        "admin.reset_user_second_factor",
        "admin.get_site",
        "admin.change_site",
        "admin.try_mail",
        "admin.try_media_storage",
        "admin.create_transfer_method",
        "admin.change_transfer_method",
        "admin.delete_transfer_method",
        "admin.try_stripe",
    }
)

# These tell everybody the same, with a key or without. `admin.put_part` asks for its address alone,
# `courses.stripe_webhook` for the signature of its body.
OPEN = frozenset(
    {
        "pages.health",
        "pages.live",
        "pages.ready",
        "pages.openapi",
        "pages.api_docs",
        "admin.put_part",
        "courses.stripe_webhook",
    }
)


def require_scope(person: SignedIn, endpoint: str) -> None:
    """Let a key pass where its scopes say so; a browser's session needs none.

    Raises ScopeMissing naming the scope, and Forbidden where no key is taken.
    """
    if person.scopes is None or endpoint in OPEN:
        return
    scope = SCOPES.get(endpoint)
    if scope is None:
        raise Forbidden("No API key opens this. Sign in with a browser.")
    if scope not in person.scopes:
        raise ScopeMissing(scope=scope.value)
