"""A transcoder and a source that it can read, shared by the tests of both."""

from pathlib import Path

import pytest

from app.integrations.ffmpeg_transcoder import FfmpegTranscoder
from tests.support.media import make_source, transcoder_of


@pytest.fixture(scope="session")
def transcoder() -> FfmpegTranscoder:
    """The transcoder as the default settings make it."""
    return transcoder_of()


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera's picture with sound, 9.5 seconds at 320x180 and 30 pictures a second."""
    path = tmp_path_factory.mktemp("sources") / "camera.mp4"
    return make_source(path, seconds=9.5, size="320x180")
