"""Requests that are to go wrong: refused, answered late, or done and never answered."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """`status` is answered instead; with `is_after` the request is done all the same.

    Status 0 closes the connection without an answer. `path` limits it to addresses it begins.
    """

    status: int = 500
    is_after: bool = False
    path: str = "/v1/"
    delay_seconds: float = 0.0


@dataclass
class Faults:
    """What is planned; the books' lock is held by whoever plans or takes."""

    planned: list[Fault] = field(default_factory=list)

    def reset(self) -> None:
        """Plan nothing."""
        self.planned.clear()

    def plan(
        self,
        count: int,
        status: int = 500,
        path: str = "/v1/",
        delay_seconds: float = 0.0,
        *,
        is_after: bool = False,
    ) -> None:
        """Let the next `count` requests below `path` go wrong."""
        self.planned += [Fault(status, is_after, path, delay_seconds)] * count

    def take(self, path: str) -> Fault | None:
        """Return what is to go wrong with this request."""
        for fault in self.planned:
            if path.startswith(fault.path):
                self.planned.remove(fault)
                return fault
        return None
