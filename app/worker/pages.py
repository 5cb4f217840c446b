"""The job that empties nginx's page cache: which addresses show what has changed."""

import logging
from urllib.parse import quote

from app.current import integrations
from app.database import db
from app.domain.courses.catalog import list_listed
from app.domain.courses.categories import list_categories
from app.integrations.page_cache import PageCacheUnavailable
from app.worker.retries import RunAgain

log = logging.getLogger("worker.pages")

LISTS = ("/", "/courses", "/training", "/sitemap.xml")
STANDING = ("/legal/terms", "/legal/privacy")
# Pages of further courses are a minute old at most, as every page is without this.
MOST_COURSES = 500


def refresh(slug: str | None) -> int:
    """Empty the cache of what lists courses and of one course's page, or of every page.

    Return how many addresses that were. Raises RunAgain while nginx does not answer.
    """
    paths = [*LISTS, *_shelves()]
    if slug is not None:
        paths.append(_course(slug))
    else:
        paths += STANDING
        paths += [_course(listed) for listed, _ in list_listed(MOST_COURSES)]
    db.session.rollback()  # no transaction waits for nginx
    try:
        return integrations.page_cache.empty(paths)
    except PageCacheUnavailable as error:
        log.warning("pages may be old for a minute: %s", error)
        raise RunAgain(str(error)) from error


def _shelves() -> list[str]:
    shelves = list_categories(include_empty=True)
    return [f"/courses/category/{quote(shelf.slug)}" for shelf in shelves]


def _course(slug: str) -> str:
    return f"/courses/{quote(slug)}"
