"""Run as a script, never imported: limits itself, then becomes the command it was given.

    python -I -S launcher.py '{"parent": PID, "nice": N, "limits": {...}}' COMMAND ARGUMENT...

A process of its own because `preexec_fn` is not safe in a process that has threads. The command
dies with the process that started it, so a killed worker leaves no ffmpeg behind.
"""

import ctypes
import json
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Apply the limits and execute the command."""
    options = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != options["parent"]:  # the parent died before prctl could tell
        sys.exit(1)
    os.nice(options["nice"])
    for name, value in options["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606


if __name__ == "__main__":
    main()
