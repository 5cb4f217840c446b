"""The headers that every answer carries, errors and files included."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.apps import made_app
from tests.support.client import CheckedClient

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self' https://checkout.stripe.com; "
    "frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'"
)
EXPECTED = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ANSWERS = {
    "home": ("GET", "/", 200),
    "catalog": ("GET", "/courses", 200),
    "sign-in": ("GET", "/auth/sign-in", 200),
    "redirect to sign-in": ("GET", "/dashboard", 303),
    "no such page": ("GET", "/no-such-page", 404),
    "wrong method": ("DELETE", "/courses", 405),
    "form without token": ("POST", "/auth/sign-in", 400),
    "health": ("GET", "/api/health/live", 200),
    "catalog as JSON": ("GET", "/api/courses", 200),
    "no such program page": ("GET", "/api/no-such-thing", 404),
    "not signed in": ("GET", "/api/auth/me", 401),
    "wrong content type": ("POST", "/api/auth/login", 415),
    "preflight": ("OPTIONS", "/api/courses", 200),
    "media": ("GET", "/media/no/such/thing", 404),
}
every_answer = pytest.mark.parametrize(
    ("method", "path", "status"), ANSWERS.values(), ids=list(ANSWERS)
)


@pytest.fixture(scope="module")
def https_app(environment: dict[str, str], database_url: str) -> Iterator[Flask]:
    """The application as it is configured for a public https address."""
    values = {**environment, "DATABASE_URL": database_url}
    with made_app({**values, "PUBLIC_BASE_URL": "https://school.example"}) as app:
        yield app


def _policy_of(value: str) -> dict[str, str]:
    return dict(part.strip().split("=", 1) for part in value.split(","))


@every_answer
def test_answer_carries_the_headers(
    client: CheckedClient, method: str, path: str, status: int
) -> None:
    response = client.open(path, method=method)
    assert response.status_code == status
    assert {name: response.headers.get(name) for name in EXPECTED} == EXPECTED
    assert "X-XSS-Protection" not in response.headers
    assert "X-Powered-By" not in response.headers
    assert len(response.headers["X-Request-Id"]) >= 8


@every_answer
def test_permissions_are_denied_but_for_what_a_player_needs(
    client: CheckedClient, method: str, path: str, status: int
) -> None:
    policy = _policy_of(client.open(path, method=method).headers["Permissions-Policy"])
    allowed = {name for name, value in policy.items() if value != "()"}
    assert allowed == {"autoplay", "encrypted-media", "fullscreen", "picture-in-picture"}
    assert {policy[name] for name in allowed} == {"(self)"}
    assert {"camera", "microphone", "geolocation", "display-capture", "payment"} <= set(policy)


@every_answer
def test_nothing_is_stored_by_caches(
    client: CheckedClient, method: str, path: str, status: int
) -> None:
    """Threat 13. Only hashed static files and pages that say so may be kept by anybody."""
    caching = client.open(path, method=method).headers["Cache-Control"]
    if "public" in caching:
        assert path in ("/", "/courses", "/training", "/api/courses")
    else:
        assert "no-store" in caching


def test_transport_security_is_asked_for_over_https(https_app: Flask) -> None:
    client = https_app.test_client()
    for path in ("/", "/no-such-page", "/api/auth/me"):
        response = client.get(path, base_url="https://school.example")
        hsts = response.headers["Strict-Transport-Security"]
        assert hsts == "max-age=63072000; includeSubDomains"


def test_transport_security_is_not_asked_for_on_loopback(client: CheckedClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/").headers


def test_cookies_over_https_are_bound_to_the_host(https_app: Flask) -> None:
    """__Host- cookies need Secure, Path=/ and no Domain, or browsers drop them."""
    client = https_app.test_client()
    response = client.get("/auth/sign-in", base_url="https://school.example")
    cookies = response.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert cookie.startswith("__Host-")
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= attributes
        assert not [part for part in attributes if part.startswith("domain")]


def test_static_files_are_kept_for_a_year_under_their_release(client: CheckedClient) -> None:
    page = client.get("/").text
    address = (
        page.split('rel="stylesheet"')[0].rpartition("<link")[2]
        + page.split('rel="stylesheet"')[1].split(">")[0]
    )
    address = address.split('href="')[1].split('"')[0]
    response = client.get(address)
    assert response.status_code == 200
    assert "immutable" in response.headers["Cache-Control"]
    assert "max-age=31536000" in response.headers["Cache-Control"]
    assert "Set-Cookie" not in response.headers


def test_health_tells_outsiders_nothing_but_health(client: CheckedClient) -> None:
    for path in ("/api/health", "/api/health/live", "/api/health/ready"):
        answer = client.get(path).get_json()
        assert set(answer) == {"status", "checks"}
        assert set(answer["checks"].values()) <= {"ok", "failed"}
