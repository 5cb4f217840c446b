"""Clients: the network a limit counts by, and what is kept of a user agent."""

import pytest

from app.domain.accounts.clients import UNKNOWN_NETWORK, ClientInfo

pytestmark = pytest.mark.no_database


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", UNKNOWN_NETWORK),
        (None, UNKNOWN_NETWORK),
        ("not an address", UNKNOWN_NETWORK),
    ],
)
def test_neighbours_share_a_network(ip: str | None, network: str) -> None:
    assert ClientInfo.of(ip, "tests").network == network


def test_address_that_is_none_is_not_kept() -> None:
    assert ClientInfo.of("unix:", "tests").ip is None


def test_user_agent_is_cut_and_cleaned() -> None:
    client = ClientInfo.of("127.0.0.1", "Fire\0fox\n" + "x" * 1000)
    assert client.user_agent.startswith("Firefoxxx")
    assert len(client.user_agent) == 400
