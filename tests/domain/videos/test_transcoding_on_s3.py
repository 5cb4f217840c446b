"""A transcode whose source and output lie in a bucket: fetched, stored, fetched back, verified."""

import dataclasses
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask

from app.config import load_settings
from app.current import integrations, settings
from app.domain.videos import encryption, playlists, transcoding
from app.domain.videos.generations import Publication, Work
from app.domain.videos.transcoding import Progress
from app.integrations.s3_storage import S3Storage
from tests.support.media import make_source
from tests.support.s3_server import s3_server


def test_a_bucket_serves_as_well_as_a_directory(
    app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = make_source(tmp_path / "a.mp4", seconds=5, size="320x240", rate="15")
    (tmp_path / "s3").mkdir()
    published: list[Publication] = []

    def tell(step: Progress | Publication) -> None:
        if isinstance(step, Publication):
            published.append(step)

    with s3_server(tmp_path / "s3") as server:
        environment = {"DATABASE_URL": "postgresql://unused", **server.environment}
        storage = S3Storage(load_settings(environment))
        whole = app.extensions["integrations"]
        monkeypatch.setitem(
            app.extensions, "integrations", dataclasses.replace(whole, storage=storage)
        )
        storage.put_file("sources/a/source.mp4", source, "video/mp4")
        work = Work(uuid4(), 1, 1, "sources/a/source.mp4", is_served=False, published={}, keys={})
        transcoding.run(work, tell)

        assert [len(made.renditions) for made in published] == [2, 1]
        segment = playlists.read_segments(published[1].renditions[0].playlist)[1]
        with integrations.storage.open(f"{work.prefix}/{segment.name}") as stored:
            ciphertext = stored.read()
        assert b"moof" in encryption.decrypt(ciphertext, published[1].keys[0], segment.iv)
        assert len(storage.list_keys(work.prefix)) == 3 * (2 + 1) + 2
    assert list((settings.data_dir / transcoding.WORK_FOLDER).iterdir()) == []
