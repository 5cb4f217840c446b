"""Accounts: one-time links, second factors, API keys, exports; outgoing mail; the audit trail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

# Nobody changes the trail, not even by mistake: what does not fit is refused, not ignored.
AUDIT_GUARD = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
"""


def _allow_statuses(*statuses: str) -> None:
    op.drop_constraint(op.f("ck_users_userstatus"), "users", type_="check")
    op.create_check_constraint(
        op.f("ck_users_userstatus"), "users", sa.column("status").in_(statuses)
    )


def upgrade() -> None:
    op.create_table('audit_events',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('actor_kind', sa.Text(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('subject_kind', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.Uuid(), nullable=True),
    sa.Column('ip_address', postgresql.INET(), nullable=True),
    sa.Column('user_agent', sa.Text(), nullable=True),
    sa.Column('request_id', sa.Text(), nullable=True),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('previous_hash', sa.LargeBinary(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_events'))
    )
    op.create_index(op.f('ix_audit_events_action_id'), 'audit_events', ['action', 'id'])
    op.create_index(op.f('ix_audit_events_actor_id_id'), 'audit_events', ['actor_id', 'id'])
    op.create_index(op.f('ix_audit_events_occurred_at'), 'audit_events', ['occurred_at'])
    op.create_index(op.f('ix_audit_events_subject_id_id'), 'audit_events', ['subject_id', 'id'])

    op.create_table('mails',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('to_email', sa.Text(), nullable=False),
    sa.Column('template', sa.Text(), nullable=False),
    sa.Column('locale', sa.Text(), nullable=True),
    sa.Column('context', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failed_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mails'))
    )
    op.create_index(op.f('ix_mails_created_at'), 'mails', ['created_at'])

    op.create_table('ceremonies',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('kind', sa.Enum('second_step', 'passkey_sign_in', 'passkey_addition', 'confirmation', name='ceremonykind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('challenge', sa.LargeBinary(), nullable=False),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_ceremonies_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ceremonies')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_ceremonies_token_hash'))
    )
    op.create_index(op.f('ix_ceremonies_expires_at'), 'ceremonies', ['expires_at'])
    op.create_index(op.f('ix_ceremonies_user_id'), 'ceremonies', ['user_id'])

    op.create_table('data_exports',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.Enum('queued', 'ready', 'failed', name='exportstatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=True),
    sa.Column('storage_key', sa.Text(), nullable=True),
    sa.Column('size_bytes', sa.BigInteger(), nullable=True),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ready_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_data_exports_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_data_exports')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_data_exports_token_hash'))
    )
    op.create_index(op.f('ix_data_exports_expires_at'), 'data_exports', ['expires_at'])
    op.create_index(op.f('ix_data_exports_user_id'), 'data_exports', ['user_id'])

    op.create_table('one_time_tokens',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('purpose', sa.Enum('verify_email', 'reset_password', 'change_email_old', 'change_email_new', name='tokenpurpose', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_one_time_tokens_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_one_time_tokens')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_one_time_tokens_token_hash'))
    )
    op.create_index(op.f('ix_one_time_tokens_expires_at'), 'one_time_tokens', ['expires_at'])
    op.create_index(op.f('ix_one_time_tokens_user_id_purpose'), 'one_time_tokens', ['user_id', 'purpose'])

    op.create_table('passkeys',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('credential_id', sa.LargeBinary(), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('sign_count', sa.BigInteger(), nullable=False),
    sa.Column('transports', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_passkeys_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_passkeys')),
    sa.UniqueConstraint('credential_id', name=op.f('uq_passkeys_credential_id'))
    )
    op.create_index(op.f('ix_passkeys_user_id'), 'passkeys', ['user_id'])

    op.create_table('recovery_codes',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('code_hash', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_recovery_codes_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recovery_codes'))
    )
    op.create_index(op.f('ix_recovery_codes_user_id'), 'recovery_codes', ['user_id'])

    op.create_table('api_keys',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('login_session_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('secret_hash', sa.LargeBinary(), nullable=False),
    sa.Column('scopes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['login_session_id'], ['login_sessions.id'], name=op.f('fk_api_keys_login_session_id_login_sessions'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_api_keys_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_keys')),
    sa.UniqueConstraint('login_session_id', name=op.f('uq_api_keys_login_session_id'))
    )
    op.create_index(op.f('ix_api_keys_user_id'), 'api_keys', ['user_id'])

    op.add_column('login_sessions', sa.Column('kind', sa.Enum('browser', 'api_key', name='sessionkind', native_enum=False, create_constraint=True, length=32), server_default=sa.text("'browser'"), nullable=False))
    op.add_column('login_sessions', sa.Column('previous_token_hash', sa.LargeBinary(), nullable=True))
    op.add_column('login_sessions', sa.Column('rotated_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('login_sessions', sa.Column('second_factor_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f('ix_login_sessions_previous_token_hash'), 'login_sessions', ['previous_token_hash'], unique=True, postgresql_where=sa.text('previous_token_hash IS NOT NULL'))

    op.add_column('users', sa.Column('second_factor_added_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('users', sa.Column('totp_sealed', sa.LargeBinary(), nullable=True))
    op.add_column('users', sa.Column('totp_confirmed_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('users', sa.Column('totp_counter', sa.BigInteger(), nullable=True))
    op.add_column('users', sa.Column('deletion_due_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f('ix_users_deletion_due_at'), 'users', ['deletion_due_at'])
    _allow_statuses("active", "suspended", "deleted")
    op.execute(AUDIT_GUARD)


def downgrade() -> None:
    op.execute("UPDATE users SET status = 'suspended' WHERE status = 'deleted'")
    _allow_statuses("active", "suspended")
    op.drop_index(op.f('ix_users_deletion_due_at'), 'users')
    op.drop_column('users', 'deletion_due_at')
    op.drop_column('users', 'totp_counter')
    op.drop_column('users', 'totp_confirmed_at')
    op.drop_column('users', 'totp_sealed')
    op.drop_column('users', 'second_factor_added_at')

    op.drop_index(op.f('ix_login_sessions_previous_token_hash'), 'login_sessions', postgresql_where=sa.text('previous_token_hash IS NOT NULL'))
    op.drop_column('login_sessions', 'second_factor_at')
    op.drop_column('login_sessions', 'rotated_at')
    op.drop_column('login_sessions', 'previous_token_hash')
    op.drop_column('login_sessions', 'kind')

    op.drop_index(op.f('ix_api_keys_user_id'), 'api_keys')

    op.drop_table('api_keys')
    op.drop_index(op.f('ix_recovery_codes_user_id'), 'recovery_codes')

    op.drop_table('recovery_codes')
    op.drop_index(op.f('ix_passkeys_user_id'), 'passkeys')

    op.drop_table('passkeys')
    op.drop_index(op.f('ix_one_time_tokens_user_id_purpose'), 'one_time_tokens')
    op.drop_index(op.f('ix_one_time_tokens_expires_at'), 'one_time_tokens')

    op.drop_table('one_time_tokens')
    op.drop_index(op.f('ix_data_exports_user_id'), 'data_exports')
    op.drop_index(op.f('ix_data_exports_expires_at'), 'data_exports')

    op.drop_table('data_exports')
    op.drop_index(op.f('ix_ceremonies_user_id'), 'ceremonies')
    op.drop_index(op.f('ix_ceremonies_expires_at'), 'ceremonies')

    op.drop_table('ceremonies')
    op.drop_index(op.f('ix_mails_created_at'), 'mails')

    op.drop_table('mails')
    op.drop_index(op.f('ix_audit_events_subject_id_id'), 'audit_events')
    op.drop_index(op.f('ix_audit_events_occurred_at'), 'audit_events')
    op.drop_index(op.f('ix_audit_events_actor_id_id'), 'audit_events')
    op.drop_index(op.f('ix_audit_events_action_id'), 'audit_events')

    op.drop_table('audit_events')
    op.execute("DROP FUNCTION refuse_audit_change()")
