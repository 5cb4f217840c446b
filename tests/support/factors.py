"""Second factors for tests: somebody who has one, and the codes it shows."""

from app.clock import utcnow
from app.database import db
from app.domain.accounts import passkeys, recovery_codes, totp
from app.domain.accounts.models import User
from tests.support.soft_key import SoftKey, encode

CHALLENGE = b"a challenge of thirty-two bytes."


def code_of(secret: str, steps: int = 0) -> str:
    """Return what the app shows `steps` half-minutes from now."""
    counter = int(utcnow().timestamp()) // totp.STEP_SECONDS + steps
    return str(totp.pyotp.TOTP(secret).generate_otp(counter))


def add_app(user: User) -> str:
    """Give `user` an authenticator app and return its secret; this half-minute's code is unused."""
    secret = totp.new_secret()
    totp.add(user.id, secret, code_of(secret, -1))
    db.session.commit()
    return secret


def add_codes(user: User) -> list[str]:
    """Give `user` recovery codes."""
    codes = recovery_codes.make(user.id)
    db.session.commit()
    return codes


def add_key(user: User, key: SoftKey | None = None, name: str = "Test key") -> SoftKey:
    """Give `user` a passkey and return it."""
    key = key or SoftKey()
    options = {"user": {"id": encode(user.id.bytes)}, "challenge": encode(CHALLENGE)}
    passkeys.add(user.id, key.create(options), CHALLENGE, name)
    db.session.commit()
    return key


def asked(challenge: bytes = CHALLENGE) -> dict[str, str]:
    """Return the part of the options that an authenticator signs."""
    return {"challenge": encode(challenge)}
