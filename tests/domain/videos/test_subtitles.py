"""SubRip captions as they come from real tools, and what becomes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.videos import captions, subtitles

pytestmark = pytest.mark.no_database

SRT = """\ufeff1\r
00:00:01,000 --> 00:00:02,500\r
Hello <font color="red">there</font>\r
{\\an8}over two lines\r
\r
2\r
00:00:03,20 --> 00:01:04,000 X1:40\r
2 is a number\r
"""


def test_subrip_becomes_webvtt() -> None:
    assert subtitles.is_subrip(SRT)
    assert subtitles.to_webvtt(SRT) == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nHello there\nover two lines\n\n"
        "00:00:03.200 --> 00:01:04.000\n2 is a number\n"
    )


def test_counters_are_dropped_though_the_empty_line_is_missing() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nOne\n2\n00:00:02,000 --> 00:00:03,000\n42\n"
    assert subtitles.to_webvtt(text).split("\n\n")[1:] == [
        "00:00:01.000 --> 00:00:02.000\nOne",
        "00:00:02.000 --> 00:00:03.000\n42\n",
    ]


@pytest.mark.parametrize("text", ["WEBVTT\n\n00:01.000 --> 00:02.000\nHi", "Hello", "", "1\n2\n3"])
def test_what_is_no_subrip_is_not_taken_for_it(text: str) -> None:
    assert not subtitles.is_subrip(text)


@given(st.text(max_size=300))
def test_whatever_is_said_stays_one_harmless_cue(words: str) -> None:
    made = captions.clean(subtitles.to_webvtt(f"1\n00:00:01,000 --> 00:00:02,000\n{words}\n"))
    assert "<script" not in made.lower()
    assert all(block.count("-->") == 1 for block in made.strip().split("\n\n")[1:])
