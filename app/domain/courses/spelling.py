"""Typing mistakes: the words of the catalog's titles that are nearest to what was typed."""

import re
from difflib import get_close_matches

from sqlalchemy import func, select, union_all

from app.database import db
from app.domain.courses.models import Course, CourseStatus

MAX_WORDS = 6
MIN_LETTERS = 3
# How alike two spellings are, 0-1: pg_trgm's measure picks titles, difflib's picks the word.
TRIGRAM_THRESHOLD = 0.28
CLOSE_ENOUGH = 0.7
TITLES_PER_WORD = 300

_WORD = re.compile(r"\w+")


def correct(q: str) -> list[str]:
    """Return the words to search for instead of `q`; empty when no title has anything near.

    Words begun are completed, words mistyped corrected, and words near to nothing dropped.
    """
    words = _words(q)[:MAX_WORDS]
    searchable = [word for word in words if len(word) >= MIN_LETTERS]
    if not searchable:
        return []
    vocabulary = _vocabulary(searchable)
    nearest = (_nearest(word, vocabulary) for word in words)
    return list(dict.fromkeys(word for word in nearest if word))


def _words(line: str) -> list[str]:
    return _WORD.findall(line.casefold())


def _vocabulary(words: list[str]) -> list[str]:
    # The operator that the trigram index serves takes its threshold from the transaction.
    threshold = str(TRIGRAM_THRESHOLD)
    db.session.execute(
        select(func.set_config("pg_trgm.word_similarity_threshold", threshold, True))
    )
    near = Course.title.op("%>", is_comparison=True)
    picks = [
        select(Course.title)
        .where(Course.status == CourseStatus.PUBLISHED, near(word))
        .limit(TITLES_PER_WORD)
        .subquery()
        for word in words
    ]
    titles = db.session.scalars(union_all(*(select(pick.c.title) for pick in picks)))
    return sorted({word for title in titles for word in _words(title)})


def _nearest(word: str, vocabulary: list[str]) -> str | None:
    if word in vocabulary:
        return word
    if len(word) < MIN_LETTERS:
        return None
    begun = [candidate for candidate in vocabulary if candidate.startswith(word)]
    if begun:
        return min(begun, key=len)
    return next(iter(get_close_matches(word, vocabulary, n=1, cutoff=CLOSE_ENOUGH)), None)
