"""The time left is told from how fast it went lately."""

import pytest

from app.worker.estimates import Estimate

pytestmark = pytest.mark.no_database


def test_nothing_is_said_before_anything_is_known() -> None:
    estimate = Estimate()
    assert estimate.seconds_left(0, 0.0) is None
    assert estimate.seconds_left(5, 1.0) is None


def test_a_steady_job_ends_when_it_is_said_to() -> None:
    estimate = Estimate()
    said = [estimate.seconds_left(second, float(second)) for second in range(100)]
    assert said[10:] == [100 - second for second in range(10, 100)]


def test_what_was_long_ago_counts_no_more() -> None:
    estimate = Estimate()
    for second in range(50):
        estimate.seconds_left(second, float(second))
    for second in range(50, 400):
        left = estimate.seconds_left(50 + (second - 50) / 10, float(second))
    assert left == pytest.approx(150, abs=5)


def test_a_slow_job_is_looked_at_for_longer() -> None:
    estimate = Estimate()
    told = [estimate.seconds_left(second / 1000, float(second)) for second in range(0, 2000, 10)]
    assert told[-1] == pytest.approx(98_000, rel=0.05)
