"""Everything staff is shown of one person, put together for the page and its JSON twin."""

from dataclasses import dataclass
from uuid import UUID

from app.domain.accounts import api_keys, directory, second_factor, sessions, standing, viewing
from app.domain.accounts.api_keys import KeyView
from app.domain.accounts.directory import PersonName, PersonRow
from app.domain.accounts.second_factor import Factors
from app.domain.accounts.sessions import LiveSession, SignedIn
from app.domain.accounts.standing import Act
from app.domain.audit import search
from app.domain.audit.search import EventRow
from app.domain.courses import shelf
from app.domain.courses.shelf import EnrolledCourse

RECENT_EVENTS = 20


@dataclass(frozen=True)
class Folder:
    """A person and what they have; `acts` are those that whoever looks may do."""

    person: PersonRow
    is_open: bool
    acts: list[Act]
    can_view_as: bool
    sessions: list[LiveSession]
    api_keys: list[KeyView]
    factors: Factors
    enrolled_count: int
    enrolled: list[EnrolledCourse]
    events: list[EventRow]
    names: dict[UUID, PersonName]


def open_folder(actor: SignedIn, user_id: UUID) -> Folder:
    """Return what `actor` is shown of a person. Raises NotFound.

    Where somebody signs in from and what they did is shown to those who may act on it: support
    sees it of learners, not of staff.
    """
    person = directory.get_person(user_id)
    is_open = actor.id == user_id or standing.may(actor, person, Act.END_SESSIONS)
    events = search.list_about(user_id, RECENT_EVENTS) if is_open else []
    return Folder(
        person=person,
        is_open=is_open,
        acts=[act for act in Act if standing.may(actor, person, act) and fits(person, act)],
        can_view_as=viewing.may(actor, person),
        sessions=sessions.list_live(user_id) if is_open else [],
        api_keys=api_keys.list_live(user_id) if is_open else [],
        factors=second_factor.factors_of(user_id),
        enrolled_count=shelf.count_enrolled(user_id),
        enrolled=shelf.list_enrolled(user_id),
        events=events,
        names=directory.names_of(search.people_in(events)),
    )


def fits(person: PersonRow, act: Act) -> bool:
    """Whether the act would change anything, as far as one can see."""
    if act is Act.SUSPEND:
        return person.status == "active"
    if act is Act.REINSTATE:
        return person.status == "suspended"
    if act is Act.RESET_SECOND_FACTOR:
        return person.second_factor_added_at is not None
    return True
