"""The real worker process and the clip that it is given."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.media import make_source
from tests.worker.transcoding import SEGMENTS, Workers


@pytest.fixture(scope="session")
def lecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip whose transcode takes long enough to be met in its middle."""
    path = tmp_path_factory.mktemp("source") / "long.mp4"
    return make_source(path, seconds=SEGMENTS * 4, size="640x360", rate="30")


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Workers]:
    """A function that starts `flask worker`."""
    with ExitStack() as stack:
        yield Workers(stack, tmp_path)
