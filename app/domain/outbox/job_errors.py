"""What a job raised, kept for people: its kind and its first words, less what is nobody's business.

The worker writes it on a connection of its own, because the job's transaction is gone by then.
"""

import re

from app.scrubbing import GONE, scrub

MAX_LENGTH = 500
MAX_READ = 4000  # of a first line
NOTE = """
INSERT INTO procrastinate_job_errors (job_id, kind, message)
SELECT id, %(kind)s, %(message)s FROM procrastinate_jobs WHERE id = %(job_id)s
ON CONFLICT (job_id) DO UPDATE
SET kind = excluded.kind, message = excluded.message, raised_at = now()
"""
_VALUES = re.compile(r"\)=\([^)]*\)")  # PostgreSQL tells which value was there already


def kind_of(error: BaseException) -> str:
    """Return what kind of error it is."""
    return type(error).__name__[:MAX_LENGTH]


def told(error: BaseException) -> str:
    """Return the first line of what an error says, without addresses, tokens and values."""
    lines = str(error).strip().splitlines()
    line = scrub(_VALUES.sub(f")=({GONE})", lines[0][:MAX_READ])) if lines else ""
    return "".join(sign if sign.isprintable() else " " for sign in line)[:MAX_LENGTH]
