"""A primary with a streaming replica, and an application that knows of both."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask_migrate import upgrade

from app.database import db
from app.replica import Replica
from app.web.reading import EXTENSION
from tests.replica.sites import is_read, replica_of
from tests.support.apps import made_app
from tests.support.replication import Pair, replicated
from tests.support.server import ROOT, wait_until


@pytest.fixture(scope="package")
def pair() -> Iterator[Pair]:
    with replicated() as servers:
        yield servers


@pytest.fixture(scope="package")
def site(pair: Pair, environment: dict[str, str]) -> Iterator[Flask]:
    """An application with a replica; what its requests write is really committed."""
    url = pair.primary.create_database("site")
    values = {**environment, "DATABASE_URL": url, "DATABASE_REPLICA_URL": pair.standby.url_of(url)}
    with made_app(values) as app, app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        pair.catch_up()
        yield app
        replica_of(app).close()


@pytest.fixture(autouse=True)
def fresh(site: Flask, pair: Pair) -> Iterator[None]:
    """Each test begins with a replica that is there, has everything, and was not looked at."""
    db.session.remove()
    pair.catch_up()
    settings = site.extensions["settings"]
    site.extensions[EXTENSION] = Replica(settings.database_replica_url, settings.database_pool_size)
    wait_until(lambda: is_read(site), 10, "the replica is read")
    yield
    replica_of(site).close()
    if pair.standby.process.poll() is not None:
        pair.standby.start()
    pair.standby.resume()
