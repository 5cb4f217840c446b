"""Content keys at rest: sealed for one place, opened by one secret."""

from uuid import uuid4

import pytest

from app.current import settings
from app.database import db
from app.domain.videos import keys
from app.domain.videos.models import ContentKey
from app.errors import NotFound
from tests import factories

SECRET = "the secret that content keys are sealed with"
VIDEO = uuid4()


def sealed(key: bytes) -> bytes:
    return keys.seal(SECRET, VIDEO, 2, 3, key)


def test_a_key_comes_back_in_its_place() -> None:
    key = keys.new_key()
    assert len(key) == 16
    assert keys.unseal(SECRET, VIDEO, 2, 3, sealed(key)) == key


def test_a_sealed_key_does_not_show_the_key() -> None:
    key = keys.new_key()
    assert key not in sealed(key)
    assert sealed(key) != sealed(key)
    assert len(sealed(key)) == 12 + 16 + 16


@pytest.mark.parametrize(
    ("secret", "video", "generation", "window"),
    [
        (SECRET + "!", VIDEO, 2, 3),
        (SECRET, uuid4(), 2, 3),
        (SECRET, VIDEO, 1, 3),
        (SECRET, VIDEO, 2, 4),
        (SECRET, VIDEO, 3, 2),
    ],
)
def test_it_opens_nowhere_else(secret: str, video, generation: int, window: int) -> None:
    with pytest.raises(keys.SealBroken):
        keys.unseal(secret, video, generation, window, sealed(keys.new_key()))


@pytest.mark.parametrize("position", [0, 12, 30, 43])
def test_a_changed_seal_does_not_open(position: int) -> None:
    changed = bytearray(sealed(keys.new_key()))
    changed[position] ^= 1
    with pytest.raises(keys.SealBroken):
        keys.unseal(SECRET, VIDEO, 2, 3, bytes(changed))


@pytest.mark.parametrize("length", [0, 5, 12, 20])
def test_a_short_seal_does_not_open(length: int) -> None:
    with pytest.raises(keys.SealBroken):
        keys.unseal(SECRET, VIDEO, 2, 3, sealed(keys.new_key())[:length])


def test_the_key_of_a_window_is_found() -> None:
    video = factories.make_video()
    key = keys.new_key()
    seal = keys.seal(settings.content_secret, video.id, 1, 4, key)
    db.session.add(ContentKey(video_id=video.id, generation=1, window=4, sealed_key=seal))
    db.session.flush()
    assert keys.content_key(video.id, 1, 4) == key
    for place in ((video.id, 1, 5), (video.id, 2, 4), (uuid4(), 1, 4)):
        with pytest.raises(NotFound):
            keys.content_key(*place)


def test_a_row_moved_to_another_video_does_not_open() -> None:
    mine, other = factories.make_video(), factories.make_video()
    seal = keys.seal(settings.content_secret, mine.id, 1, 0, keys.new_key())
    db.session.add(ContentKey(video_id=other.id, generation=1, window=0, sealed_key=seal))
    db.session.flush()
    with pytest.raises(keys.SealBroken):
        keys.content_key(other.id, 1, 0)
