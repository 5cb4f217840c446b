"""What lies on the disk is noise: segments are ciphertext and content keys are sealed."""

from pathlib import Path

import pytest

from app.database import db
from app.domain.videos.models import ContentKey
from tests.support.clips import TranscodedClip

FRAME_MARKS = (b"moof", b"mdat", b"ftyp", b"styp")


def test_no_segment_on_disk_is_readable(clip: TranscodedClip) -> None:
    segments = sorted(clip.directory.rglob("*.m4s"))
    assert len(segments) >= 6
    for path in segments:
        data = path.read_bytes()
        assert len(data) % 16 == 0, f"{path} is no AES-CBC ciphertext"
        assert not [mark for mark in FRAME_MARKS if mark in data[:64]], path


def test_no_other_media_lies_beside_them(clip: TranscodedClip) -> None:
    """No plain copy, no key and no playlist is left over from the transcode."""
    kinds = {path.suffix for path in clip.directory.rglob("*") if path.is_file()}
    assert kinds <= {".m4s", ".mp4", ".jpg", ".webp"}
    plain = [p for p in clip.directory.rglob("*.mp4") if p.name != "init.mp4"]
    assert plain == []


def test_init_segments_hold_no_picture(clip: TranscodedClip) -> None:
    for path in clip.directory.rglob("init.mp4"):
        data = path.read_bytes()
        assert b"ftyp" in data
        assert b"mdat" not in data


@pytest.mark.usefixtures("clip_rows")
def test_content_keys_are_sealed_in_the_database(clip: TranscodedClip) -> None:
    rows = db.session.query(ContentKey).filter_by(video_id=clip.video_id).all()
    assert len(rows) >= 2
    sealed = [row.sealed_key for row in rows]
    assert len(set(sealed)) == len(rows)
    assert all(len(key) >= 16 + 12 + 16 for key in sealed)


def test_two_transcodes_share_no_ciphertext(clip: TranscodedClip) -> None:
    """Every segment has an initialisation vector of its own."""
    first_blocks = [path.read_bytes()[:16] for path in clip.directory.rglob("*.m4s")]
    assert len(set(first_blocks)) == len(first_blocks)


def test_source_is_outside_of_what_is_served(clip: TranscodedClip) -> None:
    served = Path("media")
    assert clip.source_key.startswith("sources/")
    assert not clip.source_key.startswith(str(served))
