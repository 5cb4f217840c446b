"""Playlists: the multivariant one that a token opens, and the media playlists below a lease.

What is published of a generation never changes, so rendered playlists are kept per process. They
name no user, no token and no lease: keys are addressed relative to the playlist.
"""

import gzip
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from app.current import integrations
from app.domain.playback.grants import prefix_of
from app.domain.videos import queries
from app.domain.videos.models import RenditionKind
from app.domain.videos.queries import CaptionView, RenditionView
from app.errors import NotFound

KEPT_PLAYLISTS = 128
AUDIO_GROUP = "audio"
SUBTITLES_GROUP = "subtitles"
# Stands in kept playlists for the lease; no label holds it, for quoting takes line ends out.
BASE = "{lease}\n"


@dataclass(frozen=True, slots=True)
class Playlist:
    """A rendered media playlist, plain and gzipped (2 h of video: 300 kB plain)."""

    plain: bytes
    gzipped: bytes


class _Missing(Exception):
    """Carries absence past the cache: only what exists is kept."""


def _quote(text: str) -> str:
    return '"' + text.replace('"', "'").replace("\n", " ") + '"'


def _audio_line(base: str, audio: RenditionView) -> str:
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{AUDIO_GROUP}",NAME="Audio",DEFAULT=YES,'
        f'AUTOSELECT=YES,CHANNELS="2",URI="{base}/renditions/{audio.name}.m3u8"'
    )


def _caption_line(base: str, track: CaptionView) -> str:
    return (
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="{SUBTITLES_GROUP}",NAME={_quote(track.label)},'
        f'LANGUAGE="{track.language}",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,'
        f'URI="{base}/captions/{track.language}.m3u8"'
    )


def _variant_lines(
    base: str, rung: RenditionView, audio: RenditionView | None, has_captions: bool
) -> list[str]:
    sound = audio.peak_bandwidth if audio else 0
    mean = rung.average_bandwidth + (audio.average_bandwidth if audio else 0)
    codecs = f"{rung.codecs},{audio.codecs}" if audio else rung.codecs
    attributes = [
        f"BANDWIDTH={rung.peak_bandwidth + sound}",
        f"AVERAGE-BANDWIDTH={mean}",
        f'CODECS="{codecs}"',
        f"RESOLUTION={rung.width}x{rung.height}",
        f"FRAME-RATE={rung.frame_rate or 25:.3f}",
    ]
    if audio:
        attributes.append(f'AUDIO="{AUDIO_GROUP}"')
    if has_captions:
        attributes.append(f'SUBTITLES="{SUBTITLES_GROUP}"')
    return [
        "#EXT-X-STREAM-INF:" + ",".join(attributes),
        f"{base}/renditions/{rung.name}.m3u8",
    ]


@lru_cache(maxsize=KEPT_PLAYLISTS)
def _multivariant(tracks: str) -> str:
    renditions, captions = queries.renditions_of(tracks), queries.captions_of(tracks)
    audio = next((r for r in renditions if r.kind is RenditionKind.AUDIO), None)
    rungs = sorted(
        (r for r in renditions if r.kind is RenditionKind.VIDEO), key=lambda r: r.peak_bandwidth
    )
    if not rungs:
        raise _Missing
    middle = rungs.pop((len(rungs) - 1) // 2)
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if audio:
        lines.append(_audio_line(BASE, audio))
    lines += [_caption_line(BASE, track) for track in captions]
    for rung in [middle, *reversed(rungs)]:
        lines += _variant_lines(BASE, rung, audio, bool(captions))
    return "\n".join(lines) + "\n"


def multivariant(base: str, tracks: str) -> str:
    """Return the multivariant playlist of what a generation consists of. Raises NotFound.

    `base` is the address of the lease; every playlist named lies below it. The middle rung comes
    first, because players start with the first one they read (RFC 8216, 4.3.4.2).
    """
    try:
        return _multivariant(tracks).replace(BASE, base)
    except _Missing:
        raise NotFound from None


@lru_cache(maxsize=KEPT_PLAYLISTS)
def _render(video_id: UUID, generation: int, name: str, segment_base: str) -> Playlist:
    template = queries.find_playlist(video_id, generation, name)
    if template is None:
        raise _Missing
    text = template.replace("{segments}", segment_base).replace("{keys}", "../keys")
    plain = text.encode()
    return Playlist(plain, gzip.compress(plain, 6, mtime=0))


def media_playlist(video_id: UUID, generation: int, name: str) -> Playlist:
    """Return the media playlist of one rendition. Raises NotFound."""
    base = integrations.cdn.segment_base(prefix_of(video_id, generation))
    try:
        return _render(video_id, generation, name, base)
    except _Missing:
        raise NotFound from None


def caption_playlist(video_id: UUID, language: str, duration_seconds: float) -> str:
    """Return a media playlist with the whole caption file as its one segment. Raises NotFound."""
    if queries.find_caption(video_id, language) is None:
        raise NotFound
    whole = int(duration_seconds) + 1
    return (
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXT-X-TARGETDURATION:{whole}\n#EXTINF:{duration_seconds:.3f},\n"
        f"{language}.vtt\n#EXT-X-ENDLIST\n"
    )


def caption_file(video_id: UUID, language: str) -> str:
    """Return the WebVTT text. Raises NotFound."""
    webvtt = queries.find_caption(video_id, language)
    if webvtt is None:
        raise NotFound
    return webvtt
