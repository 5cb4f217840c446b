"""The job queue's tables and functions, as procrastinate ships them, and the rate limits."""

from alembic import op
from procrastinate.schema import SchemaManager

from app.integrations.limit_storage import RATE_LIMITS_DDL

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DROP_JOBS = """
DO $$
DECLARE thing record;
BEGIN
    FOR thing IN SELECT oid::regclass AS name FROM pg_class
        WHERE relkind = 'r' AND relname LIKE 'procrastinate\\_%' LOOP
        EXECUTE 'DROP TABLE IF EXISTS ' || thing.name || ' CASCADE';
    END LOOP;
    FOR thing IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE proname LIKE 'procrastinate\\_%' LOOP
        EXECUTE 'DROP FUNCTION IF EXISTS ' || thing.name || ' CASCADE';
    END LOOP;
    FOR thing IN SELECT oid::regtype AS name FROM pg_type
        WHERE typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c') LOOP
        EXECUTE 'DROP TYPE IF EXISTS ' || thing.name || ' CASCADE';
    END LOOP;
END $$;
"""


def run(sql: str) -> None:
    # psycopg2 reads percent signs as parameters even where there are none.
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def upgrade() -> None:
    run(SchemaManager.get_schema())
    for statement in RATE_LIMITS_DDL:
        run(statement)


def downgrade() -> None:
    run("DROP TABLE rate_limits")
    run(DROP_JOBS)
