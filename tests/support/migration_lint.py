"""What a migration's SQL would do to a release that serves meanwhile, or has to serve again.

Reads statements as they reached the server; `faults` names each that blocks, breaks or cannot be
tried a second time.
"""

import re
from collections.abc import Iterable, Iterator

NAME = r'(?:IF (?:NOT )?EXISTS )?(?:ONLY )?"?([\w.]+)"?'
CREATED = re.compile(rf"^CREATE (?:UNLOGGED )?TABLE {NAME}", re.IGNORECASE)
ALTERED = re.compile(rf"^ALTER TABLE {NAME} (.*)", re.IGNORECASE | re.DOTALL)
INDEXED = re.compile(rf"^CREATE (?:UNIQUE )?INDEX (CONCURRENTLY )?{NAME} ON {NAME}", re.IGNORECASE)
OUTSIDE = re.compile(r"\bCONCURRENTLY\b|\bVALIDATE CONSTRAINT\b", re.IGNORECASE)
LOOSENED = re.compile(r'^DROP CONSTRAINT (?:IF EXISTS )?"?(?:ck|fk)_', re.IGNORECASE)
VOLATILE = re.compile(
    r"\b(?:gen_random_uuid|random|clock_timestamp|nextval|uuid_generate_v4|uuidv7)\(", re.IGNORECASE
)
# What takes something away: fine once no release in use needs it.
TAKES_AWAY = re.compile(
    r"^DROP (?:TABLE|COLUMN|CONSTRAINT|VIEW|FUNCTION|TYPE|TRIGGER|SEQUENCE|INDEX)\b"
    r"|^RENAME\b|^ALTER (?:COLUMN )?\S+ (?:SET DATA )?TYPE\b|^ALTER (?:COLUMN )?\S+ SET NOT NULL",
    re.IGNORECASE,
)
# What blocks, and the remedy.
BLOCKS = (
    (r"^LOCK\b", "locks a table"),
    (r"^(?:TRUNCATE|CLUSTER|VACUUM FULL)\b", "rewrites a table"),
    (r"^REINDEX(?!.*CONCURRENTLY)", "blocks writers; REINDEX CONCURRENTLY"),
    (r"^(?:UPDATE|DELETE|INSERT)\b", "moves data; a job does that in batches"),
    (r"^DROP INDEX (?!CONCURRENTLY)", "blocks readers; online.drop_index"),
)


def _plain(statement: str) -> str:
    """Return a statement on one line, without comments."""
    bare = re.sub(r"--[^\n]*|/\*.*?\*/", " ", statement, flags=re.DOTALL)
    return re.sub(r"\s+", " ", bare).strip().rstrip(";")


def _column_faults(action: str) -> Iterator[str]:
    if not re.match(r"ADD COLUMN\b", action, re.IGNORECASE):
        return
    has_default = re.search(r"\bDEFAULT\b", action, re.IGNORECASE)
    if re.search(r"\bNOT NULL\b", action, re.IGNORECASE) and not has_default:
        yield "an older release could insert no more: NOT NULL without a default"
    if VOLATILE.search(action) or re.search(r"\bSERIAL\b|\bGENERATED\b", action, re.IGNORECASE):
        yield "rewrites the table: a default that differs by row"
    if re.search(r"\b(?:UNIQUE|PRIMARY KEY)\b", action, re.IGNORECASE):
        yield "builds an index under a lock: add it with online.create_index"


def _constraint_faults(action: str) -> Iterator[str]:
    if not re.match(r"ADD (?:CONSTRAINT\b|CHECK|UNIQUE|FOREIGN|PRIMARY)", action, re.IGNORECASE):
        return
    if re.search(r"\b(?:UNIQUE|PRIMARY KEY)\b", action, re.IGNORECASE):
        if not re.search(r"\bUSING INDEX\b", action, re.IGNORECASE):
            yield "builds an index under a lock: online.create_index"
    elif not re.search(r"\bNOT VALID$", action, re.IGNORECASE):
        yield "reads the table under a lock: online.add_constraint"


def _actions(text: str) -> list[str]:
    """Return the comma-separated actions of one ALTER TABLE."""
    return re.split(r", (?=(?:ADD|DROP|ALTER|RENAME|VALIDATE)\b)", text)


def _judged(statement: str, made: set[str], contracts: bool) -> Iterator[str]:
    altered, indexed = ALTERED.match(statement), INDEXED.match(statement)
    if altered and altered[1] not in made:
        for action in _actions(altered[2]):
            yield from _column_faults(action)
            yield from _constraint_faults(action)
            if TAKES_AWAY.search(action) and not LOOSENED.match(action) and not contracts:
                yield "takes something away: say `contract = ...`, one release after the last use"
    elif indexed and indexed[3] not in made and not indexed[1]:
        yield "blocks writers: online.create_index"
    elif not altered and TAKES_AWAY.search(statement) and not contracts:
        yield "takes something away: say `contract = ...`, one release after the last use"
    for pattern, why in BLOCKS:
        if re.match(pattern, statement, re.IGNORECASE):
            yield why


def _cannot_be_repeated(statement: str) -> bool:
    is_made = re.match(r"^CREATE (?:UNLOGGED )?TABLE\b|^CREATE (?:UNIQUE )?INDEX", statement)
    is_added = re.search(r"\bADD COLUMN\b", statement, re.IGNORECASE)
    return bool((is_made or is_added) and "IF NOT EXISTS" not in statement.upper())


def faults(statements: Iterable[str], *, contracts: bool = False) -> list[str]:
    """Return what is wrong with a migration of these statements; `contracts` when it says so."""
    plain = [_plain(statement) for statement in statements]
    plain = [each for each in plain if "alembic_version" not in each]
    made = {found[1] for each in plain if (found := CREATED.match(each))}
    wrong = [f"{why}: {each[:90]}" for each in plain for why in _judged(each, made, contracts)]
    if any(OUTSIDE.search(each) for each in plain):
        # Statements outside of a transaction commit what came before; an attempt cut short
        # afterwards begins again with the first.
        again = "a second attempt would fail: IF NOT EXISTS"
        wrong += [f"{again}: {each[:90]}" for each in plain if _cannot_be_repeated(each)]
    return wrong
