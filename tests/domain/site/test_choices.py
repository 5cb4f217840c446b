"""What the site's people chose: one row, kept for some seconds, changed by one at a time."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from flask import Flask

from app import clock
from app.current import settings
from app.database import db
from app.domain.accounts.models import User
from app.domain.site import choices
from app.domain.site.models import SiteChoices
from app.errors import InvalidInput, VersionConflict
from tests import factories
from tests.support.statements import recorded


def _change(user: User, version: int | None = None, **changes: object) -> list[str]:
    changed = choices.change(user.id, changes, version)
    db.session.commit()
    return changed


def test_what_nobody_chose_is_the_installations() -> None:
    now = choices.current()
    assert (now.name, now.max_streams) == (settings.site_name, settings.max_streams)
    assert now.max_video_upload_bytes == settings.max_video_upload_bytes


def test_what_was_chosen_counts_from_the_next_question_on(admin: User) -> None:
    choices.current()
    changed = _change(admin, name="  Weavers'   school ", max_streams=1, accent_hue=30)
    assert changed == ["name", "max_streams", "accent_hue"]
    now = choices.current()
    assert (now.name, now.max_streams, now.accent_hue, now.version) == ("Weavers' school", 1, 30, 1)


def test_choices_are_read_once_in_fifteen_seconds(admin: User) -> None:
    choices.forget()
    with recorded(with_choices=True) as statements:
        for _ in range(3):
            choices.current()
    assert len(statements) == 1


def test_what_another_process_chose_counts_within_fifteen_seconds(admin: User) -> None:
    choices.current()
    db.session.add(SiteChoices(id=1, version=1, name="Elsewhere"))
    db.session.commit()
    assert choices.current().name == settings.site_name
    with clock.shifted(timedelta(seconds=15)):
        assert choices.current().name == "Elsewhere"


def test_what_is_rolled_back_was_never_chosen(admin: User) -> None:
    choices.change(admin.id, {"name": "Never"})
    db.session.rollback()
    assert choices.current().name == settings.site_name


def test_nothing_gives_a_choice_back_to_the_installation(admin: User) -> None:
    _change(admin, name="Other", max_streams=1, support_email="help@example.com")
    _change(admin, name=None, max_streams=None, support_email="")
    now = choices.current()
    assert (now.name, now.max_streams) == (settings.site_name, settings.max_streams)
    assert now.support_email is None


def test_limits_only_narrow_what_the_installation_allows(app: Flask, admin: User) -> None:
    _change(admin, max_streams=settings.max_streams, max_video_upload_bytes=2 * 1024**2)
    assert choices.current().max_video_upload_bytes == 2 * 1024**2
    strict = settings.model_copy(update={"max_streams": 1, "max_video_upload_bytes": 1024**2})
    app.extensions["settings"], before = strict, app.extensions["settings"]
    try:
        now = choices.current()
        assert (now.max_streams, now.max_video_upload_bytes) == (1, 1024**2)
    finally:
        app.extensions["settings"] = before


WRONG: dict[str, tuple[str, object]] = {
    "a long name": ("name", "n" * 61),
    "a name that turns the line round": ("name", "a\u202eb"),
    "no address": ("support_email", "nobody"),
    "a hue beyond the circle": ("accent_hue", 360),
    "no stream at all": ("max_streams", 0),
    "more streams than the installation allows": ("max_streams", 21),
    "a tiny upload": ("max_video_upload_bytes", 10),
    "a huge upload": ("max_video_upload_bytes", 10**18),
    "a tiny quota": ("media_quota_bytes", 1),
    "neither yes nor no": ("takes_cards", None),
    "endless instructions": ("transfer_instructions", "x" * 2001),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_value_is_refused_by_name(admin: User, what: str) -> None:
    name, value = WRONG[what]
    with pytest.raises(InvalidInput) as caught:
        choices.change(admin.id, {name: value})
    assert set(caught.value.fields) == {name}


def test_who_saw_an_older_version_is_told(admin: User) -> None:
    _change(admin, version=0, name="First")
    with pytest.raises(VersionConflict) as caught:
        choices.change(admin.id, {"name": "Second"}, 0)
    assert caught.value.extra["current"] == {"version": 1}


def test_same_again_changes_nothing(admin: User) -> None:
    _change(admin, name="Same")
    assert _change(admin, name="Same") == []
    assert choices.current().version == 1


def test_first_two_at_once_lose_nothing_silently(committed_app: Flask) -> None:
    """Both insert the one row and both saw version 0: one of them is told."""
    user_id = factories.make_user().id
    db.session.commit()
    db.session.remove()
    both, outcomes = Barrier(2), []

    def choose(name: str) -> None:
        with committed_app.app_context():
            both.wait(10)
            try:
                choices.change(user_id, {"name": name}, 0)
                db.session.commit()
                outcomes.append("changed")
            except VersionConflict:
                db.session.rollback()
                outcomes.append("told")

    threads = [Thread(target=choose, args=(name,)) for name in ("One", "Two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["changed", "told"]
