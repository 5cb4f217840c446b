"""Verifying the trail: the first row that does not fit is named, whatever was done to it."""

import pytest

from app.domain.audit import verification
from app.domain.audit.trail import FIRST_HASH, hash_of
from app.domain.audit.verification import Fault, FaultKind, Head
from app.errors import InvalidInput
from tests.domain.audit import chain

WHERE = " WHERE id = :id"
CHANGES = {
    "when": "UPDATE audit_events SET occurred_at = occurred_at + interval '1 microsecond'",
    "what": "UPDATE audit_events SET action = 'session.ended'",
    "by whom": "UPDATE audit_events SET actor_id = gen_random_uuid()",
    "by what": "UPDATE audit_events SET actor_kind = 'system'",
    "to whom": "UPDATE audit_events SET subject_id = gen_random_uuid()",
    "to what": "UPDATE audit_events SET subject_kind = 'course'",
    "from where": "UPDATE audit_events SET ip_address = '10.0.0.9'",
    "from which network": "UPDATE audit_events SET ip_address = '10.0.0.0/8'",
    "with which browser": "UPDATE audit_events SET user_agent = 'another'",
    "in which request": "UPDATE audit_events SET request_id = 'another'",
    "the detail": "UPDATE audit_events SET detail = '{}'",
    "its hash": "UPDATE audit_events SET hash = sha256('x')",
}


def test_an_empty_trail_is_whole() -> None:
    verdict = verification.verify()
    assert (verdict.head, verdict.fault) == (Head(0, FIRST_HASH), None)


def test_a_whole_trail_has_a_head() -> None:
    written = chain.write(5)
    verdict = verification.verify()
    assert verdict.fault is None
    assert verdict.head == Head(5, written[-1].hash)


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_row_is_named(what: str) -> None:
    written = chain.write(5)
    chain.tamper(CHANGES[what] + WHERE, id=written[2].id)
    verdict = verification.verify()
    assert verdict.fault == Fault(FaultKind.CHANGED, written[2].id)
    assert verdict.head == Head(2, written[1].hash)


@pytest.mark.parametrize("gone", [0, 2])
def test_the_row_after_a_removed_one_is_named(gone: int) -> None:
    written = [(row.id, row.hash) for row in chain.write(5)]
    chain.tamper("DELETE FROM audit_events" + WHERE, id=written[gone][0])
    fault = verification.verify().fault
    assert fault == Fault(FaultKind.UNLINKED, written[gone + 1][0])


def test_a_moved_row_is_named() -> None:
    first, second, third = [row.id for row in chain.write(3)]
    statement = "UPDATE audit_events SET id = DEFAULT" + WHERE
    chain.tamper(statement, id=first)
    assert verification.verify().fault == Fault(FaultKind.MOVED, second)
    assert third > second


def test_a_row_written_anew_with_a_fitting_hash_breaks_the_next() -> None:
    written = chain.write(3)
    forged = written[1]
    forged.action = "session.ended"
    values = {"id": forged.id, "action": forged.action, "hash": hash_of(forged)}
    next_id = written[2].id
    chain.db.session.rollback()
    chain.tamper("UPDATE audit_events SET action = :action, hash = :hash" + WHERE, **values)
    assert verification.verify().fault == Fault(FaultKind.UNLINKED, next_id)


def test_rows_cut_off_the_end_show_only_against_a_kept_head() -> None:
    written = [(row.id, row.hash) for row in chain.write(5)]
    kept = verification.verify().head
    chain.tamper("DELETE FROM audit_events WHERE id > :id", id=written[2][0])
    assert verification.verify().fault is None, "a chain alone cannot know how long it was"
    assert verification.verify(kept).fault == Fault(FaultKind.CUT_OFF, written[2][0])


def test_a_trail_begun_anew_shows_against_a_kept_head() -> None:
    chain.write(3)
    kept = verification.verify().head
    chain.tamper("DELETE FROM audit_events")
    assert verification.verify(kept).fault == Fault(FaultKind.CUT_OFF, None)
    written = chain.write(4)
    assert verification.verify().fault is None
    assert verification.verify(kept).fault == Fault(FaultKind.REWRITTEN, written[2].id)


def test_a_longer_trail_still_has_the_kept_head() -> None:
    chain.write(3)
    kept = Head.parse(str(verification.verify().head))
    chain.write(2)
    verdict = verification.verify(kept)
    assert (verdict.fault, verdict.head.count) == (None, 5)


def test_batches_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "BATCH_ROWS", 2)
    written = chain.write(6)
    assert verification.verify().head == Head(6, written[-1].hash)
    chain.tamper("DELETE FROM audit_events" + WHERE, id=written[1].id)
    assert verification.verify().fault == Fault(FaultKind.UNLINKED, written[2].id)


@pytest.mark.no_database
@pytest.mark.parametrize(
    "text", ["", "5", "5:", "x:" + "0" * 64, "5:" + "0" * 63, "-1:" + "0" * 64]
)
def test_a_head_that_was_not_printed_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Head.parse(text)
