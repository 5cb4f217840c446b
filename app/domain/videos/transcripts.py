"""What is said in a video, in paragraphs to read, made from its captions."""

import re
import uuid
from dataclasses import dataclass
from functools import lru_cache
from html import unescape

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import InstrumentedAttribute

from app.domain.videos.models import CaptionTrack

MAX_PARAGRAPH_SECONDS = 15.0
KEPT_TRANSCRIPTS = 64
_TIMING = re.compile(r"(?:(\d+):)?(\d\d):(\d\d\.\d{3}) --> (?:(\d+):)?(\d\d):(\d\d\.\d{3})")
_TAG = re.compile(r"<[^>]*>")
_SENTENCE_ENDS = (".", "!", "?", "…", "።", "፧")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences and the second at which they begin."""

    start_seconds: float
    text: str


def source(
    video_id: InstrumentedAttribute[uuid.UUID | None], language: InstrumentedAttribute[str]
) -> ScalarSelect[str]:
    """Return the WebVTT of a statement's video: in `language`, else in the first there is."""
    return (
        select(CaptionTrack.webvtt)
        .where(CaptionTrack.video_id == video_id)
        .order_by((CaptionTrack.language == language).desc(), CaptionTrack.language)
        .limit(1)
        .scalar_subquery()
    )


@lru_cache(maxsize=KEPT_TRANSCRIPTS)
def paragraphs(webvtt: str) -> tuple[Paragraph, ...]:
    """Return cleaned captions as paragraphs, cut at the ends of sentences or after 15 seconds."""
    kept: list[Paragraph] = []
    for start, text in _cues(webvtt):
        last = kept[-1] if kept else None
        is_open = last is not None and not last.text.endswith(_SENTENCE_ENDS)
        if last and is_open and start - last.start_seconds < MAX_PARAGRAPH_SECONDS:
            kept[-1] = Paragraph(last.start_seconds, f"{last.text} {text}")
        else:
            kept.append(Paragraph(start, text))
    return tuple(kept)


def _cues(webvtt: str) -> list[tuple[float, str]]:
    cues = []
    for block in webvtt.split("\n\n"):
        timing = _TIMING.search(block)
        if timing is None:
            continue
        _, _, words = block[timing.end() :].partition("\n")
        text = " ".join(unescape(_TAG.sub("", words)).split())
        if text:
            cues.append((_seconds(timing), text))
    return cues


def _seconds(timing: re.Match[str]) -> float:
    hours, minutes, seconds = timing.group(1, 2, 3)
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
