"""A disk that is full: a few megabytes of memory, mounted where only one process sees it."""

import os
import subprocess
import sys
from pathlib import Path

SETUP = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'


def run_on_small_disk(
    directory: Path, size: str, *command: str, environment: dict[str, str], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a Python command with `directory` on a file system of `size` (as mount takes it)."""
    # a namespace of users lets anybody mount, but takes root's reach from root
    users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return subprocess.run(
        [
            "unshare",
            *users,
            "--mount",
            "sh",
            "-ec",
            SETUP,
            "sh",
            size,
            str(directory),
            sys.executable,
            *command,
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
