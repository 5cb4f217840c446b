"""What a job raised, kept for people: its kind and its first words, less what is nobody's business.

The worker writes it on a connection of its own, because the job's transaction is gone by then.
"""

import re

MAX_LENGTH = 500
NOTE = """
INSERT INTO procrastinate_job_errors (job_id, kind, message)
SELECT id, %(kind)s, %(message)s FROM procrastinate_jobs WHERE id = %(job_id)s
ON CONFLICT (job_id) DO UPDATE
SET kind = excluded.kind, message = excluded.message, raised_at = now()
"""

_ADDRESS = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)*")
_AFTER_URL = re.compile(r"(https?://[^\s?#'\"]+)[?#][^\s'\"]*")
_LOGIN_IN_URL = re.compile(r"(\w+://)[^\s/@]+@")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Tokens, keys and signatures: long, without a space, and with a digit in it.
_SECRET = re.compile(r"(?=[\w+=~-]*\d)[\w+=~-]{24,}")
_VALUES = re.compile(r"\)=\([^)]*\)")  # PostgreSQL tells which value was there already


def kind_of(error: BaseException) -> str:
    """Return what kind of error it is."""
    return type(error).__name__[:MAX_LENGTH]


def told(error: BaseException) -> str:
    """Return the first line of what an error says, without addresses, tokens and values."""
    lines = str(error).strip().splitlines()
    line = lines[0] if lines else ""
    line = _LOGIN_IN_URL.sub(r"\1…@", line)
    line = _AFTER_URL.sub(r"\1?…", line)
    line = _VALUES.sub(")=(…)", line)
    line = _ADDRESS.sub("…@…", line)
    line = _SECRET.sub(lambda found: found[0] if _UUID.fullmatch(found[0]) else "…", line)
    return "".join(sign if sign.isprintable() else " " for sign in line)[:MAX_LENGTH]
