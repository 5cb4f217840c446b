"""A device is named so that its owner recognises it."""

import pytest

from app.domain.playback.devices import name_of

pytestmark = pytest.mark.no_database

CHROME = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (CHROME, "Chrome on Android"),
        (EDGE, "Edge on Windows"),
        (IPHONE, "Safari on iPhone"),
        ("curl/8.5", "Another device"),
        ("", "Another device"),
    ],
)
def test_a_user_agent_becomes_a_short_name(agent: str, name: str) -> None:
    assert name_of(agent) == name
