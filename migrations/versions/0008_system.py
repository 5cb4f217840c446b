"""The system page: what jobs raised, where workers run, samples of the counters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE procrastinate_job_errors (
            job_id bigint PRIMARY KEY REFERENCES procrastinate_jobs (id) ON DELETE CASCADE,
            kind text NOT NULL,
            message text NOT NULL,
            raised_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(
        """
        CREATE TABLE procrastinate_worker_places (
            worker_id bigint PRIMARY KEY REFERENCES procrastinate_workers (id) ON DELETE CASCADE,
            host text NOT NULL,
            pid integer NOT NULL,
            queue text NOT NULL,
            concurrency integer NOT NULL,
            release text NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.create_table(
        "system_samples",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system_samples")),
    )
    op.create_index(op.f("ix_system_samples_host_taken_at"), "system_samples", ["host", "taken_at"])
    op.create_index(op.f("ix_system_samples_taken_at"), "system_samples", ["taken_at"])


def downgrade() -> None:
    op.drop_table("system_samples")
    op.execute("DROP TABLE procrastinate_worker_places")
    op.execute("DROP TABLE procrastinate_job_errors")
