"""What the domain may raise has a status; what only the worker meets has none."""

import pytest

from app import errors
from app.web import errors as web_errors

pytestmark = pytest.mark.no_database
WORKERS_ONLY = {errors.TranscodeFailed, errors.MailFailed}


def test_every_error_of_the_domain_has_a_status() -> None:
    raised = set(errors.DomainError.__subclasses__()) - WORKERS_ONLY
    assert set(web_errors.STATUS) == raised


def test_every_status_has_a_title() -> None:
    assert set(web_errors.STATUS.values()) <= set(web_errors.TITLES)


def test_storage_that_is_away_is_no_fault_of_the_request() -> None:
    assert web_errors.STATUS[errors.StorageUnavailable] == 503
    assert web_errors.STATUS[errors.StorageFull] == 507
