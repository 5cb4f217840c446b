"""What the lists of people and of events may be narrowed by, read from the address."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Annotated, TypeVar
from uuid import UUID

from flask import request
from flask_babel import gettext, lazy_gettext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.accounts.directory import Wanted
from app.domain.accounts.models import Role, UserStatus
from app.domain.accounts.users import find_by_email
from app.domain.audit.actions import Action
from app.domain.audit.search import Criteria
from app.errors import InvalidInput
from app.web.admin.schemas import PageQuery

MAX_TEXT_LENGTH = 200
NOBODY = lazy_gettext("Nobody here has this address. Give an e-mail address or an id.")
NO_MOMENT = lazy_gettext("Give a day such as 2026-11-23, or a moment such as 2026-11-23T09:30:00Z.")
NO_ADDRESS = lazy_gettext(
    "Give an address such as 203.0.113.7 or a network such as 203.0.113.0/24."
)

Text = Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]
Q = TypeVar("Q", bound=BaseModel)
T = TypeVar("T")


class PeopleQuery(PageQuery):
    """Whom the list of people shows; `q` is a part of a name or an address, or an id."""

    model_config = ConfigDict(frozen=True)

    q: Text = ""
    role: Role | None = None
    status: UserStatus | None = None


class AuditQuery(PageQuery):
    """Which events are shown. People are e-mail addresses or ids; a day in `until` counts whole."""

    model_config = ConfigDict(frozen=True)

    actor: Text = ""
    subject: Text = ""
    action: Action | None = None
    since: Text = ""
    until: Text = ""
    address: Text = ""


def given(model: type[BaseModel]) -> dict[str, str]:
    """Return the model's parameters that have a value, less the page, as they were typed."""
    names = (name for name in model.model_fields if name not in PageQuery.model_fields)
    values = ((name, (request.args.get(name) or "").strip()) for name in names)
    return {name: value for name, value in values if value}


def read_wanted() -> Wanted:
    """Return whom the list shows. Raises InvalidInput."""
    query = read_query(PeopleQuery)
    if "\0" in query.q:
        raise InvalidInput({"q": gettext("Use letters and digits.")})
    return Wanted(query.q, query.role, query.status)


def read_criteria() -> Criteria:
    """Return which events are shown. Raises InvalidInput naming each wrong field."""
    query = read_query(AuditQuery)
    faults: dict[str, str] = {}

    def settle(name: str, value: str, read: Callable[[str], T], remedy: object) -> T | None:
        if not value:
            return None
        try:
            return read(value)
        except ValueError:
            faults[name] = str(remedy)
            return None

    criteria = Criteria(
        actor_id=settle("actor", query.actor, _person, NOBODY),
        subject_id=settle("subject", query.subject, _person, NOBODY),
        action=query.action,
        since=settle("since", query.since, _moment, NO_MOMENT),
        until=settle("until", query.until, _end, NO_MOMENT),
        network=settle("address", query.address, _network, NO_ADDRESS),
    )
    if faults:
        raise InvalidInput(faults)
    return criteria


def read_query(model: type[Q]) -> Q:
    """Return what the address asks for. Raises InvalidInput naming each wrong parameter."""
    try:
        return model.model_validate(given(model))
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
    raise InvalidInput({str(problem["loc"][0]): problem["msg"] for problem in problems})


def _person(text: str) -> UUID:
    """Return whose id or address this is. An id may be of somebody who is gone."""
    if "@" not in text:
        return UUID(text)
    user = find_by_email(text)
    if user is None:
        raise ValueError(text)
    return user.id


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def _end(text: str) -> datetime:
    is_day = len(text) == len("2026-11-23")
    try:
        return _moment(text) + timedelta(days=is_day)
    except OverflowError as error:
        raise ValueError(text) from error


def _network(text: str) -> str:
    return str(ip_network(text, strict=False))
