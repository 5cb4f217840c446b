"""What Prometheus reads: the figures of all processes of this host, to who may see them."""

import hmac
from typing import cast

from flask import Flask, Response, current_app
from flask.blueprints import BlueprintSetupState
from prometheus_client import Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from app import metrics
from app.current import settings
from app.database import db
from app.direct import RestingPool
from app.domain.accounts.models import Role
from app.domain.accounts.second_factor import is_required
from app.errors import NotFound
from app.web import bearer
from app.web.access import viewer
from app.web.live_figures import LiveFigures
from app.web.machine_figures import MachineFigures
from app.web.pages import blueprint

FIGURES = "figures"


class _Collected:
    """What generate_latest takes for a registry: families that were collected already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        """Return the families."""
        return self._families


@blueprint.get("/metrics", endpoint="metrics")
def show() -> Response:
    """Return all figures as text; to strangers there is nothing here."""
    if not may_read(Role.ADMIN):
        raise NotFound
    live, machine = current_app.extensions[FIGURES]
    families = [*metrics.collect(), *live.families(), *machine.families()]
    answer = Response(generate_latest(_Collected(families)), content_type=CONTENT_TYPE_LATEST)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def may_read(*roles: Role) -> bool:
    """Whether METRICS_TOKEN is shown, or one of `roles` asks; the token needs no database."""
    shown = bearer.token()
    if shown is not None:
        wanted = settings.metrics_token
        return bool(wanted) and hmac.compare_digest(shown.encode(), wanted.encode())
    person = viewer()
    if person is None or person.role not in roles:
        return False
    return person.second_factor_added_at is not None or not is_required(person.role)


def _prepare(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    known = app.extensions["settings"]
    app.extensions[FIGURES] = (LiveFigures(known), MachineFigures(known))
    metrics.sample_with(lambda: _sample_pool(app))


def _sample_pool(app: Flask) -> None:
    with app.app_context():
        pool = cast(RestingPool, db.engine.pool)
        metrics.pool_connections.labels("in_use").set(pool.in_use())
        metrics.pool_connections.labels("allowed").set(pool.size())


blueprint.record_once(_prepare)
