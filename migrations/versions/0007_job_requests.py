"""Which request a job goes back to, so that the lines of both are found by one id."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE procrastinate_job_requests (
            job_id bigint PRIMARY KEY REFERENCES procrastinate_jobs (id) ON DELETE CASCADE,
            request_id text NOT NULL
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE procrastinate_job_requests")
