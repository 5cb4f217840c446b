"""What the domain may raise has a status; what only the worker meets has none."""

import pytest

from app.errors import (
    DomainError,
    MailFailed,
    StorageFull,
    StorageUnavailable,
    TranscodeFailed,
)
from app.web.errors import STATUS, TITLES

pytestmark = pytest.mark.no_database
WORKERS_ONLY = {TranscodeFailed, MailFailed}


def test_every_error_of_the_domain_has_a_status() -> None:
    raised = set(DomainError.__subclasses__()) - WORKERS_ONLY
    assert {error for error in raised if error.__module__ == "app.errors"} == set(STATUS)


def test_every_status_has_a_title() -> None:
    assert set(STATUS.values()) <= set(TITLES)


def test_storage_that_is_away_is_no_fault_of_the_request() -> None:
    assert STATUS[StorageUnavailable] == 503
    assert STATUS[StorageFull] == 507
