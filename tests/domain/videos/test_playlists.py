"""Media playlist templates."""

import pytest

from app.domain.videos import playlists

pytestmark = pytest.mark.no_database

DURATIONS = [4.0] * 6 + [1.5]
IVS = [bytes([number]) * 16 for number in range(7)]


@pytest.fixture
def lines() -> list[str]:
    return playlists.render_media_template("720p", DURATIONS, IVS).splitlines()


def test_the_head_says_what_players_must_know(lines: list[str]) -> None:
    assert lines[:7] == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:4",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="{segments}/720p/init.mp4"',
    ]
    assert lines[-1] == "#EXT-X-ENDLIST"


def test_the_init_segment_is_named_before_any_key(lines: list[str]) -> None:
    kinds = [line.partition(":")[0] for line in lines]
    assert kinds.index("#EXT-X-MAP") < kinds.index("#EXT-X-KEY")


def test_each_segment_has_its_iv_and_its_windows_key(lines: list[str]) -> None:
    keys = [line for line in lines if line.startswith("#EXT-X-KEY")]
    assert keys[0] == f'#EXT-X-KEY:METHOD=AES-128,URI="{{keys}}/0",IV=0x{"00" * 16}'
    assert keys[5] == f'#EXT-X-KEY:METHOD=AES-128,URI="{{keys}}/1",IV=0x{"05" * 16}'
    assert len(keys) == 7


def test_segments_are_numbered_from_zero(lines: list[str]) -> None:
    names = [line for line in lines if line.endswith(".m4s")]
    assert names[0] == "{segments}/720p/00000.m4s"
    assert names[-1] == "{segments}/720p/00006.m4s"
    assert lines.count("#EXTINF:4.000000,") == 6
    assert lines.count("#EXTINF:1.500000,") == 1


@pytest.mark.parametrize(
    ("durations", "target"), [([4.004, 4.004], 4), ([4.5, 1.0], 5), ([0.2], 1), ([4.49], 4)]
)
def test_no_rounded_duration_exceeds_the_target(durations: list[float], target: int) -> None:
    template = playlists.render_media_template("audio", durations, IVS[: len(durations)])
    assert f"#EXT-X-TARGETDURATION:{target}\n" in template


def test_a_template_is_read_as_it_was_written(lines: list[str]) -> None:
    read = playlists.read_segments("\n".join(lines) + "\n")
    assert [segment.iv for segment in read] == IVS
    assert [segment.window for segment in read] == [0, 0, 0, 0, 0, 1, 1]
    assert [float(segment.duration) for segment in read] == DURATIONS
    assert read[6].name == "720p/00006.m4s"


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        playlists.render_media_template("720p", [4.0, 4.0], IVS[:1])
