"""Playlists: complete, in a sensible order, and the same bytes for everybody."""

import gzip
import uuid

import pytest

from app.database import db
from app.domain.playback import manifests
from app.domain.videos.models import CaptionTrack
from app.errors import NotFound
from tests import factories
from tests.support.tracks import find_tracks


def test_the_multivariant_playlist_lists_rungs_sound_and_captions() -> None:
    video = factories.make_ready_video()
    db.session.add(
        CaptionTrack(video_id=video.id, language="am", label='The "am" one', webvtt="WEBVTT\n")
    )
    db.session.flush()
    playlist = manifests.multivariant("/lease", find_tracks(video.id, 1))
    lines = playlist.splitlines()
    assert lines[0] == "#EXTM3U"
    assert "/lease/renditions/720p.m3u8" in lines
    assert "/lease/renditions/360p.m3u8" in lines
    assert sum(line.startswith("#EXT-X-STREAM-INF") for line in lines) == 2
    assert 'URI="/lease/renditions/audio.m3u8"' in playlist
    assert 'NAME="The \'am\' one",LANGUAGE="am"' in playlist
    assert playlist.count('AUDIO="audio",SUBTITLES="subtitles"') == 2


def test_bandwidths_include_the_sound() -> None:
    video = factories.make_ready_video()
    playlist = manifests.multivariant("/lease", find_tracks(video.id, 1))
    assert f"BANDWIDTH={720 * 2_000 + 96_000}," in playlist
    assert f"AVERAGE-BANDWIDTH={720 * 1_200 + 64_000}," in playlist


def test_a_video_without_sound_offers_no_audio_group() -> None:
    video = factories.make_video()
    factories.make_rendition(video, "360p")
    playlist = manifests.multivariant("/lease", find_tracks(video.id, 1))
    assert "AUDIO" not in playlist


def test_a_generation_without_rungs_is_not_found() -> None:
    tracks = find_tracks(factories.make_video().id, 1)
    with pytest.raises(NotFound):
        manifests.multivariant("/lease", tracks)


def test_a_media_playlist_addresses_keys_relatively_and_names_nobody() -> None:
    video = factories.make_ready_video()
    playlist = manifests.media_playlist(video.id, 1, "720p")
    text = playlist.plain.decode()
    assert 'URI="../keys/0"' in text
    assert f"/media/{video.id}/1/720p/00000.m4s" in text
    assert "{" not in text
    assert gzip.decompress(playlist.gzipped) == playlist.plain


def test_an_unknown_rendition_is_not_found_and_found_once_it_exists() -> None:
    video = factories.make_ready_video()
    with pytest.raises(NotFound):
        manifests.media_playlist(video.id, 1, "480p")
    factories.make_rendition(video, "480p")
    assert b"480p/00000.m4s" in manifests.media_playlist(video.id, 1, "480p").plain


def test_captions_of_an_unknown_language_are_not_found() -> None:
    with pytest.raises(NotFound):
        manifests.caption_file(uuid.uuid4(), "en")
