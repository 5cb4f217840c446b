"""Many at once: threads that start together, in an application with a connection for each."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from threading import Barrier
from typing import TypeVar

from flask import Flask

from app.database import db
from tests.support.apps import made_app

AT_ONCE = 50
Result = TypeVar("Result")


@contextmanager
def crowded(environment: dict[str, str], database_url: str, directory: Path) -> Iterator[Flask]:
    """Give an application on a database of its own, in which commits are real."""
    values = {"DATABASE_URL": database_url, "DATABASE_POOL_SIZE": str(AT_ONCE + 2)}
    with made_app({**environment, **values, "DATA_DIR": str(directory)}) as app, app.app_context():
        yield app


def together(app: Flask, works: Sequence[Callable[[], Result]]) -> list[Result]:
    """Do `works` by fifty threads that start at once, each work committed; return what came."""
    threads = min(AT_ONCE, len(works))
    barrier = Barrier(threads)

    def run(number: int) -> list[Result]:
        barrier.wait(timeout=60)
        results = []
        for work in works[number::threads]:
            with app.app_context():
                results.append(work())
                db.session.commit()
        return results

    db.session.remove()
    with ThreadPoolExecutor(threads) as pool:
        return list(chain.from_iterable(pool.map(run, range(threads))))
