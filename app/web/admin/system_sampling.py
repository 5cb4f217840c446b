"""One process of a host keeps a sample of the counters every half minute, for the charts."""

import logging
import os
import platform
import time
from typing import cast

from flask import Flask
from flask.sansio.app import App
from flask.sansio.blueprints import BlueprintSetupState
from sqlalchemy.exc import SQLAlchemyError

from app import metrics
from app.database import db
from app.domain.site import samples
from app.web.admin import blueprint
from app.web.admin.system_counts import read_totals

log = logging.getLogger("metrics")
EVERY_SECONDS = 30.0


class Sampler:
    """Called every few seconds by the thread that keeps a web process's figures."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._next_at = time.monotonic() + EVERY_SECONDS / 2

    def __call__(self) -> None:
        """Keep a sample if it is time and nobody else of this host's web processes does."""
        if time.monotonic() < self._next_at or not _is_first():
            return
        self._next_at = time.monotonic() + EVERY_SECONDS
        with cast(Flask, self._app).app_context():
            try:
                take_sample()
            except SQLAlchemyError as error:
                log.warning("no sample of the figures was kept: %s", type(error).__name__)


def take_sample() -> None:
    """Keep what the counters of this host stand at, and commit."""
    samples.add(platform.node(), read_totals(metrics.collect()).pack())
    db.session.commit()


def _is_first() -> bool:
    """Whether this process is the first of the host's web processes that run."""
    web = [each for each in metrics.processes() if each.place.startswith("web-")]
    first = min(web, key=lambda each: int(each.place.partition("-")[2]), default=None)
    return first is not None and first.is_near and first.pid == os.getpid()


@blueprint.record_once
def _begin(state: BlueprintSetupState) -> None:
    metrics.sample_with(Sampler(state.app))
