"""A hundred thousand rows in every table that grows, made by one statement each.

In DIFFERENT `n` counts from one, and `{n}` is the id of row n of any table: the rows numbered n
belong together. What it does not mention follows from the columns' types.
"""

import os
from collections.abc import Iterator

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Computed,
    DateTime,
    Enum,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import CITEXT, JSONB
from sqlalchemy.engine import Connection

from app.database import Base
from tests.support.filling import without_indexes

ROWS = int(os.environ.get("CROWD_ROWS") or 100_000)
# Enough that reading them all would be the planner's mistake, too, where nobody comes by often.
FEWER = ROWS // 10
BUSY = {
    "audit_events",
    "course_invitations",
    "courses",
    "enrollments",
    "lesson_progress",
    "lessons",
    "login_sessions",
    "orders",
    "playback_sessions",
    "sections",
    "users",
    "videos",
    "webhook_events",
}
# A house has few of these, however many people come.
SMALL = {"categories", "content_versions", "site_choices", "transfer_methods", "coupons"}
N = "{n}"
HASH = "decode(md5({table!r} || n::text), 'hex')"
TWO_YEARS = "make_interval(secs => n * 63072000.0 / :rows)"
AGO = f"now() - {TWO_YEARS}"
LATELY = "now() - make_interval(secs => n * 2419200.0 / :rows)"  # mails stay for a month
LATER = f"now() + {TWO_YEARS}"
TEACHER = "('00000000-0000-4000-8000-' || lpad((1 + n % 1000)::text, 12, '0'))::uuid"

DIFFERENT: dict[str, dict[str, str]] = {
    "users": {
        "email": "'crowd' || n || '@example.com'",
        "name": "'Person ' || md5(n::text)",
        "role": "CASE WHEN n <= 1000 THEN 'instructor' ELSE 'learner' END",
        "deletion_due_at": f"CASE WHEN n % 1000 = 0 THEN {LATER} END",
    },
    "login_sessions": {"kind": "'browser'"},
    "videos": {
        "title": "'Film ' || md5(n::text)",
        "status": "CASE WHEN n % 500 = 0 THEN 'failed' ELSE 'ready' END",
        "generation": "1",
        "is_complete": "true",
        "uploaded_by_id": TEACHER,
    },
    "renditions": {"name": "'360p'", "generation": "1"},
    "courses": {
        "title": "substr(md5(n::text), 1, 6) || ' ' || substr(md5(n::text), 9, 6)",
        "pitch": "'About ' || substr(md5(n::text), 20, 3)",
        "description": "'It teaches ' || substr(md5(n::text), 17, 3)",
        "category_id": "(SELECT id FROM categories ORDER BY id LIMIT 1)",
        "instructor_id": TEACHER,
        "level": "(ARRAY['beginner', 'intermediate', 'advanced'])[1 + n % 3]",
        "language": "CASE WHEN n % 10 = 0 THEN 'am' ELSE 'en' END",
        "status": "CASE WHEN n % 20 = 0 THEN 'draft' ELSE 'published' END",
        "price_minor": "CASE WHEN n % 4 = 0 THEN 100 * (n % 90 + 10) ELSE 0 END",
        "learner_count": "n % 1000",
        "published_at": AGO,
    },
    "lessons": {"video_id": N},
    "enrollments": {"last_lesson_id": N},
    "enrollment_requests": {"status": "CASE WHEN n % 50 = 0 THEN 'pending' ELSE 'approved' END"},
    "playback_sessions": {"ended_at": f"CASE WHEN n % 1000 = 0 THEN NULL ELSE {AGO} END"},
    "orders": {
        "status": "CASE WHEN n % 100 = 0 THEN 'open' WHEN n % 9 = 0 THEN 'expired' ELSE 'paid' END",
        "method": "'card'",
        "list_price_minor": "100",
        "discount_minor": "0",
        "total_minor": "100",
        "currency": "'ETB'",
        "gateway_reference": "'cs_' || n",
        "next_check_at": f"CASE WHEN n % 100 = 0 THEN {LATER} END",
        "paid_at": AGO,
    },
    "payments": {"gateway": "'card'", "amount_minor": "100", "currency": "'ETB'"},
    "refunds": {"amount_minor": "10", "currency": "'ETB'", "status": "'succeeded'"},
    "disputes": {"gateway": "'card'", "status": "'won'", "closed_at": AGO},
    "webhook_events": {"order_id": N, "gateway": "'card'", "outcome": "'applied'"},
    "payment_proofs": {"status": "CASE WHEN n % 500 = 0 THEN 'pending' ELSE 'approved' END"},
    "uploads": {"status": "'completed'", "size_bytes": "9"},
    "course_transfers": {"status": "'ready'", "expires_at": LATER},
    "data_exports": {"status": "'ready'", "token_hash": HASH, "expires_at": LATER},
    "audit_events": {
        "actor_id": N,
        "subject_id": N,
        "action": "CASE WHEN n % 9 = 0 THEN 'session.started' ELSE 'x' END",
    },
    "mails": {"created_at": LATELY, "sent_at": f"CASE WHEN n % 500 > 0 THEN {LATELY} END"},
}
JOBS = """
INSERT INTO procrastinate_jobs (queue_name, task_name, status, args, scheduled_at, attempts)
SELECT 'default', 'mail.send',
    (CASE WHEN n % 500 = 0 THEN 'todo' ELSE 'succeeded' END)::procrastinate_job_status,
    '{}', NULL, 1
FROM generate_series(1, :rows) AS n
"""


def big_tables() -> list[Table]:
    """Return the tables that get a crowd, those first that others refer to."""
    return [table for table in Base.metadata.sorted_tables if table.name not in SMALL]


def big_names() -> set[str]:
    """Return the names of all tables that are big."""
    return {table.name for table in big_tables()} | {"procrastinate_jobs"}


def fill(connection: Connection) -> None:
    """Add the rows, and leave the tables as autovacuum would.

    `connection` is the owner's of a throw-away database, outside of transactions. Who may switch
    triggers off saves checking a hundred thousand references in each table.
    """
    connection.execute(text("SET statement_timeout = 0"))
    is_superuser = connection.scalar(
        text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    )
    if is_superuser:
        connection.execute(text("SET session_replication_role = replica"))
    with without_indexes(connection, [table.name for table in big_tables()]):
        for table in big_tables():
            rows = ROWS if table.name in BUSY else FEWER
            connection.execute(text(_statement(table)), {"rows": rows})
        connection.execute(text(JOBS), {"rows": ROWS})
    connection.execute(text("VACUUM (ANALYZE)"))


def _statement(table: Table) -> str:
    values = dict(_values(table))
    columns = ", ".join(f'"{name}"' for name in values)
    chosen = ", ".join(values.values())
    return (
        f"INSERT INTO {table.name} ({columns}) SELECT {chosen} FROM generate_series(1, :rows) AS n"
    )


def _values(table: Table) -> Iterator[tuple[str, str]]:
    different = DIFFERENT.get(table.name, {})
    for column in table.columns:
        if isinstance(column.computed, Computed) or column.identity is not None:
            continue
        value = different.get(column.name) or _usual(column)
        if value is not None:
            number = "('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid"
            yield column.name, value.replace("{n}", number).replace("{table!r}", f"'{table.name}'")


def _usual(column: Column[object]) -> str | None:
    if column.nullable:
        return None
    match column.type:
        case Uuid():
            return N
        case DateTime():
            return LATER if "expires" in column.name else AGO
        case LargeBinary():
            return HASH
        case Enum():
            return f"'{column.type.enums[0]}'"
        case Boolean():
            return "false"
        case JSONB():
            return "'{}'"
        case ARRAY():
            return "'{}'"
        case Text() | CITEXT():
            return f"'{column.name} ' || n"
    return "'{}'" if "MULTIRANGE" in str(column.type).upper() else "1"
