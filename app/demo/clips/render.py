"""Turns a drawn canvas and a narration into the shipped files: an MP4 and its WebVTT captions."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg

from app.demo.clips.canvas import Canvas
from app.demo.clips.narration import Line, Narration, narrate, webvtt
from app.demo.clips.voice import Voice, write_wav

FONTS = Path(__file__).parent / "fonts"
SIZE = (1280, 720)
# A small room around the voice, and its harshest overtones rounded off.
AUDIO_FILTER = "lowpass=f=6000,aecho=0.9:0.9:19|41:0.10|0.06,aresample=48000"


@dataclass(frozen=True)
class Production:
    """How one clip is made; `picture` gives the filters between the stage and the encoder."""

    key: str
    lines: tuple[Line, ...]
    draw: Callable[[Narration], Canvas]
    voice: Voice
    tempo: float
    background: str
    frame_rate: int
    crf: int
    picture: Callable[[Narration], str] = lambda _: "null"


def produce(production: Production, folder: Path) -> None:
    """Write `<key>.mp4` and `<key>.<language>.vtt` into `folder`. Raises CalledProcessError."""
    narration = narrate(production.lines, production.tempo)
    languages = ("en", "am") if production.lines[0].amharic else ("en",)
    for language in languages:
        captions = webvtt(narration, language)
        (folder / f"{production.key}.{language}.vtt").write_text(captions, encoding="utf-8")
    canvas = production.draw(narration)
    with TemporaryDirectory() as name:
        work = Path(name)
        (work / "stage.ass").write_text(canvas.document(), encoding="utf-8")
        write_wav(narration, production.voice, work / "voice.wav")
        subprocess.run(
            _command(production, canvas, narration, folder / f"{production.key}.mp4"),
            check=True,
            cwd=work,
        )


def _command(
    production: Production, canvas: Canvas, narration: Narration, target: Path
) -> list[str]:
    source = (
        f"color=c={production.background}:s={canvas.width}x{canvas.height}"
        f":r={production.frame_rate}:d={narration.duration}"
    )
    picture = (
        f"format=gbrp,ass=stage.ass:fontsdir={FONTS.resolve()},{production.picture(narration)},"
        f"scale={SIZE[0]}:{SIZE[1]}:out_color_matrix=bt709:out_range=tv,format=yuv420p"
    )
    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-v", "error", "-y"),
        *("-f", "lavfi", "-i", source),
        *("-i", "voice.wav"),
        *("-vf", picture, "-af", AUDIO_FILTER),
        *("-c:v", "libx264", "-preset", "slow", "-crf", str(production.crf), "-profile:v", "high"),
        *("-g", str(production.frame_rate * 8)),
        *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
        *("-c:a", "aac", "-b:a", "64k", "-ac", "1"),
        *("-t", str(narration.duration), "-map_metadata", "-1", "-fflags", "+bitexact"),
        str(target.resolve()),
    ]
