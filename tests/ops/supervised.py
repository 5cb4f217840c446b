"""What supervisord itself says of its programs, asked at its socket.

`setup.sh supervisorctl` says the same and starts a shell and Python each time: too much for a test
that asks again and again.
"""

import http.client
import xmlrpc.client
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

AWAY = (OSError, http.client.HTTPException, xmlrpc.client.Error)


def _told(socket: Path) -> xmlrpc.client.ServerProxy:
    transport = SupervisorTransport(None, None, f"unix://{socket}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)


def pid_of(socket: Path, program: str = "") -> int:
    """Return the process of a program (supervisord's own without one), 0 when none runs."""
    try:
        with _told(socket) as server:
            if not program:
                return int(str(server.supervisor.getPID()))
            info: Any = server.supervisor.getProcessInfo(program)
            return int(info["pid"])
    except AWAY:
        return 0


def states_of(socket: Path) -> dict[str, str]:
    """Return the state of every program by its name; none when supervisord does not run."""
    try:
        with _told(socket) as server:
            programs: Any = server.supervisor.getAllProcessInfo()
            return {each["name"]: each["statename"] for each in programs}
    except AWAY:
        return {}
