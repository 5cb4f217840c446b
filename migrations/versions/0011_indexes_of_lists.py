"""Indexes for the lists of the administration and for what needs somebody: they read it all."""

from migrations import online

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# name, table, columns, condition
INDEXES = (
    ("ix_users_created_at_id", "users", "created_at, id", ""),
    ("ix_users_role_created_at_id", "users", "role, created_at, id", ""),
    ("ix_courses_created_at_id", "courses", "created_at, id", ""),
    ("ix_courses_title_id", "courses", "lower(title), id", ""),
    ("ix_videos_created_at_id", "videos", "created_at, id", ""),
    (
        "ix_enrollment_requests_status_created_at_id",
        "enrollment_requests",
        "status, created_at, id",
        "",
    ),
    ("ix_course_invitations_created_at_id", "course_invitations", "created_at, id", ""),
    ("ix_course_transfers_created_at_id", "course_transfers", "created_at, id", ""),
    ("ix_mails_sent_at", "mails", "sent_at", ""),
    ("ix_mails_failed_at", "mails", "failed_at", "failed_at IS NOT NULL"),
    ("ix_mails_waiting", "mails", "created_at", "sent_at IS NULL AND failed_at IS NULL"),
    ("ix_mails_troubled", "mails", "created_at", "last_error IS NOT NULL"),
    ("ix_orders_held", "orders", "created_at", "status = 'held'"),
    (
        "ix_refunds_moved_at",
        "refunds",
        "coalesce(settled_at, created_at)",
        "status = 'succeeded'",
    ),
    ("ix_refunds_failed", "refunds", "created_at", "status = 'failed'"),
    ("ix_refunds_requested", "refunds", "created_at", "status = 'requested'"),
    ("ix_disputes_open", "disputes", "opened_at", "status = 'open'"),
    ("ix_disputes_lost_at", "disputes", "coalesce(closed_at, opened_at)", "status = 'lost'"),
)


def upgrade() -> None:
    for name, table, columns, where in INDEXES:
        online.create_index(name, table, columns, where=where)


def downgrade() -> None:
    for name, *_ in reversed(INDEXES):
        online.drop_index(name)
