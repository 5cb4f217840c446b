"""Proof that what lies in storage can be watched: fetched back, decrypted, decoded, measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

from app.domain.videos import encryption, playlists
from app.domain.videos.ladder import Ladder
from app.domain.videos.playlists import PlaylistSegment
from app.errors import NotFound, StorageFull, TranscodeFailed
from app.integrations.storage import Storage
from app.integrations.transcoder import AudioRung, DecodedMedia, Rung, Transcoder

Progress = Callable[[float], None]

_AAC_FRAME_SECONDS = 1024 / 48_000
_ROUNDING_SECONDS = 0.000_01


class VerificationFailed(TranscodeFailed):
    """The stored output is not what was encoded; the detail names the rung and the fault."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks rungs of one generation; `prefix` is its storage folder."""

    storage: Storage
    transcoder: Transcoder
    prefix: str
    keys: Mapping[int, bytes]
    ladder: Ladder
    scratch: Path

    def verify(
        self,
        rung: Rung,
        template: str,
        digests: Sequence[bytes],
        on_progress: Progress,
        use: Callable[[Path], None] | None = None,
    ) -> None:
        """Check a stored rung by its own playlist; tells the fraction done.

        What was proven is handed to `use` as one file, before that goes.

        `digests` are the SHA-256 of the segments as they were encoded: a decoder hides small
        faults, and CBC notices none.
        Raises VerificationFailed, TranscodeFailed, StorageFull, StorageUnavailable.
        """
        segments = playlists.read_segments(template)
        media = self.scratch / f"verify-{rung.name}.mp4"
        try:
            with media.open("wb") as target:
                for done, part in enumerate(self._parts(rung, segments, digests)):
                    target.write(part)
                    on_progress(done / len(segments) / 2)
            decoded = self.transcoder.decode(
                media, self.ladder.duration_seconds, lambda done: on_progress(0.5 + done / 2)
            )
            listed = sum(float(segment.duration) for segment in segments)
            self._measure(rung, decoded, listed)
            if use is not None:
                use(media)
        except OSError as error:
            raise StorageFull from error
        finally:
            media.unlink(missing_ok=True)

    def _parts(
        self, rung: Rung, segments: list[PlaylistSegment], digests: Sequence[bytes]
    ) -> Iterator[bytes]:
        """Yield init and decrypted segments, as a player would join them."""
        if not segments or len(segments) != len(digests):
            raise VerificationFailed(f"{rung.name}: the playlist does not list every segment.")
        yield self._stored(f"{rung.name}/{playlists.INIT_NAME}")
        for segment, digest in zip(segments, digests, strict=True):
            ciphertext = self._stored(segment.name)
            try:
                clear = encryption.decrypt(ciphertext, self.keys[segment.window], segment.iv)
            except (KeyError, ValueError) as error:
                raise VerificationFailed(
                    f"{segment.name} does not open with the key of window {segment.window}."
                ) from error
            if sha256(clear).digest() != digest:
                raise VerificationFailed(f"{segment.name} is not what was stored.")
            yield clear

    def _stored(self, name: str) -> bytes:
        try:
            with self.storage.open(f"{self.prefix}/{name}") as file:
                return file.read()
        except NotFound as error:
            raise VerificationFailed(f"{name} is not in the storage.") from error

    def _measure(self, rung: Rung, decoded: DecodedMedia, listed_seconds: float) -> None:
        tolerance = float(1 / self.ladder.frame_rate) + _ROUNDING_SECONDS
        if isinstance(rung, AudioRung):
            tolerance = max(tolerance, _AAC_FRAME_SECONDS)
        else:
            wanted_frames = self.ladder.frame_count // rung.frame_step
            if decoded.frames != wanted_frames:
                raise VerificationFailed(
                    f"{rung.name}: {decoded.frames} of {wanted_frames} pictures decode."
                )
        wanted = self.ladder.duration_seconds
        for seconds in (decoded.duration_seconds, listed_seconds):
            if abs(seconds - wanted) > tolerance:
                raise VerificationFailed(f"{rung.name}: lasts {seconds:.3f} s, not {wanted:.3f} s.")


def verify_alignment(videos: Mapping[str, str], audio: str) -> None:
    """Check that players may switch rungs at every boundary; takes the templates by name.

    Pictures are cut at the same instants exactly, the sound within one of its frames. Raises
    VerificationFailed.
    """
    cuts = {name: _durations(template) for name, template in videos.items()}
    reference_name, reference = next(iter(cuts.items()))
    for name, durations in cuts.items():
        if durations != reference:
            raise VerificationFailed(f"{name} and {reference_name} are cut at different times.")
    sound = _durations(audio)
    if len(sound) != len(reference):
        raise VerificationFailed(f"Sound has {len(sound)} segments, pictures {len(reference)}.")
    boundaries = zip(accumulate(map(float, sound)), accumulate(map(float, reference)), strict=True)
    limit = _AAC_FRAME_SECONDS + _ROUNDING_SECONDS * len(sound)
    if any(abs(mine - theirs) > limit for mine, theirs in boundaries):
        raise VerificationFailed("Sound and pictures are cut at different times.")


def _durations(template: str) -> list[str]:
    return [segment.duration for segment in playlists.read_segments(template)]
