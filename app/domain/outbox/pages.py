"""Having nginx's page cache emptied where pages change, once the change is committed."""

from app.current import settings
from app.domain.outbox import jobs

REFRESH_TASK = "pages.refresh"
# Processes keep fragments of pages for 30 s and what was chosen for the site for 15: what nginx
# fetches meanwhile may be of before, so it is emptied again when all of them know.
ALL_KNOW_AFTER_SECONDS = 35


def refresh(slug: str | None = None) -> None:
    """Queue the emptying of what lists courses and, with `slug`, of that course's page.

    Without a slug every page shows the change. Jobs are not merged: one that waits already may
    run before this transaction is committed.
    """
    if not settings.page_cache_url:
        return
    jobs.enqueue(REFRESH_TASK, slug=slug)
    jobs.enqueue(REFRESH_TASK, slug=slug, delay_seconds=ALL_KNOW_AFTER_SECONDS)
