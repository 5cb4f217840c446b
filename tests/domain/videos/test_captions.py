"""Captions: what is accepted, and what is left of it."""

import pytest

from app.database import db
from app.domain.videos import captions, queries
from app.domain.videos.models import CaptionTrack, Video
from app.errors import InvalidInput
from tests import factories
from tests.support.tracks import find_tracks

WEBVTT = "WEBVTT\n\n1\n00:00.000 --> 00:02.500\nSelam, <b>everybody</b>\n"


@pytest.fixture
def video() -> Video:
    return factories.make_video()


def test_captions_are_found_by_language(video: Video) -> None:
    captions.add(video, "en", "English", WEBVTT)
    captions.add(video, "am", "Amharic", WEBVTT.replace("Selam", "ሰላም"))
    assert [track.language for track in queries.captions_of(find_tracks(video.id, 1))] == [
        "am",
        "en",
    ]
    assert "ሰላም" in (queries.find_caption(video.id, "am") or "")
    assert queries.find_caption(video.id, "fr") is None


def test_a_second_file_in_a_language_replaces_the_first(video: Video) -> None:
    captions.add(video, "en", "English", WEBVTT)
    track = captions.add(video, "en", "English (corrected)", WEBVTT.replace("Selam", "Hello"))
    assert track.label == "English (corrected)"
    assert "Hello" in (queries.find_caption(video.id, "en") or "")
    assert db.session.query(CaptionTrack).filter_by(video_id=video.id).count() == 1


def test_every_known_line_ending_is_read(video: Video) -> None:
    for number, ending in enumerate(("\r\n", "\r")):
        language = f"x{number:02d}"[:3].replace("0", "a").replace("1", "b")
        captions.add(video, language, "Any", "\ufeff" + WEBVTT.replace("\n", ending))
        stored = queries.find_caption(video.id, language) or ""
        assert stored.startswith("WEBVTT\n\n1\n00:00.000 --> 00:02.500\nSelam")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "WEBVTT",
        "WEBVTTX\n\n00:00.000 --> 00:01.000\nx",
        "1\n00:00:00,000 --> 00:00:02,500\nSubRip\n",
        "WEBVTT\n\nno timing at all\n",
        "<html>WEBVTT 00:00.000 --> 00:01.000</html>",
    ],
)
def test_what_is_no_webvtt_is_refused(video: Video, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        captions.add(video, "en", "English", text)
    assert set(caught.value.fields) == {"webvtt"}


def test_a_huge_file_is_refused_unread(video: Video) -> None:
    with pytest.raises(InvalidInput) as caught:
        captions.add(video, "en", "English", WEBVTT + "x" * captions.MAX_CHARACTERS)
    assert "2,000,000 characters" in caught.value.fields["webvtt"]


@pytest.mark.parametrize(
    "language", ["", "english", "e", "en_US", "../en", "en\n", "en-" + "x" * 9]
)
def test_a_language_is_a_tag(video: Video, language: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        captions.add(video, language, " ", WEBVTT)
    assert set(caught.value.fields) == {"language", "label"}


def test_only_webvtts_own_tags_are_kept() -> None:
    cue = (
        "WEBVTT\n\n00:00.000 --> 00:02.000 align:start\n"
        "<v Ines>Hi</v> <i>you</i> <script>alert(1)</script><img src=x onerror=alert(1)>"
        "<00:01.000>later <a href=x>link</a> <c.yellow>c</c> 3 < 4\n"
    )
    cleaned = captions.clean(cue)
    assert "<v Ines>Hi</v> <i>you</i> alert(1)" in cleaned
    assert "<00:01.000>later link <c.yellow>c</c>" in cleaned
    for forbidden in ("script", "img", "onerror", "href"):
        assert forbidden not in cleaned


def test_styles_regions_and_notes_are_dropped() -> None:
    text = (
        "WEBVTT - a title\n\nSTYLE\n::cue { background: url(//evil) }\n\n"
        "REGION\nid:a\n\nNOTE made by hand\n\n00:00.000 --> 00:01.000\nkept\n"
    )
    assert captions.clean(text) == "WEBVTT\n\n00:00.000 --> 00:01.000\nkept\n"


def test_cleaning_twice_changes_nothing() -> None:
    once = captions.clean(WEBVTT)
    assert captions.clean(once) == once
