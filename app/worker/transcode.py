"""The transcode job: claims a video, lets the domain work, commits what it tells."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from app import metrics
from app.current import integrations
from app.database import db
from app.domain.courses import authoring
from app.domain.videos import generations, transcoding
from app.domain.videos.generations import MAX_ATTEMPTS, Publication, TooManyAttempts, Work
from app.domain.videos.models import Video
from app.domain.videos.sources import Progress, SourceProven
from app.domain.videos.transcoding import Step
from app.errors import DomainError, MediaInvalid, StorageFull, StorageUnavailable
from app.worker.estimates import Estimate
from app.worker.locks import held
from app.worker.retries import Interrupted, RunAgain

log = logging.getLogger("worker.transcode")

_REPORT_SECONDS = 1.0
_SIGN_OF_LIFE_SECONDS = 5.0
_ATTEMPT_WAIT = timedelta(seconds=30)


class _Ended(Exception):
    """The video was deleted or its transcode cancelled; `made` was stored and is not served."""

    def __init__(self, made: Publication | None = None) -> None:
        super().__init__()
        self.made = made


def transcode(video_id: UUID, should_stop: Callable[[], bool]) -> None:
    """Transcode a video to its end, or to its failure, which the video's row then tells.

    Raises Interrupted when `should_stop` turns true, RunAgain when another attempt is due.
    """
    with held(video_id):
        work = _begin(video_id)
        if work is None:
            return
        started = time.monotonic()
        try:
            transcoding.run(work, _Recorder(work, should_stop))
            metrics.transcode_seconds.observe(time.monotonic() - started)
        except Interrupted:
            generations.release(video_id)
            _commit()
            raise
        except _Ended as ended:
            _remove_unserved(work, ended.made)
        except MediaInvalid as error:
            _fail(video_id, error.code, error.detail)
        except DomainError as error:
            _fail_or_postpone(work, error.code, error.detail)
        except Exception as error:
            log.exception("transcode failed", extra={"video_id": str(video_id)})
            db.session.rollback()
            _fail_or_postpone(work, "INTERNAL_ERROR", f"{type(error).__name__}: {error}")


class _Recorder:
    """Commits what a transcode tells: every publication, and progress once a second."""

    def __init__(self, work: Work, should_stop: Callable[[], bool]) -> None:
        self._work = work
        self._should_stop = should_stop
        self._estimate = Estimate()
        self._told: Progress | None = None
        self._told_at = 0.0

    def __call__(self, step: Step) -> None:
        if self._should_stop():
            raise Interrupted
        if isinstance(step, Publication):
            self._publish(step)
        elif isinstance(step, SourceProven):
            self._go_on(generations.prove(self._work.video_id, step.sha256))
        elif self._is_due(step):
            left = self._estimate.seconds_left(step.percent, time.monotonic())
            self._go_on(
                generations.report(self._work.video_id, step.stage, int(step.percent), left)
            )
            self._told, self._told_at = step, time.monotonic()

    def _is_due(self, step: Progress) -> bool:
        """Whether to tell: what is new once a second, and that there is life now and then."""
        wait = _SIGN_OF_LIFE_SECONDS if step == self._told else _REPORT_SECONDS
        return time.monotonic() - self._told_at >= wait

    def _go_on(self, is_wanted: bool) -> None:
        _commit()
        if not is_wanted:
            raise _Ended

    def _publish(self, publication: Publication) -> None:
        names = ", ".join(rendition.name for rendition in publication.renditions)
        authoring.hold_courses(self._work.video_id)
        if not generations.publish(self._work, publication):
            db.session.rollback()
            raise _Ended(publication)
        authoring.follow_video(db.session.get_one(Video, self._work.video_id))
        _commit()
        log.info(
            "published %s of generation %d",
            names,
            self._work.generation,
            extra={"video_id": str(self._work.video_id)},
        )


def _remove_unserved(work: Work, made: Publication | None) -> None:
    """Remove from storage what this attempt stored and nobody may watch.

    What cannot be removed now is swept later.
    """
    served = generations.published_names(work)
    db.session.rollback()
    names = [rendition.name for rendition in made.renditions] if made else []
    folders = [f"{work.prefix}/{name}" for name in names if name not in served]
    with suppress(StorageFull, StorageUnavailable):
        for folder in folders if served else [work.prefix]:
            integrations.storage.delete_prefix(folder)


def _begin(video_id: UUID) -> Work | None:
    try:
        work = generations.begin(video_id)
    except TooManyAttempts:
        _fail(
            video_id,
            "WORKER_LOST",
            f"The worker was lost in each of {MAX_ATTEMPTS} attempts. "
            "The file may need more memory or time than this machine has.",
        )
        return None
    _commit()
    return work


def _fail_or_postpone(work: Work, code: str, detail: str) -> None:
    """Fail for good after the last attempt, otherwise say why and ask for another."""
    if work.attempt >= MAX_ATTEMPTS:
        _fail(work.video_id, code, detail)
        return
    generations.postpone(work.video_id, code, detail)
    _commit()
    raise RunAgain(code, _ATTEMPT_WAIT * work.attempt)


def _fail(video_id: UUID, code: str, detail: str) -> None:
    generations.fail(video_id, code, detail)
    _commit()
    metrics.transcode_failures.labels(code).inc()
    log.warning("transcode failed: %s", code, extra={"video_id": str(video_id)})


def _commit() -> None:
    """Commit and give the connection back: hours may pass until the next query."""
    db.session.commit()
    db.session.remove()
