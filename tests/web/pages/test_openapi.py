"""The API's own description: how one signs in, which scope an operation needs, readable to all."""

from typing import Any

import pytest

from app.domain.accounts.api_keys import Scope
from app.web.scopes import COOKIE_ONLY, SCOPES
from tests.support import html
from tests.support.client import CheckedClient


@pytest.fixture
def operations(client: CheckedClient) -> dict[str, dict[str, Any]]:
    """Every operation by its endpoint; the last one where an endpoint has several."""
    document = client.get("/api/openapi.json").get_json()
    return {
        operation["operationId"].rpartition(".")[0]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }


def test_both_ways_to_sign_in_are_described(client: CheckedClient) -> None:
    schemes = client.get("/api/openapi.json").get_json()["components"]["securitySchemes"]
    assert (schemes["key"]["type"], schemes["key"]["scheme"]) == ("http", "bearer")
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", "session")


def test_operation_names_the_scope_it_needs(operations: dict[str, dict[str, Any]]) -> None:
    token = operations["playback.create_token"]["security"]
    assert token == [{"session": []}, {"key": ["playback"]}]
    courses = operations["courses.list_courses"]["security"]
    assert courses == [{}, {"key": ["courses:read"]}]
    assert operations["auth.create_api_key"]["security"] == [{"session": []}]
    assert operations["pages.health"]["security"] == []


def test_every_scope_of_the_table_is_in_the_document(
    operations: dict[str, dict[str, Any]],
) -> None:
    described = {
        endpoint: way["key"]
        for endpoint, operation in operations.items()
        for way in operation["security"]
        if "key" in way
    }
    below_api = {name: [scope] for name, scope in SCOPES.items() if name in operations}
    assert described == below_api
    assert {scope for [scope] in below_api.values()} == set(Scope)
    assert not COOKIE_ONLY & set(described)


def test_manifest_says_how_a_program_sends_its_token(
    operations: dict[str, dict[str, Any]],
) -> None:
    manifest = operations["playback.manifest"]
    assert "?token=" in manifest["description"]
    assert [parameter["name"] for parameter in manifest["parameters"]] == ["token"]


def test_page_tells_people_the_scope(client: CheckedClient) -> None:
    page = html.parse(client.get("/api/docs").text)
    [token] = [
        part for part in page.select(".operation") if part["aria-label"] == "/api/playback/token"
    ]
    assert "API keys need the scope playback." in token.get_text(" ", strip=True)
