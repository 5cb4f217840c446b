"""Where every line of the log goes."""

import sys
from contextlib import suppress


class Stderr:
    """The process's stderr, which may lead nowhere: what cannot be logged is lost, no more.

    When gunicorn's master is killed nobody reads this pipe any longer, while the workers serve on
    until others do.
    """

    def write(self, text: str) -> None:
        """Write `text`, if anybody takes it."""
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """Send what was written, if anybody takes it."""
        with suppress(OSError, ValueError):
            sys.stderr.flush()

    def isatty(self) -> bool:
        """Whether a person reads along."""
        return bool(getattr(sys.stderr, "isatty", bool)())
