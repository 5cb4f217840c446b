"""What the domain may raise has a status; what only the worker meets has none."""

import pytest

from app import errors
from app.web.errors import STATUS, TITLES

pytestmark = pytest.mark.no_database
WORKERS_ONLY = {errors.TranscodeFailed, errors.MailFailed}


def test_every_error_of_the_domain_has_a_status() -> None:
    raised = set(errors.DomainError.__subclasses__()) - WORKERS_ONLY
    assert set(STATUS) == raised


def test_every_status_has_a_title() -> None:
    assert set(STATUS.values()) <= set(TITLES)


def test_storage_that_is_away_is_no_fault_of_the_request() -> None:
    assert STATUS[errors.StorageUnavailable] == 503
    assert STATUS[errors.StorageFull] == 507
