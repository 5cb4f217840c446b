"""Captions: WebVTT checked and reduced to what a caption needs, one track per language."""

import re

from sqlalchemy.dialects.postgresql import insert

from app.database import db
from app.domain.videos.models import CaptionTrack, Video
from app.errors import InvalidInput

MAX_CHARACTERS = 2_000_000
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_TIMING = re.compile(
    r"^(?:\d{2,}:)?[0-5]\d:[0-5]\d\.\d{3} --> (?:\d{2,}:)?[0-5]\d:[0-5]\d\.\d{3}", re.MULTILINE
)
_DROPPED_BLOCKS = ("STYLE", "REGION", "NOTE")
_KNOWN_TAG = re.compile(r"</?(?:[bicu]|v|lang|ruby|rt)(?:[ .\t][^<>]*)?>|<\d[\d:.]*>")
_ANY_TAG = re.compile(r"<[^>]*>?")


def add(video: Video, language: str, label: str, webvtt: str) -> CaptionTrack:
    """Store captions for `video`, in place of those it has in this language.

    `language` is a BCP 47 tag, `label` what the menu shows. Raises InvalidInput.
    """
    problems = {}
    if not _LANGUAGE.fullmatch(language):
        problems["language"] = "Use a language tag such as en, am or pt-BR."
    if not label.strip():
        problems["label"] = "Name the language as the menu should show it."
    if len(webvtt) > MAX_CHARACTERS:
        problems["webvtt"] = f"Captions may have at most {MAX_CHARACTERS:,} characters."
    elif not _is_webvtt(webvtt):
        problems["webvtt"] = "This is not a WebVTT file: it starts with WEBVTT and has timed cues."
    if problems:
        raise InvalidInput(problems)
    values = {"label": label.strip(), "webvtt": clean(webvtt)}
    statement = insert(CaptionTrack).values(video_id=video.id, language=language, **values)
    return db.session.scalars(
        statement.on_conflict_do_update(
            index_elements=[CaptionTrack.video_id, CaptionTrack.language], set_=values
        ).returning(CaptionTrack),
        execution_options={"populate_existing": True},
    ).one()


def clean(webvtt: str) -> str:
    """Return the header and the cues alone: no styles, regions or notes, only WebVTT's own tags."""
    _, *blocks = re.split(r"\n{2,}", _normalised(webvtt))
    cues = [block for block in blocks if block and not block.startswith(_DROPPED_BLOCKS)]
    return "\n\n".join(["WEBVTT", *(_clean_cue(cue) for cue in cues)]) + "\n"


def _clean_cue(cue: str) -> str:
    """Return the cue without foreign tags; its timing line, which holds a `-->`, as it is."""
    lines = cue.strip("\n").split("\n")
    return "\n".join(line if _TIMING.match(line) else _without_tags(line) for line in lines)


def _without_tags(line: str) -> str:
    return _ANY_TAG.sub(lambda tag: tag[0] if _KNOWN_TAG.fullmatch(tag[0]) else "", line)


def _is_webvtt(text: str) -> bool:
    text = _normalised(text)
    return bool(re.match(r"WEBVTT(?:[ \t\n]|$)", text)) and bool(_TIMING.search(text))


def _normalised(text: str) -> str:
    unified = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return unified.replace("\0", "\ufffd")
