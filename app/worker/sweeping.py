"""What nothing refers to any more is removed: silent uploads, lost parts, orphan folders.

A crash can leave bytes without a row at any moment; nothing here relies on an orderly end. What
was written within the last day is left alone: its row may be about to be committed.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import islice

from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.checkout.personal import proofs_in_use
from app.domain.courses import stored
from app.domain.videos import upload_endings, uploads

log = logging.getLogger("worker.sweeping")
LEFT_ALONE = timedelta(days=1)
BATCH = 500


def sweep_uploads() -> int:
    """End uploads that were silent for a week and remove parts that no upload knows.

    Return how many went. Rows end before their parts go: what a crash leaves between the two
    is a part that no upload knows.
    """
    ended = upload_endings.end_silent()
    upload_endings.forget_ended()
    db.session.commit()
    for place in ended:
        uploads.forget_parts(place)
    removed = len(ended)
    for folder in sorted({*uploads.FOLDERS.values(), uploads.ARRIVALS}):
        removed += _sweep_parts(folder)
    return removed


def sweep_folders() -> int:
    """Remove the folders of the storage that belong to no row; return how many."""
    removed = 0
    for prefix, in_use in stored.IN_USE.items():
        removed += _sweep(prefix, integrations.storage.list_folders(prefix), in_use)
    for prefix, in_use_within in WITHIN.items():
        for name in integrations.storage.list_folders(prefix):
            inner = f"{prefix}/{name}"

            def in_use(names: set[str], name: str = name, ask: _Within = in_use_within) -> set[str]:
                return ask(name, names)

            removed += _sweep(inner, integrations.storage.list_folders(inner), in_use)
    return removed


_Within = Callable[[str, set[str]], set[str]]
WITHIN: dict[str, _Within] = {**stored.WITHIN, "proofs": proofs_in_use}


def _sweep_parts(folder: str) -> int:
    removed, oldest_kept = 0, utcnow() - LEFT_ALONE
    found = integrations.storage.uploads.list_open(folder)
    known = upload_endings.known_in_storage({each.upload for each in found})
    db.session.rollback()  # no transaction stays open across a vendor's call
    for each in found:
        if each.upload not in known and each.began_at < oldest_kept:
            integrations.storage.uploads.abort(each.key, each.upload)
            removed += 1
    return removed


def _sweep(prefix: str, names: Iterable[str], in_use: Callable[[set[str]], set[str]]) -> int:
    removed, oldest_kept = 0, utcnow() - LEFT_ALONE
    for batch in _batches(names):
        suspects = batch - in_use(batch)
        db.session.rollback()
        for name in sorted(suspects):
            changed_at = integrations.storage.changed_at(f"{prefix}/{name}")
            if changed_at is not None and changed_at >= oldest_kept:
                continue
            still_in_use = bool(in_use({name}))  # it may have come into use since
            db.session.rollback()
            if not still_in_use:
                integrations.storage.delete_prefix(f"{prefix}/{name}")
                log.info("removed what nothing refers to: %s/%s", prefix, name)
                removed += 1
    return removed


def _batches(names: Iterable[str]) -> Iterator[set[str]]:
    rest = iter(names)
    while batch := set(islice(rest, BATCH)):
        yield batch
