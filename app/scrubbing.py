"""Takes out of free text what must not stay in a log, a report or a table: who, and what opens."""

import re
from collections.abc import Iterable
from itertools import chain, zip_longest

GONE = "[hidden]"
MIN_LENGTH = 6  # what is shorter stands in innocent words, too
_FRAME = re.compile(r'^ *File "[^"]*", line \d+', re.MULTILINE)
_LINK = re.compile(r"(/auth/(?:reset|verify/old-email|verify/new-email|verify)/)[^/\s\"'?#]+")
_NAMED = (
    "password|passwd|pwd|secret|token|authorization|cookie|session|signature|sig|policy|api[_-]?key"
    "|otp|totp|dsn|email"
)
_RULES = (
    # a password in an address of a server
    (re.compile(r"(://)[^\s/@\"']+@"), rf"\1{GONE}@"),
    # query strings carry tokens, signatures and what people search for
    (re.compile(r"\?[\w%.~\[\]&-]+=[^\s\"'<>]*"), f"?{GONE}"),
    (_LINK, rf"\1{GONE}"),
    # ada@example.com, also percent-encoded
    (re.compile(r"[^\s\"'<>()\[\]{},;:=/\\]{1,320}(?:@|%40)[\w-]+(?:\.[\w-]+)+"), GONE),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {GONE}"),
    (
        re.compile(
            rf"\b((?:\w*[_-])?(?:{_NAMED}))([\"']?\s*[:=]\s*)(?:[\"'][^\"']*[\"']|[^\s\"',;)}}\]]+)",
            re.IGNORECASE,
        ),
        rf"\1\2{GONE}",
    ),
    (re.compile(r"\b(?:sk|rk|whsec)_\w+"), GONE),
    # JSON Web Tokens and what else three dots hold together
    (re.compile(r"\beyJ[\w-]+(?:\.[\w-]+)+"), GONE),
    # anything long and random; numbers of rows (UUIDs) and long names stay
    (
        re.compile(
            r"(?<![\w-])(?![0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-]))"
            r"(?:(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{32,}|(?=[a-z]*\d)[a-z0-9]{32,})"
        ),
        GONE,
    ),
)


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without addresses of people, tokens, keys, query strings and `secrets`.

    Of a traceback the lines that say where something happened stay as they are.
    """
    wanted = sorted({each for each in secrets if len(each) >= MIN_LENGTH}, key=len, reverse=True)
    frames = _FRAME.findall(text)
    parts = (_scrubbed(part, wanted) for part in _FRAME.split(text))
    return "".join(chain.from_iterable(zip_longest(parts, frames, fillvalue="")))


def _scrubbed(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, GONE)
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
