"""Every endpoint that a program may ask for says what an API key needs there."""

from flask import Flask

from app.web.bearer import KEY_PATHS
from app.web.scopes import COOKIE_ONLY, OPEN, SCOPES

GROUPS = {"SCOPES": set(SCOPES), "COOKIE_ONLY": set(COOKIE_ONLY), "OPEN": set(OPEN)}


def _asked_by_programs(app: Flask) -> set[str]:
    return {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith(KEY_PATHS)}


def test_every_endpoint_is_in_exactly_one_group(app: Flask) -> None:
    places = {
        endpoint: [name for name, group in GROUPS.items() if endpoint in group]
        for endpoint in _asked_by_programs(app)
    }
    wrong = {endpoint: groups for endpoint, groups in places.items() if len(groups) != 1}
    assert wrong == {}, "put each into one of app/web/scopes.py"


def test_no_group_names_what_is_not_there(app: Flask) -> None:
    assert set().union(*GROUPS.values()) - _asked_by_programs(app) == set()
