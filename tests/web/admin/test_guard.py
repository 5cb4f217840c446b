"""The administration's door: one guard for every page and every address below /api/admin."""

from collections.abc import Callable

import pytest

from app.domain.accounts.models import Role, User
from tests import factories
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PAGES = ["/admin", "/admin/courses", "/admin/videos"]
PROGRAMS = ["/api/admin/courses", "/api/admin/media"]


@pytest.mark.parametrize("path", PAGES)
def test_visitor_is_sent_to_sign_in_and_back(client: CheckedClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/auth/sign-in?next=%2Fadmin")


@pytest.mark.parametrize("path", PROGRAMS)
def test_program_without_a_session_is_refused(client: CheckedClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 401
    assert response.get_json()["code"] == "SIGN_IN_REQUIRED"


@pytest.mark.parametrize("path", PAGES + PROGRAMS)
def test_learner_is_refused(client_of: ClientOf, learner: User, path: str) -> None:
    assert client_of(learner).get(path).status_code == 403


@pytest.mark.parametrize("path", PAGES + PROGRAMS)
@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.SUPPORT, Role.ADMIN])
def test_staff_are_let_in(client_of: ClientOf, role: Role, path: str) -> None:
    assert client_of(factories.make_user(role)).get(path).status_code == 200


def test_lost_role_counts_at_once(client_of: ClientOf, admin: User) -> None:
    client = client_of(admin)
    assert client.get("/api/admin/media").status_code == 200
    admin.role = Role.LEARNER
    factories.db.session.commit()
    assert client.get("/api/admin/media").status_code == 403
