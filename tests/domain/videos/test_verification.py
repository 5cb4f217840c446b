"""When rungs may be switched between, and when not."""

from itertools import pairwise

import pytest

from app.domain.videos import playlists
from app.domain.videos.verification import VerificationFailed, verify_alignment

pytestmark = pytest.mark.no_database


def template(*durations: float) -> str:
    return playlists.render_media_template("x", durations, [bytes(16)] * len(durations))


PICTURES = template(4, 4, 2)
SOUND = template(4.010667, 3.989333, 2.0)


def test_pictures_cut_alike_and_sound_within_a_frame_fit() -> None:
    verify_alignment({"720p": PICTURES, "360p": PICTURES}, SOUND)


def test_two_hours_of_rounding_still_fit() -> None:
    pictures = template(*[4.004] * 1800)
    frame = 1024 / 48_000
    ends = [round(4.004 * n / frame) * frame for n in range(1801)]
    sound = template(*[end - start for start, end in pairwise(ends)])
    verify_alignment({"720p": pictures}, sound)


@pytest.mark.parametrize(
    "other", [template(4, 4, 2.033333), template(4, 4), template(4, 2, 4), template(4, 4, 1, 1)]
)
def test_pictures_cut_differently_do_not_fit(other: str) -> None:
    with pytest.raises(VerificationFailed, match="cut at different times"):
        verify_alignment({"720p": PICTURES, "360p": other}, SOUND)


@pytest.mark.parametrize("sound", [template(4, 4), template(4, 4, 1, 1)])
def test_sound_of_another_count_does_not_fit(sound: str) -> None:
    with pytest.raises(VerificationFailed, match="segments"):
        verify_alignment({"720p": PICTURES}, sound)


def test_sound_that_drifts_does_not_fit() -> None:
    with pytest.raises(VerificationFailed, match="Sound and pictures"):
        verify_alignment({"720p": PICTURES}, template(4.05, 3.95, 2))
