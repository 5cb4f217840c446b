"""Brings the clips in as a person's upload would: source file, transcode job, captions.

One upload is cut off half-way on purpose, so that a failed transcode can be seen.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from app.database import db
from app.demo.clips import CLIPS, LANGUAGE_LABELS, Clip
from app.demo.content import DAMAGED
from app.domain.accounts.models import User
from app.domain.videos.captions import add as add_caption_track
from app.domain.videos.ingest import add_from_file
from app.domain.videos.models import Video

DAMAGED_CLIP = "coffee-stall"
DAMAGED_TITLE = "Light from one window (upload cut off)"


def add_videos(uploaded_by: User) -> tuple[dict[str, Video], int]:
    """Queue what is missing, most important first; return the videos by name and how many are new.

    A video is known by the SHA-256 of its source, so a renamed one is not added twice.
    """
    videos: dict[str, Video] = {}
    added = 0
    for clip in CLIPS.values():
        video = _find(clip.path)
        if video is None:
            video = add_from_file(clip.path, clip.title, uploaded_by)
            _add_captions(video, clip)
            added += 1
        videos[clip.key] = video
    with _damaged_source() as path:
        damaged = _find(path)
        if damaged is None:
            damaged = add_from_file(path, DAMAGED_TITLE, uploaded_by)
            added += 1
        videos[DAMAGED] = damaged
    return videos, added


def _find(path: Path) -> Video | None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return db.session.scalars(
        select(Video).where(Video.source_sha256 == digest).order_by(Video.created_at).limit(1)
    ).first()


def _add_captions(video: Video, clip: Clip) -> None:
    for language in clip.languages:
        add_caption_track(video, language, LANGUAGE_LABELS[language], clip.captions(language))


@contextmanager
def _damaged_source() -> Iterator[Path]:
    """Give the first half of a clip, as a broken upload leaves it: without its index at the end."""
    whole = CLIPS[DAMAGED_CLIP].path.read_bytes()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "window-light.mp4"
        path.write_bytes(whole[: len(whole) // 2])
        yield path
