"""Segments at rest: AES-128-CBC as HLS players expect it."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.videos import encryption
from tests.support.media import run_ffmpeg

pytestmark = pytest.mark.no_database

KEY = bytes(range(16))


@given(st.binary(max_size=5000))
def test_a_segment_comes_back(segment: bytes) -> None:
    iv, ciphertext = encryption.encrypt(segment, KEY)
    assert len(ciphertext) % 16 == 0
    assert len(ciphertext) > len(segment)
    assert encryption.decrypt(ciphertext, KEY, iv) == segment


def test_equal_segments_look_different() -> None:
    made = [encryption.encrypt(b"moof" * 100, KEY) for _ in range(20)]
    assert len({iv for iv, _ in made}) == len({text for _, text in made}) == 20


def test_ciphertext_has_the_entropy_of_noise() -> None:
    _, ciphertext = encryption.encrypt(b"\0" * 100_000, KEY)
    counts = Counter(ciphertext)
    entropy = -sum(n / len(ciphertext) * math.log2(n / len(ciphertext)) for n in counts.values())
    assert entropy > 7.99


def test_the_wrong_key_gives_no_segment() -> None:
    segment = b"moof" * 1000
    iv, ciphertext = encryption.encrypt(segment, KEY)
    try:
        opened = encryption.decrypt(ciphertext, bytes(16), iv)
    except ValueError:
        return  # the padding shows it 255 times in 256
    assert opened != segment


def test_a_torn_file_is_refused() -> None:
    iv, ciphertext = encryption.encrypt(b"x" * 100, KEY)
    with pytest.raises(ValueError, match=r"block|pad"):
        encryption.decrypt(ciphertext[:-5], KEY, iv)


def test_five_segments_share_a_key() -> None:
    windows = [encryption.window_of(index) for index in range(11)]
    assert windows == [0] * 5 + [1] * 5 + [2]


def test_ffmpeg_reads_what_we_encrypt(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Another implementation of RFC 8216 agrees on mode, padding and IV."""
    folder = tmp_path_factory.mktemp("hls")
    clear = folder / "clear.ts"
    run_ffmpeg("-f", "lavfi", "-i", "sine", "-t", "2", "-c:a", "aac", "-f", "mpegts", clear)
    iv, ciphertext = encryption.encrypt(clear.read_bytes(), KEY)
    (folder / "0.ts").write_bytes(ciphertext)
    (folder / "key").write_bytes(KEY)
    playlist = folder / "index.m3u8"
    playlist.write_text(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n"
        f'#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0x{iv.hex()}\n#EXTINF:2.0,\n0.ts\n'
        "#EXT-X-ENDLIST\n"
    )
    allowed = ["-allowed_extensions", "ALL", "-protocol_whitelist", "file,crypto,data"]
    allowed += ["-allowed_segment_extensions", "ALL", "-extension_picky", "0"]
    run_ffmpeg("-xerror", *allowed, "-i", playlist, "-f", "null", "-")
