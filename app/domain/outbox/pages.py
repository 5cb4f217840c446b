"""Having what is kept of pages thrown away where they change, once the change is committed."""

from app.cache import content_changed
from app.current import settings
from app.domain.outbox import jobs

REFRESH_TASK = "pages.refresh"
# Processes go by what was chosen for the site for 15 s: what nginx fetches meanwhile may be of
# before, so it is emptied again when all of them know.
ALL_KNOW_AFTER_SECONDS = 20


def refresh(slug: str | None = None) -> None:
    """Empty the application's cache, and nginx's of what lists courses and of that course's page.

    Without a slug every page shows the change. nginx is told by jobs, which are not merged: one
    that waits already may run before this transaction is committed.
    """
    content_changed()
    if not settings.page_cache_url:
        return
    jobs.enqueue(REFRESH_TASK, slug=slug)
    jobs.enqueue(REFRESH_TASK, slug=slug, delay_seconds=ALL_KNOW_AFTER_SECONDS)
