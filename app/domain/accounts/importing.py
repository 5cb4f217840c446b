"""People from a CSV file: its lines, and accounts for those who have none.

What they are let into is the courses' business. Nobody's password is made up: the mail that tells
somebody of their account brings a link that sets one, and so proves the address.
"""

import csv
import io
import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.database import db
from app.domain.accounts import emails, names, one_time
from app.domain.accounts.models import Role, TokenPurpose, User, UserStatus
from app.domain.accounts.users import find_by_email
from app.domain.outbox import mail
from app.errors import InvalidInput, NotFound

MAX_BYTES = 256 * 1024
MAX_LINES = 500
COLUMNS = ("email", "name", "course")
DELIMITERS = ",;\t"
LINK_LIFETIME = timedelta(days=7)
HEADER_REMEDY = "Begin the file with a line that names its columns: email,name,course."


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file, `email` as accounts spell it; `fault` is what it cannot be read for."""

    number: int
    email: str
    name: str
    course: str
    fault: str | None = None


def decode(content: bytes) -> str:
    """Return the text of a file. Raises InvalidInput naming `file`."""
    if len(content) > MAX_BYTES:
        raise InvalidInput({"file": f"Use a file of at most {MAX_BYTES // 1024} KB."})
    is_utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput({"file": "Save the file as CSV in UTF-8 and try again."}) from None


def read(text: str) -> list[Line]:
    """Return the lines below the header, empty ones left out. Raises InvalidInput naming `file`."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidInput({"file": f"Use a file of at most {MAX_BYTES // 1024} KB."})
    text = text.removeprefix("\ufeff").strip("\r\n")
    first = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    lines: list[Line] = []
    try:
        columns = _columns(next(rows, []))
        for cells in rows:
            if any(cell.strip() for cell in cells):
                lines.append(_line(rows.line_num, columns, cells))
            if len(lines) > MAX_LINES:
                raise InvalidInput({"file": f"Split the file: {MAX_LINES} lines at most."})
    except csv.Error:
        raise InvalidInput({"file": f"Line {rows.line_num} is no CSV."}) from None
    if not lines:
        raise InvalidInput({"file": "There is nobody in the file below its first line."})
    return lines


def _columns(header: list[str]) -> list[str]:
    columns = [cell.strip().lower().replace("e-mail", "email") for cell in header]
    is_known = set(columns) <= set(COLUMNS) and len(set(columns)) == len(columns)
    if not is_known or "email" not in columns:
        raise InvalidInput({"file": HEADER_REMEDY})
    return columns


def _line(number: int, columns: list[str], cells: list[str]) -> Line:
    values = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
    email = emails.normalise_email(values.get("email", ""))
    name = names.tidy(values.get("name", ""))
    fault = None
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        fault = "The line has more cells than the first one."
    elif "\0" in "".join(cells):
        fault = "Use letters, digits and spaces."
    elif (found := emails.find_fault(email)) or (name and (found := names.find_fault(name))):
        fault = found
    return Line(number, email, name, values.get("course", ""), fault)


def add_person(email: str, name: str, course: str, locale: str | None) -> tuple[User, bool]:
    """Add a learner's account and mail its owner how to open it; True when it is new.

    `course` is the title of what they were let into, or empty. The link works for a week; after
    that the person asks for another on the sign-in page.
    """
    # Two imports may bring the same person at once: the unique key decides who made the account.
    user_id = db.session.scalar(
        insert(User)
        .values(
            id=uuid.uuid4(),
            email=email,
            name=name,
            role=Role.LEARNER,
            status=UserStatus.ACTIVE,
            created_at=utcnow(),
        )
        .on_conflict_do_nothing(index_elements=[User.email])
        .returning(User.id)
    )
    user = find_by_email(email)
    if user is None:
        raise NotFound
    if user_id is not None:
        token = one_time.issue(user.id, TokenPurpose.RESET_PASSWORD, LINK_LIFETIME)
        mail.send(
            user.email,
            "account_made",
            locale,
            name=user.name,
            course=course,
            link=mail.absolute(f"/auth/reset/{token}"),
            days=LINK_LIFETIME.days,
        )
    return user, user_id is not None
