"""Which rungs a title gets."""

from fractions import Fraction
from typing import Any

import pytest

from app.domain.videos import ladder
from app.integrations.transcoder import AudioRung, ContentSample, MediaInfo, VideoRung

pytestmark = pytest.mark.no_database

# Bits per second of a 640x360 sample, as measured on real titles.
SLIDES = ContentSample(78_000, 640, 360)
CODE = ContentSample(111_000, 640, 360)
TALKING_HEAD = ContentSample(349_000, 640, 360)


def info(width: int = 1280, height: int = 720, **values: Any) -> MediaInfo:
    defaults: dict[str, Any] = {
        "duration_seconds": 60.0,
        "frame_rate": Fraction(30),
        "audio_channels": 2,
        "container": "mp4",
        "video_codec": "h264",
    }
    return MediaInfo(width=width, height=height, **defaults | values)


def videos(chosen: ladder.Ladder) -> list[VideoRung]:
    rungs = [rung for rung in chosen.rungs if isinstance(rung, VideoRung)]
    return sorted(rungs, key=lambda rung: (-rung.width * rung.height, rung.crf))


def sizes(chosen: ladder.Ladder) -> list[tuple[str, int, int]]:
    return [(rung.name, rung.width, rung.height) for rung in videos(chosen)]


def test_a_camera_loses_lines() -> None:
    chosen = ladder.choose(info(), TALKING_HEAD)
    assert not chosen.is_screen
    assert sizes(chosen) == [
        ("720p", 1280, 720),
        ("480p", 854, 480),
        ("360p", 640, 360),
        ("240p", 426, 240),
    ]
    assert {rung.frame_step for rung in videos(chosen)} == {1}


@pytest.mark.parametrize("sample", [SLIDES, CODE])
def test_a_screen_keeps_its_lines_and_loses_quality(sample: ContentSample) -> None:
    chosen = ladder.choose(info(1920, 1080), sample)
    assert chosen.is_screen
    assert sizes(chosen) == [("1080p", 1920, 1080), ("1080low", 1920, 1080)]
    high, low = videos(chosen)
    assert low.crf >= high.crf + 8
    assert low.frame_step == 2


def test_the_sample_may_have_another_size() -> None:
    """What counts is bits per pixel, so a small source is judged alike."""
    small = ContentSample(TALKING_HEAD.bits_per_second / 4, 320, 180)
    assert not ladder.choose(info(320, 180), small).is_screen


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ((3840, 2160), ["720p", "480p", "360p", "240p"]),
        ((1920, 1080), ["720p", "480p", "360p", "240p"]),
        ((1024, 576), ["576p", "480p", "360p", "240p"]),
        ((854, 480), ["480p", "360p", "240p"]),
        ((640, 360), ["360p", "240p"]),
        ((426, 240), ["240p", "240low"]),
        ((320, 180), ["180p", "180low"]),
    ],
)
def test_nothing_is_enlarged_and_there_are_two(source: tuple[int, int], names: list[str]) -> None:
    chosen = ladder.choose(info(*source), TALKING_HEAD)
    assert [rung.name for rung in videos(chosen)] == names
    assert all(rung.height <= source[1] and rung.width <= source[0] for rung in videos(chosen))


@pytest.mark.parametrize("sample", [SLIDES, TALKING_HEAD])
@pytest.mark.parametrize("source", [(1279, 719), (481, 853), (17, 33), (2000, 401), (333, 333)])
def test_sides_are_even_whatever_the_source(source: tuple[int, int], sample: ContentSample) -> None:
    for rung in videos(ladder.choose(info(*source), sample)):
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width / rung.height == pytest.approx(source[0] / source[1], rel=0.15)


def test_portrait_counts_the_shorter_side() -> None:
    chosen = ladder.choose(info(1080, 1920), TALKING_HEAD)
    assert sizes(chosen)[0] == ("720p", 720, 1280)


def test_names_are_unique_and_fit_an_address() -> None:
    for source in ((1280, 720), (320, 180), (1920, 1080)):
        for sample in (SLIDES, TALKING_HEAD):
            names = [rung.name for rung in ladder.choose(info(*source), sample).rungs]
            assert len(set(names)) == len(names)
            assert all(name.isalnum() and name.islower() for name in names)


def test_what_comes_first_can_be_watched_and_is_cheap() -> None:
    first = ladder.choose(info(), TALKING_HEAD).first
    assert [rung.name for rung in first] == ["360p", "audio"]
    first = ladder.choose(info(), SLIDES).first
    assert [rung.name for rung in first] == ["720low", "audio"]


@pytest.mark.parametrize(
    ("channels", "audio"),
    [
        (0, AudioRung("audio", 64_000, 1)),
        (1, AudioRung("audio", 64_000, 1)),
        (2, AudioRung("audio", 96_000, 2)),
        (6, AudioRung("audio", 96_000, 2)),
    ],
)
def test_sound_is_always_a_rung_of_its_own(channels: int, audio: AudioRung) -> None:
    rungs = ladder.choose(info(audio_channels=channels), TALKING_HEAD).rungs
    assert [rung for rung in rungs if isinstance(rung, AudioRung)] == [audio]


@pytest.mark.parametrize(
    ("source", "rate"),
    [
        (Fraction(30), Fraction(30)),
        (Fraction(30000, 1001), Fraction(30000, 1001)),
        (Fraction(24000, 1001), Fraction(24000, 1001)),
        (Fraction(25), Fraction(25)),
        (Fraction(60), Fraction(30)),
        (Fraction(60000, 1001), Fraction(30000, 1001)),
        (Fraction(50), Fraction(25)),
        (Fraction(48), Fraction(24)),
        (Fraction(144), Fraction(24)),
        (Fraction(2997, 100), Fraction(30000, 1001)),
        (Fraction(17), Fraction(20)),
        (Fraction(73, 10), Fraction(10)),
        (Fraction(1), Fraction(10)),
        (Fraction(90_000), Fraction(30)),
    ],
)
def test_rates_become_standard_ones(source: Fraction, rate: Fraction) -> None:
    assert ladder.frame_rate(source) == rate


@pytest.mark.parametrize("seconds", [0.01, 1.0, 13.37, 59.99, 7200.5])
@pytest.mark.parametrize("sample", [SLIDES, TALKING_HEAD])
def test_all_rungs_last_equally_long(seconds: float, sample: ContentSample) -> None:
    chosen = ladder.choose(info(duration_seconds=seconds), sample)
    assert chosen.duration_seconds == pytest.approx(seconds, abs=2 / 30 + 0.001)
    assert all(chosen.frame_count % rung.frame_step == 0 for rung in videos(chosen))
    assert chosen.frame_count >= 1


def test_bit_rates_are_bounded_by_size() -> None:
    rates = [rung.max_bit_rate for rung in videos(ladder.choose(info(), TALKING_HEAD))]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] <= 3_500_000
