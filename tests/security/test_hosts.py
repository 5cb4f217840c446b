"""Threat 12: neither a Host header nor a forwarded one makes this site somebody else's."""

from collections.abc import Iterator

import pytest
from flask import Flask, request

from tests.support.apps import made_app
from tests.support.client import CheckedClient

TRUSTED = {
    "PUBLIC_BASE_URL": "https://school.example",
    "TRUSTED_HOSTS": "school.example,www.school.example",
}


@pytest.fixture(scope="module")
def hosted_app(environment: dict[str, str], database_url: str) -> Iterator[Flask]:
    """The application as it answers for two names, behind one proxy."""
    values = {**environment, **TRUSTED, "DATABASE_URL": database_url, "TRUSTED_PROXIES": "1"}
    with made_app(values) as app:
        yield app


@pytest.mark.parametrize("host", ["school.example", "www.school.example"])
def test_own_names_are_answered(hosted_app: Flask, host: str) -> None:
    client = hosted_app.test_client()
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "school.example.evil.example", "127.0.0.1", "", "school.example:1@x"]
)
@pytest.mark.parametrize("path", ["/", "/auth/sign-in", "/api/courses", "/dashboard"])
def test_other_names_are_refused(hosted_app: Flask, host: str, path: str) -> None:
    response = hosted_app.test_client().get(path, headers={"Host": host})
    assert response.status_code == 400
    assert "evil" not in response.text
    assert "Set-Cookie" not in response.headers


def test_a_forwarded_host_is_not_believed(hosted_app: Flask) -> None:
    """Only address and scheme are taken from the proxy."""
    headers = {"Host": "school.example", "X-Forwarded-Host": "evil.example"}
    response = hosted_app.test_client().get("/dashboard", headers=headers)
    assert "evil" not in response.headers["Location"]


def test_the_address_of_the_one_proxy_is_believed_and_no_further(hosted_app: Flask) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https"}
    with hosted_app.test_request_context("/", headers={"Host": "school.example", **headers}) as ctx:
        environ = dict(ctx.request.environ)
    seen: list[str] = []

    def answer(environ: dict[str, object], start: object) -> list[bytes]:
        seen.append(str(environ["REMOTE_ADDR"]))
        return []

    proxy = hosted_app.wsgi_app
    assert hasattr(proxy, "app"), "TRUSTED_PROXIES=1 must put ProxyFix in front"
    inner, proxy.app = proxy.app, answer
    try:
        hosted_app.wsgi_app(environ, lambda *_: None)
    finally:
        proxy.app = inner
    assert seen == ["198.51.100.7"]


def test_without_a_proxy_forwarded_addresses_are_ignored(app: Flask, client: CheckedClient) -> None:
    """Otherwise every client could pick the bucket that its tries are counted in."""
    with app.test_request_context("/", headers={"X-Forwarded-For": "203.0.113.9"}):
        assert request.remote_addr != "203.0.113.9"
    body = {"email": "nobody@example.com", "password": "wrong-wrong-wrong"}
    for number in range(10):
        headers = {"X-Forwarded-For": f"203.0.{number}.1"}
        assert client.post("/api/auth/login", json=body, headers=headers).status_code == 401
    response = client.post(
        "/api/auth/login", json=body, headers={"X-Forwarded-For": "198.51.100.1"}
    )
    assert response.status_code == 429
