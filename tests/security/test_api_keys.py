"""Threat 18: a leaked, stale or foreign API key opens little, and never an account."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from app.clock import shifted
from app.config import RequireMfa
from app.database import db
from app.domain.accounts import api_keys
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.courses.models import Course, Enrollment, Lesson
from app.errors import ConfirmationRequired
from app.web.access import SIGNED_ENDPOINTS, require_recent
from app.web.scopes import COOKIE_ONLY, OPEN, SCOPES
from tests import factories
from tests.support import keys, player
from tests.support.client import CheckedClient
from tests.support.keys import LEARNER_SCOPES, READING_SCOPES

ClientOf = Callable[[User], CheckedClient]
PAGES = ("/dashboard", "/account/api-keys", "/admin")


def test_key_and_cookie_in_one_request_are_refused(
    app: Flask, client_of: ClientOf, learner: User, outsider: User, course: Course
) -> None:
    """A page of another site cannot add its own key to somebody's cookie, or the reverse."""
    browser = client_of(learner)
    bearer = {"Authorization": f"Bearer {keys.make_key(outsider)}"}
    for answer in (
        browser.get("/api/auth/me", headers=bearer),
        browser.get("/api/courses", headers=bearer),
        browser.post(f"/api/courses/{course.slug}/enroll", json={}, headers=bearer),
        browser.get("/api/player/manifest", headers=bearer),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (400, "MIXED_CREDENTIALS")
    assert db.session.query(Enrollment).count() == 0


def test_even_a_worthless_cookie_beside_a_key_is_refused(app: Flask, learner: User) -> None:
    program = keys.client_with(app, keys.make_key(learner))
    program.set_cookie("session", "ended-long-ago")
    assert program.get("/api/auth/me").status_code == 400


@pytest.mark.parametrize("path", PAGES)
def test_no_page_takes_a_key(app: Flask, admin: User, path: str) -> None:
    """A page shows what a key has no scope for, and forms to change it."""
    token = keys.make_key(admin, tuple(Scope))
    answer = keys.client_with(app, token).get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/auth/sign-in")


def test_no_form_takes_a_key(app: Flask, learner: User, course: Course) -> None:
    program = keys.client_with(app, keys.make_key(learner))
    assert program.post(f"/courses/{course.slug}/enroll", data={}).status_code == 400
    assert db.session.query(Enrollment).count() == 0


@pytest.mark.parametrize("endpoint", sorted(COOKIE_ONLY))
def test_no_key_reaches_credentials(app: Flask, admin: User, endpoint: str) -> None:
    """Whoever finds a key must not be able to make it outlive its owner's notice."""
    program = keys.client_with(app, keys.make_key(admin, tuple(Scope)))
    for rule in app.url_map.iter_rules(endpoint):
        with app.test_request_context():
            names = dict.fromkeys(rule.arguments, "8a5c5d6e-9d55-4a51-9c0e-3f0d6a3a2c11")
            path = app.url_for(endpoint, **names)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            body = None if method == "GET" else {}
            answer = program.open(path, method=method, json=body)
            assert answer.status_code == 403, f"{method} {path}"
            assert answer.get_json()["code"] == "FORBIDDEN"


@pytest.mark.parametrize("scope", list(Scope))
def test_key_opens_what_its_scope_says_and_names_what_it_lacks(
    app: Flask, course: Course, video_lesson: Lesson, scope: Scope
) -> None:
    """Asked of an admin, whose role stands in nobody's way."""
    user = factories.make_user(Role.ADMIN)
    program = keys.client_with(app, keys.make_key(user, (scope,)))
    for endpoint, needed in SCOPES.items():
        for rule in app.url_map.iter_rules(endpoint):
            answer = _ask(app, program, rule, course)
            code = (answer.get_json(silent=True) or {}).get("code")
            if needed is scope:
                assert code not in ("SCOPE_MISSING", "SIGN_IN_REQUIRED"), endpoint
            else:
                assert (answer.status_code, code) == (403, "SCOPE_MISSING"), endpoint
                assert answer.get_json()["scope"] == needed.value


def _ask(app: Flask, program: CheckedClient, rule, course: Course):  # type: ignore[no-untyped-def]
    number = "8a5c5d6e-9d55-4a51-9c0e-3f0d6a3a2c11"
    values = {"slug": course.slug, "window": 0, "generation": 1, "rung": "360p", "sheet": 0}
    names = {name: values.get(name, number) for name in rule.arguments}
    with app.test_request_context():
        path = app.url_for(rule.endpoint, **names)
    method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"}))
    return program.open(path, method=method, json=None if method == "GET" else {})


def test_scope_does_not_reach_beyond_the_role(app: Flask, learner: User, admin: User) -> None:
    token = keys.make_key(admin, (Scope.ADMIN_READ,))
    program = keys.client_with(app, token)
    assert program.get("/api/admin/courses").status_code == 200
    admin.role = Role.LEARNER
    db.session.commit()
    assert program.get("/api/admin/courses").status_code == 403


def test_key_needs_no_browser_headers_and_is_bound_by_none(
    app: Flask, learner: User, course: Course
) -> None:
    """What no browser sends by itself cannot be made to be sent by another site."""
    program = keys.client_with(app, keys.make_key(learner))
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    path = f"/api/courses/{course.slug}/enroll"
    assert program.post(path, json={}, headers=foreign).status_code == 201
    preflight = app.test_client().options(
        path,
        headers={
            "Origin": "https://evil.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        },
    )
    assert "Access-Control-Allow-Origin" not in preflight.headers


def test_a_key_that_is_none_does_not_lift_the_cross_site_rules(app: Flask, course: Course) -> None:
    foreign = {"Origin": "https://evil.example", "Authorization": "Bearer tt_nonsense"}
    body = {"email": "a@example.com", "password": "a-long-password-1"}
    answer = app.test_client().post("/api/auth/login", json=body, headers=foreign)
    assert answer.status_code in (401, 403)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
def test_scheme_is_read_as_the_standard_says(app: Flask, learner: User, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {keys.make_key(learner)}"}
    assert app.test_client().get("/api/auth/me", headers=headers).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "tt_", "null", "a" * 4000, "tt_" + "0" * 74])
def test_noise_is_nobody_and_says_so(app: Flask, token: str) -> None:
    for path in ("/api/auth/me", "/api/courses"):
        answer = keys.client_with(app, token).get(path)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "SIGN_IN_REQUIRED")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_health_and_documentation_need_no_valid_key(app: Flask) -> None:
    program = keys.client_with(app, "tt_revoked")
    # Their permission is a signature: test_upload_abuse.py and test_webhook_forgery.py here.
    # To all but staff and METRICS_TOKEN there is no deep health.
    answers = {"pages.deep": 404, "pages.report_client_error": 422}
    for endpoint in OPEN - {"pages.ready"} - SIGNED_ENDPOINTS:
        with app.test_request_context():
            path = app.url_for(endpoint)
        method = "POST" if endpoint == "pages.report_client_error" else "GET"
        answer = program.open(path, method=method, json={} if method == "POST" else None)
        assert answer.status_code == answers.get(endpoint, 200), endpoint


def test_unknown_revoked_expired_and_suspended_look_alike(
    app: Flask, learner: User, outsider: User
) -> None:
    revoked = keys.make_key(learner)
    [view] = api_keys.list_live(learner.id)
    api_keys.revoke(learner.id, view.id)
    expired = keys.make_key(learner, days=1)
    suspended = keys.make_key(outsider)
    outsider.status = UserStatus.SUSPENDED
    db.session.commit()
    with shifted(timedelta(days=2)):
        answers = [
            keys.client_with(app, token).get("/api/auth/me").get_json()
            for token in (revoked, expired, suspended, "tt_unknown")
        ]
    for answer in answers:
        answer.pop("request_id")
    assert answers == [answers[0]] * 4
    assert answers[0]["status"] == 401


def test_key_in_the_address_is_no_key(app: Flask, learner: User) -> None:
    """Addresses end up in logs and histories."""
    token = keys.make_key(learner)
    client = app.test_client()
    for name in ("token", "access_token", "api_key", "key"):
        assert client.get(f"/api/auth/me?{name}={token}").status_code == 401


def test_playback_from_token_to_heartbeat_with_a_key(
    app: Flask, enrolled: User, video_lesson: Lesson
) -> None:
    program = keys.client_with(app, keys.make_key(enrolled, (Scope.PLAYBACK,)))
    stream = player.start(program, video_lesson).open()
    assert len(program.get(stream.addresses["key"]).data) == 16
    assert program.get(stream.addresses["segment"]).status_code == 200
    assert stream.heartbeat(1.0).status_code == 200
    [listed] = program.get("/api/playback/sessions").get_json()["items"]
    assert listed["is_this_sign_in"] is True
    assert stream.stop().status_code == 204


def test_revoking_a_key_ends_its_streams(app: Flask, enrolled: User, video_lesson: Lesson) -> None:
    program = keys.client_with(app, keys.make_key(enrolled, (Scope.PLAYBACK,)))
    stream = player.start(program, video_lesson).open()
    [view] = api_keys.list_live(enrolled.id)
    api_keys.revoke(enrolled.id, view.id)
    db.session.commit()
    for name in ("variant", "key", "segment"):
        assert program.get(stream.addresses[name]).status_code == 401, name
    assert stream.heartbeat(2.0).status_code == 401


def test_stream_of_one_key_is_closed_to_another_key_and_to_the_browser(
    app: Flask, client_of: ClientOf, enrolled: User, video_lesson: Lesson
) -> None:
    first = keys.client_with(app, keys.make_key(enrolled, (Scope.PLAYBACK,)))
    other = keys.client_with(app, keys.make_key(enrolled, (Scope.PLAYBACK,)))
    stream = player.start(first, video_lesson)
    for thief in (other, client_of(enrolled)):
        answer = thief.get(stream.answer["manifest_url"])
        assert (answer.status_code, answer.get_json()["code"]) == (401, "TOKEN_INVALID")
    stream.open()
    for thief in (other, client_of(enrolled)):
        assert thief.get(stream.addresses["key"]).status_code == 404


def test_playback_token_is_no_key(
    app: Flask, client_of: ClientOf, enrolled: User, video_lesson: Lesson
) -> None:
    stream = player.start(client_of(enrolled), video_lesson)
    program = keys.client_with(app, stream.token)
    assert program.get("/api/auth/me").status_code == 401
    assert program.get("/api/player/manifest").status_code == 401, "it wants a sign-in beside it"
    with_cookie = {"Authorization": f"Bearer {stream.token}"}
    assert stream.client.get("/api/auth/me", headers=with_cookie).status_code == 400


def test_manifest_takes_the_key_as_bearer_and_the_token_in_the_address(
    app: Flask, enrolled: User, video_lesson: Lesson
) -> None:
    program = keys.client_with(app, keys.make_key(enrolled, (Scope.PLAYBACK,)))
    stream = player.start(program, video_lesson)
    without = program.get("/api/player/manifest")
    assert (without.status_code, without.get_json()["code"]) == (401, "TOKEN_INVALID")
    assert program.get(
        "/api/player/manifest", query_string={"token": stream.token}
    ).text.startswith("#EXTM3U")


def test_reading_key_changes_nothing(app: Flask, enrolled: User, course: Course) -> None:
    program = keys.client_with(app, keys.make_key(enrolled, READING_SCOPES))
    assert program.get("/api/courses/enrolled").status_code == 200
    answer = program.post(f"/api/courses/{course.slug}/enroll", json={})
    assert answer.get_json()["scope"] == "courses:write"


def test_key_never_passes_for_a_recent_proof_of_identity(app: Flask, admin: User) -> None:
    person = api_keys.find_signed_in(keys.make_key(admin, LEARNER_SCOPES))
    assert person is not None
    with pytest.raises(ConfirmationRequired):
        require_recent(person)


def test_key_from_before_a_second_factor_was_demanded_waits_for_one(
    app: Flask, admin: User
) -> None:
    token = keys.make_key(admin, (Scope.ADMIN_READ,))
    assert keys.client_with(app, token).get("/api/admin/courses").status_code == 200
    settings = app.extensions["settings"]
    app.extensions["settings"] = settings.model_copy(update={"require_mfa": RequireMfa.STAFF})
    try:
        answer = keys.client_with(app, token).get("/api/admin/courses")
    finally:
        app.extensions["settings"] = settings
    expected = (403, "SECOND_FACTOR_SETUP_REQUIRED")
    assert (answer.status_code, answer.get_json()["code"]) == expected
