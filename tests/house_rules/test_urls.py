"""Every address: kebab-case, typed, JSON only below /api/, one endpoint name one meaning."""

import re

from flask import Flask

SEGMENT = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)?")
VARIABLE = re.compile(r"<(?:(?P<converter>[a-z]+)(?:\([^)]*\))?:)?(?P<name>[a-z_]+)>")
UNTYPED = frozenset(
    {"slug", "page", "release", "name", "rung", "language", "code", "token", "filename"}
)
BLUEPRINTS = frozenset({"pages", "auth", "courses", "admin", "playback"})


def test_addresses_are_kebab_case(app: Flask) -> None:
    odd = [
        rule.rule
        for rule in app.url_map.iter_rules()
        for segment in VARIABLE.sub("", rule.rule).split("/")
        if segment.strip(".") and not SEGMENT.fullmatch(segment.strip("."))
    ]
    assert not odd


def test_addresses_do_not_end_in_a_slash(app: Flask) -> None:
    assert not [r.rule for r in app.url_map.iter_rules() if r.rule != "/" and r.rule[-1] == "/"]


def test_variables_of_addresses_are_typed(app: Flask) -> None:
    """An id has a converter, so that a wrong one is a 404 before any code runs."""
    untyped = [
        (rule.rule, match["name"])
        for rule in app.url_map.iter_rules()
        for match in VARIABLE.finditer(rule.rule)
        if not match["converter"] and match["name"] not in UNTYPED
    ]
    assert not untyped


def test_every_endpoint_belongs_to_one_of_the_five_blueprints(app: Flask) -> None:
    strangers = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and rule.endpoint.split(".")[0] not in BLUEPRINTS
    }
    assert not strangers


def test_programs_are_answered_below_api_only(app: Flask) -> None:
    """DELETE, PUT and PATCH are for programs; pages know GET and POST."""
    strays = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith(("/api/", "/media/"))
        and rule.methods
        and rule.methods - {"GET", "HEAD", "OPTIONS", "POST"}
    ]
    assert not strays
