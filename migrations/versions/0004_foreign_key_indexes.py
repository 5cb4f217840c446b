"""Indexes for the foreign keys that had none: deleting what they refer to read whole tables."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES = (
    ("courses", "category_id"),
    ("enrollments", "last_lesson_id"),
    ("lesson_progress", "course_id"),
    ("playback_sessions", "video_id"),
    ("videos", "uploaded_by_id"),
)


def upgrade() -> None:
    for table, column in INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    for table, column in reversed(INDEXES):
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
