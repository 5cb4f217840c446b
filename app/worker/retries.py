"""How a task tells the queue that it wants to run again, and how soon."""

from datetime import timedelta

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

MAX_RUNS = 200
_ERROR_WAIT = timedelta(seconds=30)


class RunAgain(Exception):
    """Not done; run the job again after `wait`."""

    def __init__(self, reason: str, wait: timedelta = _ERROR_WAIT) -> None:
        super().__init__(reason)
        self.wait = wait


class Interrupted(RunAgain):
    """The worker is shutting down; whoever is free goes on at once."""

    def __init__(self) -> None:
        super().__init__("the worker is shutting down", timedelta(0))


class Again(BaseRetryStrategy):
    """Runs a job again after whatever it raised; tasks bound their own attempts.

    The count here only stops a job that cannot even be begun.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when to run `job` again, or None to let it fail."""
        if job.attempts >= MAX_RUNS:
            return None
        wait = exception.wait if isinstance(exception, RunAgain) else _ERROR_WAIT
        return RetryDecision(retry_in={"seconds": int(wait.total_seconds())})
