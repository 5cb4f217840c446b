"""The shipped lectures: what the player will be given, and that the studio still makes them."""

import itertools
import re
from pathlib import Path

import av
import pytest

from app.config import load_settings
from app.demo.clips import CLIPS, LANGUAGE_LABELS, Clip
from app.demo.clips.__main__ import PRODUCTIONS
from app.demo.clips.canvas import Canvas, Font, Span
from app.demo.clips.narration import narrate, webvtt
from app.demo.clips.voice import SAMPLE_RATE, Voice, write_wav
from app.domain.videos.ladder import choose
from app.integrations.ffmpeg_transcoder import FfmpegTranscoder

pytestmark = pytest.mark.no_database

MAX_BYTES = 2_500_000
CUE = re.compile(
    r"^(\d\d):(\d\d):(\d\d\.\d{3}) --> (\d\d):(\d\d):(\d\d\.\d{3})$(?=\n[^\n])", re.MULTILINE
)
every_clip = pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS.keys())


def _cues(captions: str) -> list[tuple[float, float]]:
    def seconds(hours: str, minutes: str, rest: str) -> float:
        return int(hours) * 3600 + int(minutes) * 60 + float(rest)

    return [(seconds(*times[:3]), seconds(*times[3:])) for times in CUE.findall(captions)]


@every_clip
def test_clip_probes_as_promised(clip: Clip) -> None:
    with av.open(str(clip.path)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.width, picture.height) == (clip.width, clip.height) == (1280, 720)
        assert picture.average_rate == clip.frame_rate
        assert picture.codec_context.name == "h264"
        assert picture.codec_context.pix_fmt == "yuv420p"
        assert sound.codec_context.name == "aac"
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(clip.duration_seconds, abs=0.05)
    assert 60 <= clip.duration_seconds <= 90
    assert clip.path.stat().st_size <= MAX_BYTES


@every_clip
def test_picture_moves_in_every_stretch_of_ten_seconds(clip: Clip) -> None:
    with av.open(str(clip.path)) as container:
        changes = [0.0] * (clip.duration_seconds // 10)
        previous: bytes | None = None
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for index, frame in enumerate(container.decode(stream)):
            if index % (clip.frame_rate // 2):
                continue
            small = bytes(frame.reformat(width=64, height=36, format="gray").planes[0])
            stretch = int(index / clip.frame_rate / 10)
            if previous is not None and stretch < len(changes):
                difference = sum(abs(a - b) for a, b in zip(previous, small, strict=True))
                changes[stretch] = max(changes[stretch], difference / len(small))
            previous = small
    assert min(changes) > 0.1, changes  # a still picture stays below 0.02


@every_clip
def test_voice_speaks_quietly_and_pauses_between_sentences(clip: Clip) -> None:
    cues = _cues(clip.captions("en"))
    levels: list[float] = []  # root mean square of each tenth of a second, 0-1
    with av.open(str(clip.path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
        pcm = b"".join(
            bytes(part.planes[0])[: part.samples * 2]
            for frame in container.decode(audio=0)
            for part in resampler.resample(frame)
        )
    samples = memoryview(pcm).cast("h")
    for start in range(0, len(samples) - 800, 800):
        chunk = samples[start : start + 800]
        levels.append((sum(value * value for value in chunk) / 800) ** 0.5 / 32768)
    speaking = [max(levels[int(start * 10) : int(end * 10)]) for start, end in cues]
    assert min(speaking) > 0.02
    assert max(levels) < 0.3
    for (_, end), (start, _) in itertools.pairwise(cues):
        between = levels[round(end * 10) : int(start * 10)]
        assert not between or min(between) < 0.01


@every_clip
def test_captions_are_in_order_and_end_within_the_clip(clip: Clip) -> None:
    assert "en" in clip.languages
    for language in clip.languages:
        captions = clip.captions(language)
        cues = _cues(captions)
        assert captions.startswith("WEBVTT\n")
        assert len(cues) == captions.count("-->") >= 10
        assert all(start < end for start, end in cues)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(cues))
        assert cues[-1][1] <= clip.duration_seconds
        assert language in LANGUAGE_LABELS


@every_clip
def test_every_language_has_the_same_cue_times(clip: Clip) -> None:
    times = {tuple(_cues(clip.captions(language))) for language in clip.languages}
    assert len(times) == 1


def test_demo_shows_both_kinds_of_ladder(tmp_path: Path) -> None:
    transcoder = FfmpegTranscoder(load_settings({"DATABASE_URL": "postgresql:///unused"}))
    kinds = {}
    for clip in CLIPS.values():
        info = transcoder.probe(clip.path)
        kinds[clip.key] = choose(info, transcoder.sample(clip.path, info, tmp_path)).is_screen
    assert kinds == {"welcome": True, "functions": True, "coffee-stall": False}


def test_some_clip_has_amharic_captions() -> None:
    amharic = [clip for clip in CLIPS.values() if "am" in clip.languages]
    assert amharic
    assert all(re.search(r"[\u1200-\u137f]", clip.captions("am")) for clip in amharic)


@pytest.mark.parametrize("production", PRODUCTIONS, ids=lambda production: production.key)
def test_studio_makes_the_shipped_captions_and_length(production) -> None:
    clip = CLIPS[production.key]
    narration = narrate(production.lines, production.tempo)
    assert narration.duration == clip.duration_seconds
    assert production.frame_rate == clip.frame_rate
    for language in clip.languages:
        assert webvtt(narration, language) == clip.captions(language)


@pytest.mark.parametrize("production", PRODUCTIONS, ids=lambda production: production.key)
def test_scene_draws_from_beginning_to_end(production) -> None:
    narration = narrate(production.lines, production.tempo)
    events = production.draw(narration).events
    ends = [event.split(",")[2] for event in events]
    minutes, seconds = divmod(narration.duration, 60)
    assert max(ends) == f"0:{minutes:02d}:{seconds:02d}.00"
    assert len(events) > 100


def test_every_frame_text_uses_a_vendored_font() -> None:
    folder = Path(__file__).parents[2] / "app/demo/clips/fonts"
    bytes_of_all = b"".join(path.read_bytes() for path in folder.glob("*.ttf"))
    for font in Font:
        assert font.family.encode("utf-16-be") in bytes_of_all


def test_commands_in_a_text_are_shown_and_not_obeyed() -> None:
    canvas = Canvas()
    canvas.text((0, 0), "{\\an5}f{x}", Font.MONO, 20, "#FFFFFF", Span(0, 1))
    shown = canvas.events[0].split("}", 1)[1]
    assert "\\an5" not in shown
    assert shown.startswith("\\{")


def test_same_voice_says_the_same_thing_twice(tmp_path: Path) -> None:
    narration = narrate(PRODUCTIONS[0].lines[:1])
    paths = [tmp_path / "one.wav", tmp_path / "two.wav"]
    for path in paths:
        write_wav(narration, Voice(pitch_hz=120, tract=1.0, seed=1), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].stat().st_size == 44 + narration.duration * SAMPLE_RATE * 2
