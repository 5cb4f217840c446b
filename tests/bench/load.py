"""Load by wrk: prepared requests in, throughput and latencies out."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 16
SECONDS = 2
SCRIPT = Path(__file__).with_name("requests.lua")
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


class LoadError(RuntimeError):
    """wrk is missing, or the server answered with errors; a figure would mean nothing."""


@dataclass(frozen=True)
class Request:
    """One prepared request; `body` is JSON text, `headers` are more of them."""

    method: str
    path: str
    cookie: str = ""
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def line(self) -> str:
        """Return the request as requests.lua reads it."""
        given = (*self.headers, *((("Cookie", self.cookie),) if self.cookie else ()))
        headers = "\1".join(f"{name}: {value}" for name, value in given)
        return f"{self.method}\t{self.path}\t{headers}\t{self.body}"


@dataclass(frozen=True)
class Figures:
    """What one run gave; latencies are milliseconds."""

    requests: int
    per_second: float
    p50: float
    p99: float


def _milliseconds(text: str, percent: str) -> float:
    match = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s|m)\b", text)
    if not match:
        raise LoadError(f"wrk printed no {percent}% latency:\n{text}")
    return float(match[1]) * UNITS[match[2]]


def _figures(text: str) -> Figures:
    count = re.search(r"(\d+) requests in ", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if not count or not rate:
        raise LoadError(f"wrk printed no result:\n{text}")
    if not int(count[1]):
        raise LoadError(f"wrk got no answer at all:\n{text}")
    return Figures(
        int(count[1]), float(rate[1]), _milliseconds(text, "50"), _milliseconds(text, "99")
    )


def command(url: str, requests: Sequence[Request], listing: Path, seconds: int) -> list[str]:
    """Return the command that sends `requests` round and round; they are written to `listing`."""
    if not shutil.which("wrk"):
        raise LoadError("wrk is missing; install it with: apt-get install wrk")
    listing.write_text("\n".join(request.line() for request in requests), encoding="utf-8")
    # Who waits is in the latencies; only who got no answer at all is an error.
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "--timeout", "60s"]
    return ["wrk", *options, "-s", str(SCRIPT), url, "--", str(listing)]


def run(url: str, requests: Sequence[Request], scratch: Path, seconds: int = SECONDS) -> Figures:
    """Send `requests` round and round for `seconds`. Raises LoadError when any of them failed."""
    sent = command(url, requests, scratch / "requests.tsv", seconds)
    done = subprocess.run(sent, capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise LoadError(f"{requests[0].method} {requests[0].path}:\n{done.stdout}")
    return _figures(done.stdout)
