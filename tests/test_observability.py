"""The log serves the house, never the other way round."""

import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from app.config import load_settings
from app.observability import configure_logging

pytestmark = pytest.mark.no_database


class Gone:
    """A pipe whose reader has died."""

    def write(self, text: str) -> int:
        """Refuse."""
        raise BrokenPipeError(32, f"nobody takes {len(text)} characters")

    def flush(self) -> None:
        """Refuse."""
        raise BrokenPipeError(32, "nobody is there")


@pytest.fixture
def nobody_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging set up on a stderr that refuses, and set up as before afterwards."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr(sys, "stderr", Gone())
    configure_logging(load_settings({"DATABASE_URL": "postgresql://unused"}))
    yield
    structlog.configure(**before)
    root.handlers = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("nobody_reads")
def test_a_log_that_nobody_reads_costs_no_answer() -> None:
    """The workers of a killed master serve on, and their stderr is a pipe without an end."""
    structlog.get_logger().error("request", status=200)
