"""The transcoder that runs ffmpeg: its command lines and what is read off their results."""

from app.config import Settings


class FfmpegTranscoder:
    """Runs ffmpeg and the probe, each in a sandboxed process of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
