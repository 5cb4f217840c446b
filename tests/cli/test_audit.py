"""`flask audit verify` and what `flask create-admin` leaves on the trail."""

from flask import Flask

from app.database import db
from app.domain.accounts.users import find_by_email
from tests.domain.audit import chain


def _verify(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["audit", "verify", *arguments])
    return result.exit_code, result.output


def test_whole_trail_is_counted_and_its_head_printed(app: Flask) -> None:
    written = chain.write(3)
    code, output = _verify(app)
    assert code == 0
    assert f"3:{written[-1].hash.hex()}" in output


def test_broken_trail_names_the_row_and_fails(app: Flask) -> None:
    broken = chain.write(3)[1].id
    chain.tamper("UPDATE audit_events SET action = 'x' WHERE id = :id", id=broken)
    code, output = _verify(app)
    assert code == 1
    assert f"row {broken}: changed" in output


def test_cut_off_trail_fails_against_a_kept_head(app: Flask) -> None:
    written = chain.write(3)
    head, last_id = f"3:{written[-1].hash.hex()}", written[-1].id
    assert _verify(app, "--expect", head)[0] == 0
    chain.tamper("DELETE FROM audit_events WHERE id = :id", id=last_id)
    assert _verify(app)[0] == 0
    code, output = _verify(app, "--expect", head)
    assert code == 1
    assert "cut off" in output


def test_nonsense_for_a_head_is_explained(app: Flask) -> None:
    code, output = _verify(app, "--expect", "nonsense")
    assert code == 2
    assert "COUNT:HASH" in output


def test_an_administrator_made_by_an_operator_is_on_the_trail(app: Flask) -> None:
    arguments = ["create-admin", "op@example.com", "--name", "Op", "--password", "seven blue looms"]
    result = app.test_cli_runner().invoke(args=arguments)
    assert result.exit_code == 0, result.output
    db.session.expire_all()
    [event] = chain.rows()
    user = find_by_email("op@example.com")
    assert user is not None
    assert (event.action, event.actor_kind, event.actor_id) == ("account.created", "operator", None)
    assert (event.subject_id, event.detail) == (user.id, {"role": "admin"})
