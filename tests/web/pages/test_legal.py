"""Terms and privacy: they speak of what this product really does."""

import pytest

from tests.support import html
from tests.support.client import CheckedClient


@pytest.mark.parametrize(
    ("page", "subjects"),
    [
        ("terms", ["code", "devices", "record"]),
        ("privacy", ["cookie", "30 days", "watched", "password"]),
    ],
)
def test_texts_name_what_concerns_the_reader(
    client: CheckedClient, page: str, subjects: list[str]
) -> None:
    response = client.get(f"/legal/{page}")
    text = html.parse(response.text).main.get_text(" ")  # type: ignore[union-attr]
    assert len(text.split()) > 150
    for subject in subjects:
        assert subject in text
    assert response.headers["Cache-Control"].startswith("public, max-age=60, stale")


def test_an_unknown_text_is_not_found(client: CheckedClient) -> None:
    assert client.get("/legal/imprint").status_code == 404
