"""Sources for transcodes, made by ffmpeg itself: small, short, and of the kind a test needs."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

from app.config import load_settings
from app.integrations.ffmpeg_transcoder import FfmpegTranscoder

# Moving texture with grain costs bits like a camera's picture; flat boxes cost few, like slides.
CAMERA = "testsrc2=s={size}:r={rate},noise=alls=20:allf=t"
SCREEN = (
    "color=c=white:s={size}:r={rate},drawgrid=w=80:h=60:t=2:c=gray,"
    "drawbox=x='mod(t*20,300)':y=40:w=60:h=20:c=navy:t=fill"
)


def transcoder_of(**environment: str) -> FfmpegTranscoder:
    """Return a transcoder with these settings."""
    return FfmpegTranscoder(load_settings({"DATABASE_URL": "postgresql://x", **environment}))


def run_ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg; raise with its words when it fails."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-nostdin", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def make_source(
    path: Path,
    *,
    seconds: float = 10.0,
    size: str = "640x360",
    rate: str = "30",
    picture: str = CAMERA,
    sound: str | None = "sine=frequency=440",
    extra: tuple[str, ...] = (),
) -> Path:
    """Write a video file at `path`, whose suffix decides its container; `sound` None is silent."""
    inputs = ["-t", str(seconds), "-f", "lavfi", "-i", picture.format(size=size, rate=rate)]
    if sound:
        inputs += ["-t", str(seconds), "-f", "lavfi", "-i", f"{sound}:sample_rate=44100"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "28", "-pix_fmt", "yuv420p"]
    run_ffmpeg(*inputs, *codecs, *(["-c:a", "aac", "-ac", "2"] if sound else []), *extra, path)
    return path
