"""How long a job still takes, told by how fast it went lately."""

from collections import deque

_WINDOW_SECONDS = 90.0
_MIN_SECONDS = 3.0
_MIN_PERCENT = 0.5


class Estimate:
    """Remembers the last minute and a half of one job's progress."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def seconds_left(self, percent: float, now: float) -> int | None:
        """Note that `percent` are done at `now`; return the seconds until all is, None if unclear.

        A slow job is looked at for longer than the window, until there is something to measure.
        """
        self._seen.append((now, percent))
        while len(self._seen) > 2 and self._is_enough(self._seen[1], now, percent):
            self._seen.popleft()
        since, before = self._seen[0]
        if now - since < _MIN_SECONDS or percent - before < _MIN_PERCENT:
            return None
        return round((100 - percent) * (now - since) / (percent - before))

    @staticmethod
    def _is_enough(seen: tuple[float, float], now: float, percent: float) -> bool:
        return now - seen[0] >= _WINDOW_SECONDS and percent - seen[1] >= _MIN_PERCENT
