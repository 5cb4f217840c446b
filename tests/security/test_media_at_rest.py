"""What lies on the disk is noise: segments are ciphertext and content keys are sealed."""

from app.domain.videos.models import ContentKey, Video
from tests.support.house import House

CONTAINER_MARKS = (b"moof", b"mdat", b"ftyp", b"styp")
SERVED_KINDS = {".m4s", ".mp4", ".jpg"}
SEALED_BYTES = 12 + 16 + 16  # nonce, key, tag


def test_no_segment_on_disk_is_readable(house: House) -> None:
    segments = sorted(house.media_directory.rglob("*.m4s"))
    assert len(segments) >= 24
    for path in segments:
        data = path.read_bytes()
        assert len(data) % 16 == 0, f"{path} is no AES-CBC ciphertext"
        assert not [mark for mark in CONTAINER_MARKS if mark in data[:64]], path


def test_no_plain_copy_lies_beside_them(house: House) -> None:
    """Neither a key, a playlist nor a half-made file is left over from the transcode."""
    files = [path for path in house.media_directory.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= SERVED_KINDS
    assert [path for path in files if path.suffix == ".mp4" and path.name != "init.mp4"] == []


def test_init_segments_hold_no_picture(house: House) -> None:
    inits = list(house.media_directory.rglob("init.mp4"))
    assert len(inits) >= 3
    for path in inits:
        data = path.read_bytes()
        assert b"ftyp" in data
        assert b"mdat" not in data


def test_every_segment_begins_differently(house: House) -> None:
    """Each has an initialisation vector of its own, so equal pictures look different."""
    first_blocks = [path.read_bytes()[:16] for path in house.media_directory.rglob("*.m4s")]
    assert len(set(first_blocks)) == len(first_blocks)


def test_content_keys_are_sealed_in_the_database(house: House) -> None:
    with house.session() as session:
        rows = session.query(ContentKey).filter_by(video_id=house.video_id).all()
        sealed = [row.sealed_key for row in rows]
    assert len(sealed) >= 3
    assert len(set(sealed)) == len(sealed)
    assert {len(key) for key in sealed} == {SEALED_BYTES}


def test_the_source_is_outside_of_what_is_served(house: House) -> None:
    with house.session() as session:
        source_key = session.get_one(Video, house.video_id).source_key
    path = house.data_directory / "media" / source_key
    assert path.is_file()
    assert house.media_directory not in path.parents
