"""How many statements a request or a job sends, and how long it waits for them."""

import threading


class SqlUse:
    """What a thread has sent for the request or the job that it works for.

    Seconds by our clock, from sending to the first row: waiting for the server is in it.
    """

    __slots__ = ("count", "seconds")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin to count for another request or job."""
        self.count, self.seconds = 0, 0.0

    def add(self, seconds: float) -> None:
        """Count a statement."""
        self.count += 1
        self.seconds += seconds


class _Thread(threading.local):
    def __init__(self) -> None:
        self.use = SqlUse()


_thread = _Thread()


def sql_use() -> SqlUse:
    """Return what is counted of this thread."""
    return _thread.use
