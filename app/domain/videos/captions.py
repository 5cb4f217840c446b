"""Captions: WebVTT checked and reduced to what a caption needs, one track per language."""

import re
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.database import db
from app.domain.videos import subtitles
from app.domain.videos.models import CaptionTrack, Video
from app.errors import InvalidInput, NotFound, VersionConflict

MAX_CHARACTERS = 2_000_000
MAX_LABEL_LENGTH = 80
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
    return _write(video, language, _checked(language, label, webvtt, "webvtt"))


def _write(video: Video, language: str, values: dict[str, str]) -> CaptionTrack:
    now = utcnow()
    statement = insert(CaptionTrack).values(
        video_id=video.id, language=language, updated_at=now, **values
    )
    return db.session.scalars(
        statement.on_conflict_do_update(
            index_elements=[CaptionTrack.video_id, CaptionTrack.language],
            set_={**values, "version": CaptionTrack.version + 1, "updated_at": now},
        ).returning(CaptionTrack),
        execution_options={"populate_existing": True},
    ).one()


def save(
    video: Video, language: str, label: str, text: str, version: int | None = None
) -> CaptionTrack:
    """Store captions written in WebVTT or SubRip.

    `version` is the one that the writer saw, 0 for none; without it the last writer wins. Raises
    InvalidInput, and VersionConflict with the track as it is.
    """
    webvtt = subtitles.to_webvtt(text) if subtitles.is_subrip(text) else text
    values = _checked(language, label, webvtt, "text")
    if version is None:
        return _write(video, language, values)
    # The row is locked, or where there is none the video's: of two writers one sees the other.
    db.session.execute(select(Video.id).where(Video.id == video.id).with_for_update(key_share=True))
    track = find(video.id, language)
    if (track.version if track else 0) != version:
        raise VersionConflict(current=describe(track) if track else None)
    return _write(video, language, values)


def is_language(tag: str) -> bool:
    """Return whether `tag` can name the language of a track."""
    return _LANGUAGE.fullmatch(tag) is not None


def describe(track: CaptionTrack) -> dict[str, object]:
    """Return the track for whoever edits it."""
    return {
        "language": track.language,
        "label": track.label,
        "text": track.webvtt,
        "version": track.version,
        "updated_at": track.updated_at.isoformat(),
    }


def find(video_id: UUID, language: str) -> CaptionTrack | None:
    """Return the track in a language, or None."""
    return db.session.scalars(
        select(CaptionTrack).where(
            CaptionTrack.video_id == video_id, CaptionTrack.language == language
        ),
        execution_options={"populate_existing": True},
    ).first()


def get(video_id: UUID, language: str) -> CaptionTrack:
    """Return the track in a language. Raises NotFound."""
    track = find(video_id, language)
    if track is None:
        raise NotFound
    return track


def remove(video_id: UUID, language: str) -> bool:
    """Delete the track in a language; False when there is none."""
    removed = db.session.scalar(
        delete(CaptionTrack)
        .where(CaptionTrack.video_id == video_id, CaptionTrack.language == language)
        .returning(CaptionTrack.id)
    )
    return removed is not None


def clean(webvtt: str) -> str:
    """Return the header and the cues alone: no styles, regions or notes, only WebVTT's own tags."""
    _, *blocks = re.split(r"\n{2,}", subtitles.unify(webvtt))
    cues = [block for block in blocks if block and not block.startswith(_DROPPED_BLOCKS)]
    return "\n\n".join(["WEBVTT", *(_clean_cue(cue) for cue in cues)]) + "\n"


def _checked(language: str, label: str, webvtt: str, text_field: str) -> dict[str, str]:
    """Return the columns of a track. Raises InvalidInput, calling the text `text_field`."""
    problems = {}
    if not is_language(language):
        problems["language"] = "Use a language tag such as en, am or pt-BR."
    if not label.strip() or "\0" in label:
        problems["label"] = "Name the language as the menu should show it."
    elif len(label.strip()) > MAX_LABEL_LENGTH:
        problems["label"] = f"Use at most {MAX_LABEL_LENGTH} characters."
    if len(webvtt) > MAX_CHARACTERS:
        problems[text_field] = f"Captions may have at most {MAX_CHARACTERS:,} characters."
    elif not _is_webvtt(webvtt):
        problems[text_field] = (
            "This is not a WebVTT file: it starts with WEBVTT and has timed cues."
            if text_field == "webvtt"
            else "Give a WebVTT file (it starts with WEBVTT) or an SRT file, with timed cues."
        )
    if problems:
        raise InvalidInput(problems)
    return {"label": " ".join(label.split()), "webvtt": clean(webvtt)}


def _clean_cue(cue: str) -> str:
    """Return the cue without foreign tags; its timing line, which holds a `-->`, as it is."""
    lines = cue.strip("\n").split("\n")
    return "\n".join(line if _TIMING.match(line) else _without_tags(line) for line in lines)


def _without_tags(line: str) -> str:
    return _ANY_TAG.sub(lambda tag: tag[0] if _KNOWN_TAG.fullmatch(tag[0]) else "", line)


def _is_webvtt(text: str) -> bool:
    text = subtitles.unify(text)
    return bool(re.match(r"WEBVTT(?:[ \t\n]|$)", text)) and bool(_TIMING.search(text))
