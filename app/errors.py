"""Domain errors: what went wrong, in the domain's words. HTTP statuses live in `web/errors.py`."""

from collections.abc import Mapping
from typing import Any


class DomainError(Exception):
    """Base of every expected failure.

    `code` is a stable UPPER_SNAKE name; `detail` says what happened and what to do about it;
    `extra` holds further members of the answer (JSON-serialisable).
    """

    code = "DOMAIN_ERROR"
    detail = "The request could not be carried out."

    def __init__(self, detail: str | None = None, **extra: Any) -> None:
        self.detail = detail or type(self).detail
        self.extra: Mapping[str, Any] = extra
        super().__init__(self.detail)


class InvalidInput(DomainError):
    """One or more fields are wrong; `fields` maps a field's name to its remedy."""

    code = "INVALID_INPUT"
    detail = "Some fields need your attention."

    def __init__(self, fields: Mapping[str, str], detail: str | None = None) -> None:
        super().__init__(detail)
        self.fields = dict(fields)


class NotFound(DomainError):
    """Unknown, unpublished or somebody else's: the three are not told apart."""

    code = "NOT_FOUND"
    detail = "There is nothing here, or it is not yours to see."


class SignInRequired(DomainError):
    code = "SIGN_IN_REQUIRED"
    detail = "Sign in to continue."


class Forbidden(DomainError):
    code = "FORBIDDEN"
    detail = "Your account may not do this."


class InvalidCredentials(DomainError):
    code = "INVALID_CREDENTIALS"
    detail = "E-mail or password is wrong."


class SecondFactorRequired(DomainError):
    """The password was right; a code or a passkey is missing."""

    code = "SECOND_FACTOR_REQUIRED"
    detail = "Enter the code of your authenticator app, or use a passkey."


class SecondFactorSetupRequired(DomainError):
    code = "SECOND_FACTOR_SETUP_REQUIRED"
    detail = "Your role needs a second factor. Set one up first."


class ConfirmationRequired(DomainError):
    """The act is sensitive and the last proof of who this is too long ago."""

    code = "CONFIRMATION_REQUIRED"
    detail = "Confirm that it is you, with your password or second factor, and try again."


class LinkInvalid(DomainError):
    """A one-time link is unknown, was used, or is too old: the three are not told apart."""

    code = "LINK_INVALID"
    detail = "This link was used already or is too old. Ask for a new one."


class MixedCredentials(DomainError):
    code = "MIXED_CREDENTIALS"
    detail = "Send an API key or a session cookie, not both."


class ScopeMissing(DomainError):
    """The API key was not made for this; `scope` says what it lacks."""

    code = "SCOPE_MISSING"
    detail = "This API key may not do that. Make one with the scope that is named."


class DeletionRefused(DomainError):
    """Others depend on the account; the detail names what to do first."""

    code = "DELETION_REFUSED"
    detail = "This account cannot be deleted yet."


class MailFailed(DomainError):
    """The mail's vendor refused it or does not answer; only the worker meets this."""

    code = "MAIL_FAILED"
    detail = "The mail could not be handed over."


class MailRefused(MailFailed):
    """The mail can never be handed over: no further attempt would end otherwise."""

    code = "MAIL_REFUSED"
    detail = "The mail was refused for good."


class EnrollmentRequired(DomainError):
    code = "ENROLLMENT_REQUIRED"
    detail = "Enrol in the course to watch this lesson."


class PaymentRequired(DomainError):
    code = "PAYMENT_REQUIRED"
    detail = "This course has to be bought first."


class VideoNotReady(DomainError):
    code = "VIDEO_NOT_READY"
    detail = "The video is still being prepared. Try again in a minute."


class TooManyStreams(DomainError):
    """The account's stream limit is reached; `sessions` lists the live ones."""

    code = "STREAM_LIMIT"
    detail = "You are already watching on as many devices as your account allows."


class TooManyRequests(DomainError):
    """Asked too often; `retry_after_seconds` says when to come back."""

    code = "RATE_LIMITED"
    detail = "Too many requests. Wait a moment and try again."

    def __init__(self, retry_after_seconds: int, detail: str | None = None) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class TokenInvalid(DomainError):
    code = "TOKEN_INVALID"
    detail = "The playback token is not valid for this sign-in. Ask for a new one."


class TokenExpired(DomainError):
    code = "TOKEN_EXPIRED"
    detail = "The playback token has expired. Ask for a new one."


class SessionEnded(DomainError):
    """The playback session is over; `reason` says why."""

    code = "SESSION_ENDED"
    detail = "This playback session has ended."


class GrantInvalid(DomainError):
    code = "GRANT_INVALID"
    detail = "The media grant is missing, expired or for something else."


class VersionConflict(DomainError):
    """Somebody else changed it since it was read; `current` is how it is now."""

    code = "VERSION_CONFLICT"
    detail = "This was changed elsewhere meanwhile. Look at both versions before you save."


class CourseNotReady(DomainError):
    """The course lacks what learners need; `checklist` names it."""

    code = "COURSE_NOT_READY"
    detail = "The course cannot be published yet. See what is missing."


class InUse(DomainError):
    """Others depend on it; the detail says who and what to do instead."""

    code = "IN_USE"
    detail = "This is still used and cannot be deleted."


class ApprovalRequired(DomainError):
    """The course lets people in one by one; `request` tells how theirs stands, if there is one."""

    code = "APPROVAL_REQUIRED"
    detail = "The course's staff decides who gets in. Ask for a place."


class InvitationRequired(DomainError):
    code = "INVITATION_REQUIRED"
    detail = "This course is by invitation. Use the e-mail address that was invited, and verify it."


class LessonNotOpen(DomainError):
    """The lesson opens later; `opens_at` says when."""

    code = "LESSON_NOT_OPEN"
    detail = "This lesson opens later."


class TooLarge(DomainError):
    """A file is larger than a layer takes; `layer`, `limit_bytes` and `remedy` say what to do."""

    code = "TOO_LARGE"
    detail = "The file is too large."


class QuotaExceeded(DomainError):
    """The media would not fit: `layer`, `free_bytes` and `remedy` say what to change."""

    code = "QUOTA_EXCEEDED"
    detail = "There is not enough room left for this file."


class FileRefused(DomainError):
    """The file is not what it should be; the detail names the fault."""

    code = "FILE_REFUSED"
    detail = "The file cannot be used."


class StorageFull(DomainError):
    code = "STORAGE_FULL"
    detail = "The disk is full. Free some space and try again."


class StorageUnavailable(DomainError):
    """The media storage does not answer; the detail says what it said."""

    code = "STORAGE_UNAVAILABLE"
    detail = "The media storage does not answer. Try again in a minute."


class TranscodeFailed(DomainError):
    """The transcoder gave up; the detail ends with the last lines it said."""

    code = "TRANSCODE_FAILED"
    detail = "The video could not be prepared."


class MediaInvalid(DomainError):
    """The source is not a video this platform can read; the detail names the fault."""

    code = "MEDIA_INVALID"
    detail = "The file is not a video that can be read."


class CheckoutRefused(DomainError):
    """This cannot be bought, or not like this; the detail says why and what to do."""

    code = "CHECKOUT_REFUSED"
    detail = "This course cannot be bought right now."


class AlreadyOwned(DomainError):
    """The person is in the course already; nothing is charged."""

    code = "ALREADY_OWNED"
    detail = "You are in this course already. There is nothing to pay."


class SoldOut(DomainError):
    code = "SOLD_OUT"
    detail = "Every place in this course is taken."


class CouponInvalid(DomainError):
    """The coupon does not count here; `reason` says which rule, the detail says it in words."""

    code = "COUPON_INVALID"
    detail = "There is no such coupon. Check the code, or go on without it."


class IdempotencyKeyReused(DomainError):
    code = "IDEMPOTENCY_KEY_REUSED"
    detail = "This Idempotency-Key was used for something else. Use a new one for a new request."


class RefundRefused(DomainError):
    """The refund cannot be made; the detail says what can."""

    code = "REFUND_REFUSED"
    detail = "This refund cannot be made."


class GatewayUnavailable(DomainError):
    """The payment provider does not answer, or is overloaded: asking later may work."""

    code = "GATEWAY_UNAVAILABLE"
    detail = "The payment provider does not answer. Nothing was charged; try again in a minute."


class GatewayRefused(DomainError):
    """The payment provider says no, and would say so again; the detail is its reason."""

    code = "GATEWAY_REFUSED"
    detail = "The payment provider refused."


class WebhookInvalid(DomainError):
    """Not from the gateway, too old, changed on its way or unreadable; nothing is kept of it."""

    code = "WEBHOOK_INVALID"
    detail = "The signature does not fit, or the message cannot be read."
