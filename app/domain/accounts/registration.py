"""New accounts: what a person must give, and the same answer whether they were known or not."""

import uuid
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.database import db
from app.domain.accounts import emails, names, verification
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.accounts.passwords import check_password, hash_password
from app.domain.accounts.users import get_user
from app.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class SignUp:
    """Whose account an address belongs to, for the audit trail and never for the visitor."""

    user_id: uuid.UUID
    is_new: bool


def register(email: str, password: str, name: str, locale: str | None = None) -> SignUp:
    """Add a learner's account unless the address has one; either way its owner gets a mail.

    Raises InvalidInput naming each wrong field and TooManyRequests in a rush. The visitor must not
    be able to tell a known address from a new one, so both take the same statements.
    """
    new_id = _insert(email, password, name, Role.LEARNER)
    address = emails.normalise_email(email)
    user_id = db.session.scalars(select(User.id).where(User.email == address)).one()
    verification.queue_answer(user_id, is_new=new_id is not None, locale=locale)
    return SignUp(user_id, is_new=new_id is not None)


def create_account(email: str, password: str, name: str, role: Role) -> User:
    """Add an account of any role (for operators). Raises InvalidInput, also when it exists."""
    user_id = _insert(email, password, name, role)
    if user_id is None:
        raise InvalidInput({"email": "An account with this e-mail address exists already."})
    return get_user(user_id)


def _insert(email: str, password: str, name: str, role: Role) -> uuid.UUID | None:
    """Check, hash and insert; None when the address is taken.

    Two sign-ups with one address may race: the unique key decides, and the loser is "known".
    """
    _check(email, password, name)
    password_hash = hash_password(password)
    return db.session.scalar(
        insert(User)
        .values(
            id=uuid.uuid4(),
            email=emails.normalise_email(email),
            name=names.tidy(name),
            password_hash=password_hash,
            role=role,
            status=UserStatus.ACTIVE,
            created_at=utcnow(),
        )
        .on_conflict_do_nothing(index_elements=[User.email])
        .returning(User.id)
    )


def _check(email: str, password: str, name: str) -> None:
    faults: dict[str, str] = {}
    if fault := names.find_fault(names.tidy(name)):
        faults["name"] = fault
    if fault := emails.find_fault(email):
        faults["email"] = fault
    try:
        check_password(password, email)
    except InvalidInput as error:
        faults |= error.fields
    if faults:
        raise InvalidInput(faults)
