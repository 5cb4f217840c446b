"""Encoded rungs on their way into storage: encrypted segment by segment, described for players."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from app.domain.videos import encryption, playlists
from app.domain.videos.generations import Work
from app.domain.videos.models import Rendition, RenditionKind
from app.integrations.storage import Storage
from app.integrations.transcoder import EncodedRung, VideoRung

_CIPHERTEXT = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """A segment in storage: its IV, the size of its ciphertext, the SHA-256 of its clear text."""

    iv: bytes
    size_bytes: int
    digest: bytes


def store_rung(
    storage: Storage,
    prefix: str,
    encoded: EncodedRung,
    key_of: Callable[[int], bytes],
    on_stored: Callable[[], None],
) -> list[StoredSegment]:
    """Encrypt and store a rung's segments below `prefix`; each one's clear text goes at once.

    `key_of` gives the key of a window. Raises StorageFull, StorageUnavailable.
    """
    name = encoded.rung.name
    storage.put_file(f"{prefix}/{name}/{playlists.INIT_NAME}", encoded.init, "video/mp4")
    stored = []
    for index, path in enumerate(encoded.segments):
        clear = path.read_bytes()
        path.unlink()
        iv, ciphertext = encryption.encrypt(clear, key_of(encryption.window_of(index)))
        storage_key = f"{prefix}/{playlists.segment_name(name, index)}"
        storage.put_bytes(storage_key, ciphertext, _CIPHERTEXT)
        stored.append(StoredSegment(iv, len(ciphertext), sha256(clear).digest()))
        on_stored()
    return stored


def describe(work: Work, encoded: EncodedRung, stored: Sequence[StoredSegment]) -> Rendition:
    """Return the row of a stored rung, not yet added to the session."""
    video = encoded.rung if isinstance(encoded.rung, VideoRung) else None
    sizes = [segment.size_bytes for segment in stored]
    average = 8 * sum(sizes) / sum(encoded.durations)
    # a last segment of a few pictures says nothing about the rate a player must sustain
    rates = [
        8 * size / seconds
        for size, seconds in zip(sizes, encoded.durations, strict=True)
        if seconds >= max(encoded.durations) / 2
    ]
    return Rendition(
        video_id=work.video_id,
        generation=work.generation,
        name=encoded.rung.name,
        kind=RenditionKind.VIDEO if video else RenditionKind.AUDIO,
        width=video.width if video else None,
        height=video.height if video else None,
        frame_rate=float(encoded.frame_rate) if video else None,
        codecs=encoded.codecs,
        peak_bandwidth=round(max(*rates, average)),
        average_bandwidth=round(average),
        segment_count=len(sizes),
        size_bytes=sum(sizes) + encoded.init.stat().st_size,
        playlist=playlists.render_media_template(
            encoded.rung.name, encoded.durations, [segment.iv for segment in stored]
        ),
    )
