"""The log serves the house, never the other way round."""

import sys

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


def test_a_log_that_nobody_reads_costs_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers of a killed master serve on, and their stderr is a pipe without an end."""
    configure_logging(load_settings({"DATABASE_URL": "postgresql://unused"}))
    monkeypatch.setattr(sys, "stderr", Gone())
    structlog.get_logger().error("request", status=200)
