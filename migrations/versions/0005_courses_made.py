"""Making courses: uploads, files, transfers, admission, versions; what the site's people choose."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

# Values that columns may hold: table, constraint, column, before, since.
CHOICES = (
    ("lessons", "lessonkind", "kind", ("video", "text"), ("pdf",)),
    (
        "enrollments",
        "enrollmentsource",
        "source",
        ("free", "purchase", "manual"),
        ("approval", "invitation"),
    ),
    ("login_sessions", "sessionkind", "kind", ("browser", "api_key"), ("view_as",)),
)


def _allow(table, constraint, column, values) -> None:
    name = op.f(f"ck_{table}_{constraint}")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, sa.column(column).in_(values))


def upgrade() -> None:
    for table, constraint, column, before, since in CHOICES:
        _allow(table, constraint, column, before + since)
    op.create_index(op.f('ix_enrollments_created_at_id'), 'enrollments', ['created_at', 'id'])
    op.create_table('site_choices',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=True),
    sa.Column('accent_hue', sa.Integer(), nullable=True),
    sa.Column('logo_id', sa.Uuid(), nullable=True),
    sa.Column('support_email', sa.Text(), nullable=True),
    sa.Column('max_streams', sa.Integer(), nullable=True),
    sa.Column('max_video_upload_bytes', sa.BigInteger(), nullable=True),
    sa.Column('media_quota_bytes', sa.BigInteger(), nullable=True),
    sa.Column('takes_cards', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('takes_transfers', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('transfer_instructions', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.CheckConstraint('accent_hue BETWEEN 0 AND 359', name=op.f('ck_site_choices_hue_in_degrees')),
    sa.CheckConstraint('id = 1', name=op.f('ck_site_choices_only_one')),
    sa.ForeignKeyConstraint(['updated_by_id'], ['users.id'], name=op.f('fk_site_choices_updated_by_id_users'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_site_choices'))
    )
    op.create_index(op.f('ix_site_choices_updated_by_id'), 'site_choices', ['updated_by_id'])

    op.create_table('course_invitations',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('course_id', sa.Uuid(), nullable=False),
    sa.Column('email', postgresql.CITEXT(), nullable=False),
    sa.Column('invited_by_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['course_id'], ['courses.id'], name=op.f('fk_course_invitations_course_id_courses'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['invited_by_id'], ['users.id'], name=op.f('fk_course_invitations_invited_by_id_users'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_course_invitations')),
    sa.UniqueConstraint('course_id', 'email', name=op.f('uq_course_invitations_course_id_email'))
    )
    op.create_index(op.f('ix_course_invitations_email'), 'course_invitations', ['email'])
    op.create_index(op.f('ix_course_invitations_invited_by_id'), 'course_invitations', ['invited_by_id'])

    op.create_table('course_transfers',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('export', 'import', name='transferkind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('status', sa.Enum('queued', 'running', 'ready', 'failed', name='transferstatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('course_id', sa.Uuid(), nullable=True),
    sa.Column('created_by_id', sa.Uuid(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('storage_key', sa.Text(), nullable=True),
    sa.Column('size_bytes', sa.BigInteger(), nullable=True),
    sa.Column('stage', sa.Text(), nullable=True),
    sa.Column('progress_percent', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('error_code', sa.Text(), nullable=True),
    sa.Column('error_detail', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['course_id'], ['courses.id'], name=op.f('fk_course_transfers_course_id_courses'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['created_by_id'], ['users.id'], name=op.f('fk_course_transfers_created_by_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_course_transfers'))
    )
    op.create_index(op.f('ix_course_transfers_course_id'), 'course_transfers', ['course_id'])
    op.create_index(op.f('ix_course_transfers_created_by_id'), 'course_transfers', ['created_by_id'])
    op.create_index(op.f('ix_course_transfers_expires_at'), 'course_transfers', ['expires_at'])

    op.create_table('enrollment_requests',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('course_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.Enum('pending', 'approved', 'declined', name='requeststatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['course_id'], ['courses.id'], name=op.f('fk_enrollment_requests_course_id_courses'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['decided_by_id'], ['users.id'], name=op.f('fk_enrollment_requests_decided_by_id_users'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_enrollment_requests_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_enrollment_requests')),
    sa.UniqueConstraint('user_id', 'course_id', name=op.f('uq_enrollment_requests_user_id_course_id'))
    )
    op.create_index(op.f('ix_enrollment_requests_course_id_status_created_at'), 'enrollment_requests', ['course_id', 'status', 'created_at'])
    op.create_index(op.f('ix_enrollment_requests_decided_by_id'), 'enrollment_requests', ['decided_by_id'])

    op.create_table('uploads',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('purpose', sa.Enum('video', 'document', 'resource', 'cover', 'logo', 'archive', name='uploadpurpose', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('status', sa.Enum('open', 'completed', 'cancelled', name='uploadstatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('target_id', sa.Uuid(), nullable=True),
    sa.Column('filename', sa.Text(), nullable=False),
    sa.Column('content_type', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('part_size_bytes', sa.Integer(), nullable=False),
    sa.Column('storage_key', sa.Text(), nullable=False),
    sa.Column('storage_upload', sa.Text(), nullable=False),
    sa.Column('fingerprint', sa.Text(), nullable=True),
    sa.Column('declared_sha256', sa.Text(), nullable=True),
    sa.Column('video_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('touched_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('completed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('size_bytes > 0', name=op.f('ck_uploads_size_positive')),
    sa.ForeignKeyConstraint(['owner_id'], ['users.id'], name=op.f('fk_uploads_owner_id_users'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['video_id'], ['videos.id'], name=op.f('fk_uploads_video_id_videos'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_uploads'))
    )
    op.create_index(op.f('ix_uploads_owner_id'), 'uploads', ['owner_id'])
    op.create_index('ix_uploads_resumable', 'uploads', ['owner_id', 'fingerprint'], postgresql_where=sa.text("status = 'open'"))
    op.create_index(op.f('ix_uploads_touched_at'), 'uploads', ['touched_at'], postgresql_where=sa.text("status = 'open'"))
    op.create_index(op.f('ix_uploads_video_id'), 'uploads', ['video_id'])

    op.create_table('course_files',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('course_id', sa.Uuid(), nullable=False),
    sa.Column('lesson_id', sa.Uuid(), nullable=False),
    sa.Column('filename', sa.Text(), nullable=False),
    sa.Column('content_type', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('storage_key', sa.Text(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('uploaded_by_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['course_id'], ['courses.id'], name=op.f('fk_course_files_course_id_courses'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['lesson_id'], ['lessons.id'], name=op.f('fk_course_files_lesson_id_lessons'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['uploaded_by_id'], ['users.id'], name=op.f('fk_course_files_uploaded_by_id_users'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_course_files'))
    )
    op.create_index(op.f('ix_course_files_course_id'), 'course_files', ['course_id'])
    op.create_index(op.f('ix_course_files_lesson_id'), 'course_files', ['lesson_id'])
    op.create_index(op.f('ix_course_files_storage_key'), 'course_files', ['storage_key'])
    op.create_index(op.f('ix_course_files_uploaded_by_id'), 'course_files', ['uploaded_by_id'])

    op.add_column('caption_tracks', sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False))
    op.add_column('caption_tracks', sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False))

    op.add_column('courses', sa.Column('enrollment_policy', sa.Enum('open', 'approval', 'invitation', name='enrollmentpolicy', native_enum=False, create_constraint=True, length=32), server_default=sa.text("'open'"), nullable=False))
    op.add_column('courses', sa.Column('has_certificate', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('courses', sa.Column('has_discussion', sa.Boolean(), server_default=sa.text('true'), nullable=False))
    op.add_column('courses', sa.Column('cover_id', sa.Uuid(), nullable=True))
    op.add_column('courses', sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False))
    op.add_column('courses', sa.Column('outline_version', sa.Integer(), server_default=sa.text('1'), nullable=False))

    op.add_column('lessons', sa.Column('incoming_video_id', sa.Uuid(), nullable=True))
    op.add_column('lessons', sa.Column('document_id', sa.Uuid(), nullable=True))
    op.add_column('lessons', sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False))
    op.add_column('lessons', sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False))
    op.create_index(op.f('ix_lessons_document_id'), 'lessons', ['document_id'])
    op.create_index(op.f('ix_lessons_incoming_video_id'), 'lessons', ['incoming_video_id'])
    op.create_foreign_key(op.f('fk_lessons_incoming_video_id_videos'), 'lessons', 'videos', ['incoming_video_id'], ['id'], ondelete='SET NULL')
    op.create_foreign_key(op.f('fk_lessons_document_id_course_files'), 'lessons', 'course_files', ['document_id'], ['id'], ondelete='SET NULL')

    op.add_column('login_sessions', sa.Column('opened_by_id', sa.Uuid(), nullable=True))
    op.create_index(op.f('ix_login_sessions_opened_by_id'), 'login_sessions', ['opened_by_id'])
    op.create_foreign_key(op.f('fk_login_sessions_opened_by_id_login_sessions'), 'login_sessions', 'login_sessions', ['opened_by_id'], ['id'], ondelete='CASCADE')

    op.add_column('sections', sa.Column('opens_after_days', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.create_check_constraint(
        op.f("ck_sections_opens_after_days_not_negative"), "sections", "opens_after_days >= 0"
    )
    op.add_column('sections', sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False))

    op.add_column('videos', sa.Column('declared_sha256', sa.Text(), nullable=True))
    op.add_column('videos', sa.Column('loudness_lufs', sa.Double(), nullable=True))
    op.add_column('videos', sa.Column('storyboard', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column('videos', sa.Column('begun_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('videos', sa.Column('reported_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('videos', sa.Column('seconds_left', sa.Integer(), nullable=True))
    op.alter_column('videos', 'source_sha256',
           existing_type=sa.TEXT(),
           nullable=True)



def downgrade() -> None:
    op.execute("UPDATE lessons SET kind = 'text' WHERE kind = 'pdf'")
    op.execute("UPDATE enrollments SET source = 'manual' WHERE source IN ('approval', 'invitation')")
    op.execute("DELETE FROM login_sessions WHERE kind = 'view_as'")
    op.execute("UPDATE videos SET source_sha256 = '' WHERE source_sha256 IS NULL")
    for table, constraint, column, before, _ in CHOICES:
        _allow(table, constraint, column, before)
    op.alter_column('videos', 'source_sha256',
           existing_type=sa.TEXT(),
           nullable=False)
    op.drop_column('videos', 'seconds_left')
    op.drop_column('videos', 'reported_at')
    op.drop_column('videos', 'begun_at')
    op.drop_column('videos', 'storyboard')
    op.drop_column('videos', 'loudness_lufs')
    op.drop_column('videos', 'declared_sha256')

    op.drop_column('sections', 'version')
    op.drop_column('sections', 'opens_after_days')

    op.drop_constraint(op.f('fk_login_sessions_opened_by_id_login_sessions'), 'login_sessions', type_='foreignkey')
    op.drop_index(op.f('ix_login_sessions_opened_by_id'), table_name='login_sessions')
    op.drop_column('login_sessions', 'opened_by_id')

    op.drop_constraint(op.f('fk_lessons_document_id_course_files'), 'lessons', type_='foreignkey')
    op.drop_constraint(op.f('fk_lessons_incoming_video_id_videos'), 'lessons', type_='foreignkey')
    op.drop_index(op.f('ix_lessons_incoming_video_id'), table_name='lessons')
    op.drop_index(op.f('ix_lessons_document_id'), table_name='lessons')
    op.drop_column('lessons', 'updated_at')
    op.drop_column('lessons', 'version')
    op.drop_column('lessons', 'document_id')
    op.drop_column('lessons', 'incoming_video_id')

    op.drop_column('courses', 'outline_version')
    op.drop_column('courses', 'version')
    op.drop_column('courses', 'cover_id')
    op.drop_column('courses', 'has_discussion')
    op.drop_column('courses', 'has_certificate')
    op.drop_column('courses', 'enrollment_policy')

    op.drop_column('caption_tracks', 'updated_at')
    op.drop_column('caption_tracks', 'version')

    op.drop_index(op.f('ix_course_files_uploaded_by_id'), table_name='course_files')
    op.drop_index(op.f('ix_course_files_storage_key'), table_name='course_files')
    op.drop_index(op.f('ix_course_files_lesson_id'), table_name='course_files')
    op.drop_index(op.f('ix_course_files_course_id'), table_name='course_files')

    op.drop_table('course_files')
    op.drop_index(op.f('ix_uploads_video_id'), table_name='uploads')
    op.drop_index(op.f('ix_uploads_touched_at'), table_name='uploads', postgresql_where=sa.text("status = 'open'"))
    op.drop_index('ix_uploads_resumable', table_name='uploads', postgresql_where=sa.text("status = 'open'"))
    op.drop_index(op.f('ix_uploads_owner_id'), table_name='uploads')

    op.drop_table('uploads')
    op.drop_index(op.f('ix_enrollment_requests_decided_by_id'), table_name='enrollment_requests')
    op.drop_index(op.f('ix_enrollment_requests_course_id_status_created_at'), table_name='enrollment_requests')

    op.drop_table('enrollment_requests')
    op.drop_index(op.f('ix_course_transfers_expires_at'), table_name='course_transfers')
    op.drop_index(op.f('ix_course_transfers_created_by_id'), table_name='course_transfers')
    op.drop_index(op.f('ix_course_transfers_course_id'), table_name='course_transfers')

    op.drop_table('course_transfers')
    op.drop_index(op.f('ix_course_invitations_invited_by_id'), table_name='course_invitations')
    op.drop_index(op.f('ix_course_invitations_email'), table_name='course_invitations')

    op.drop_table('course_invitations')
    op.drop_index(op.f('ix_site_choices_updated_by_id'), table_name='site_choices')

    op.drop_table('site_choices')
    op.drop_index(op.f('ix_enrollments_created_at_id'), table_name='enrollments')
