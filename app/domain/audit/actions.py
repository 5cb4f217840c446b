"""What the audit trail can say happened: a noun, a dot and a verb in the past."""

import enum


class Action(enum.StrEnum):
    SIGNED_UP = "account.signed_up"
    SIGN_UP_REPEATED = "account.sign_up_repeated"
    EMAIL_VERIFIED = "account.email_verified"
    SIGNED_IN = "session.started"
    SIGN_IN_REFUSED = "session.refused"
    SIGNED_OUT = "session.ended"
    SESSIONS_ENDED = "sessions.ended"
    SESSION_REUSED = "session.reused"
    IDENTITY_CONFIRMED = "session.confirmed"
    CONFIRMATION_REFUSED = "session.confirmation_refused"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a name
    PASSWORD_RESET_REQUESTED = "password.reset_requested"  # noqa: S105 - a name
    PASSWORD_RESET = "password.reset"  # noqa: S105 - a name
    EMAIL_CHANGE_REQUESTED = "email.change_requested"
    EMAIL_CHANGED = "email.changed"
    EMAIL_CHANGE_CANCELLED = "email.change_cancelled"
    SECOND_FACTOR_ADDED = "second_factor.added"
    SECOND_FACTOR_REMOVED = "second_factor.removed"
    SECOND_FACTOR_REFUSED = "second_factor.refused"
    RECOVERY_CODES_MADE = "recovery_codes.made"
    RECOVERY_CODE_USED = "recovery_code.used"
    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    PROFILE_CHANGED = "profile.changed"
    EXPORT_REQUESTED = "export.requested"
    EXPORT_FETCHED = "export.fetched"
    DELETION_REQUESTED = "deletion.requested"
    DELETION_CANCELLED = "deletion.cancelled"
    ACCOUNT_DELETED = "account.deleted"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_SUSPENDED = "account.suspended"
    ACCOUNT_REINSTATED = "account.reinstated"
    ROLE_CHANGED = "role.changed"
    ACCESS_REFUSED = "access.refused"
    AUDIT_EXPORTED = "audit.exported"
