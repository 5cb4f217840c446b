"""`flask static publish`: what nginx serves by itself, release by release."""

import gzip
import os
from pathlib import Path

import pytest
from flask import Flask

from app.cli.static import KEPT_RELEASES, publish
from app.web.templating import STATIC, release_of

pytestmark = pytest.mark.no_database


def test_the_files_lie_where_the_pages_say(app: Flask, tmp_path: Path) -> None:
    done = app.test_cli_runner().invoke(args=["static", "publish", str(tmp_path)])
    assert done.exit_code == 0, done.output
    with app.test_request_context():
        address = app.jinja_env.globals["asset"]("css/tokens.css")  # type: ignore[operator]
    published = tmp_path / address.lstrip("/")
    assert published.read_bytes() == (STATIC / "css/tokens.css").read_bytes()
    packed = published.with_name("tokens.css.gz")
    assert gzip.decompress(packed.read_bytes()) == published.read_bytes()
    assert packed.stat().st_mtime == published.stat().st_mtime
    assert not list(tmp_path.rglob("*.woff2.gz"))


def test_everybody_may_read_them_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        published = publish(STATIC, tmp_path / "root")
    finally:
        os.umask(before)
    for path in (tmp_path / "root", published.parent, published, *published.rglob("*")):
        assert path.stat().st_mode & 0o004, path


def test_earlier_releases_stay_and_the_oldest_go(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    published = []
    for number in range(KEPT_RELEASES + 2):
        (source / "a.css").write_text(f"/* {number} */")
        published.append(publish(source, tmp_path))
        os.utime(published[-1], (number, number))
    # a rollback publishes an old one again
    (source / "a.css").write_text("/* 2 */")
    assert publish(source, tmp_path) == published[2]
    assert [path.is_dir() for path in published] == [False, False, *[True] * KEPT_RELEASES]


def test_a_run_that_was_killed_leaves_nothing_that_is_served(tmp_path: Path) -> None:
    left = tmp_path / "static" / f".{release_of(STATIC)}.1"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    publish(STATIC, tmp_path)
    assert [path.name for path in (tmp_path / "static").iterdir()] == [release_of(STATIC)]


def test_a_folder_that_cannot_be_written_is_named(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "static").write_text("")
    done = app.test_cli_runner().invoke(args=["static", "publish", str(tmp_path)])
    assert done.exit_code == 1
    assert str(tmp_path / "static") in done.output
