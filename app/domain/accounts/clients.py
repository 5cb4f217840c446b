"""Where a request comes from, as far as accounts care: a network address and a user agent."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Self

MAX_USER_AGENT_LENGTH = 400
IPV4_NETWORK_BITS = 24
IPV6_NETWORK_BITS = 64
UNKNOWN_NETWORK = "unknown"


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The device at the other end. `ip` is None when it is not known (a local socket, a job)."""

    ip: str | None
    user_agent: str = ""

    @classmethod
    def of(cls, ip: str | None, user_agent: str | None) -> Self:
        """Build from what the transport says; drops what is no address or not printable."""
        address = _parse(ip)
        printable = "".join(c for c in user_agent or "" if c.isprintable())
        return cls(str(address) if address else None, printable[:MAX_USER_AGENT_LENGTH])

    @property
    def network(self) -> str:
        """Return the /24 (IPv4) or /64 (IPv6) that limits count by; all unknowns share one."""
        address = _parse(self.ip)
        if address is None:
            return UNKNOWN_NETWORK
        bits = IPV4_NETWORK_BITS if address.version == 4 else IPV6_NETWORK_BITS
        return str(ip_network(f"{address}/{bits}", strict=False))


def _parse(ip: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address((ip or "").split("%", 1)[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
