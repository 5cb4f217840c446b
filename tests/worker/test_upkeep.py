"""Sweeping: what nothing serves goes, what something may still serve stays."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.clock import utcnow
from app.current import integrations, settings
from app.database import db
from app.domain.audit import verification
from app.domain.audit.trail import FIRST_HASH
from app.domain.audit.verification import Head
from app.domain.videos import queries
from app.domain.videos.models import ContentKey, Video
from app.worker.upkeep import say_audit_head, sweep_media
from tests import factories
from tests.domain.audit import chain
from tests.support.tracks import find_tracks


@pytest.fixture
def video() -> Video:
    """A video whose second generation is served; the first one's rows and files are left."""
    video = factories.make_ready_video()
    video.generation = 2
    factories.make_rendition(video, "360p")
    integrations.storage.put_bytes(f"media/{video.id}/2/360p/init.mp4", b"x", "")
    db.session.commit()
    return video


def generations_stored(video: Video) -> set[str]:
    keys = integrations.storage.list_keys(f"media/{video.id}")
    return {key.split("/")[2] for key in keys}


def test_a_generation_replaced_a_day_ago_goes(video: Video) -> None:
    video.ready_at = utcnow() - timedelta(hours=25)
    db.session.commit()
    assert sweep_media() == 1
    assert generations_stored(video) == {"2"}
    assert queries.renditions_of(find_tracks(video.id, 1)) == []
    assert len(queries.renditions_of(find_tracks(video.id, 2))) == 1
    assert db.session.query(ContentKey).filter_by(video_id=video.id, generation=1).count() == 0
    assert sweep_media() == 0


def test_streams_begun_before_the_switch_may_end(video: Video) -> None:
    video.ready_at = utcnow() - timedelta(hours=1)
    db.session.commit()
    assert sweep_media() == 0
    assert generations_stored(video) == {"1", "2"}


def test_the_scratch_of_a_killed_worker_goes() -> None:
    left = Path(settings.data_dir) / "work" / "left-1"
    left.mkdir(parents=True)
    (left / "lock").touch()
    (left / "segment.m4s").touch()
    sweep_media()
    assert not left.exists()


def test_head_of_the_trail_is_written_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert Head.parse(say_audit_head()) == Head(0, FIRST_HASH)
    chain.write(3)
    with caplog.at_level("INFO", "worker.upkeep"):
        said = say_audit_head()
    assert f"audit head {said}" in caplog.text
    assert Head.parse(said) == verification.verify().head
