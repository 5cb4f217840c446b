"""Transcripts: captions become paragraphs that can be read."""

import pytest

from app.domain.videos.transcripts import Paragraph, paragraphs

pytestmark = pytest.mark.no_database


def _webvtt(*cues: tuple[str, str]) -> str:
    return "WEBVTT\n\n" + "\n\n".join(f"{time}\n{text}" for time, text in cues) + "\n"


def test_cues_are_joined_until_a_sentence_ends() -> None:
    webvtt = _webvtt(
        ("00:00:01.000 --> 00:00:03.000", "A sentence that\ngoes on"),
        ("00:00:03.000 --> 00:00:05.000", "in the next cue."),
        ("00:00:05.500 --> 00:00:07.000", "Another one."),
    )
    assert paragraphs(webvtt) == (
        Paragraph(1.0, "A sentence that goes on in the next cue."),
        Paragraph(5.5, "Another one."),
    )


def test_endless_sentences_are_cut_after_fifteen_seconds() -> None:
    cues = [(f"00:{s:02d}.000 --> 00:{s + 4:02d}.000", f"part {s}") for s in range(0, 40, 4)]
    starts = [paragraph.start_seconds for paragraph in paragraphs(_webvtt(*cues))]
    assert starts == [0.0, 16.0, 32.0]


def test_markup_identifiers_and_settings_are_left_out() -> None:
    webvtt = _webvtt(
        ("7\n01:00:02.250 --> 01:00:04.000 line:90%", "<v Abebe>Salt &amp; <i>pepper</i>.</v>"),
        ("01:00:05.000 --> 01:00:06.000", "<c> </c>"),
    )
    assert paragraphs(webvtt) == (Paragraph(3602.25, "Salt & pepper."),)
