"""Selling: orders and the facts about them, coupons, transfers, the ledger of entitlements."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

FACTS = ("entitlements", "payments")
# Rows that go with the course or the person they belong to go from inside another trigger.
APPEND_ONLY = """
CREATE FUNCTION refuse_fact_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$
"""
EARLIER = """
INSERT INTO entitlements (user_id, course_id, kind, source, created_at)
SELECT user_id, course_id, 'grant', source, created_at FROM enrollments;
INSERT INTO entitlements (user_id, course_id, kind, source, reason, created_at)
SELECT user_id, course_id, 'revocation', source, 'staff', revoked_at FROM enrollments
WHERE revoked_at IS NOT NULL;
UPDATE enrollments SET revocation = 'staff' WHERE revoked_at IS NOT NULL;
"""


def upgrade() -> None:
    op.create_table('transfer_methods',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('account_name', sa.Text(), nullable=False),
    sa.Column('account_number', sa.Text(), nullable=False),
    sa.Column('instructions', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=True),
    sa.Column('is_active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('position', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_transfer_methods'))
    )
    op.create_table('coupons',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code', postgresql.CITEXT(), nullable=False),
    sa.Column('kind', sa.Enum('percent', 'amount', name='couponkind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('percent', sa.Integer(), nullable=True),
    sa.Column('amount_minor', sa.Integer(), nullable=True),
    sa.Column('currency', sa.Text(), nullable=True),
    sa.Column('course_id', sa.Uuid(), nullable=True),
    sa.Column('max_redemptions', sa.Integer(), nullable=True),
    sa.Column('max_per_user', sa.Integer(), nullable=True),
    sa.Column('redeemed', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('is_active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'percent' AND percent BETWEEN 1 AND 100 AND amount_minor IS NULL AND currency IS NULL) OR (kind = 'amount' AND amount_minor > 0 AND currency IS NOT NULL AND percent IS NULL)", name=op.f('ck_coupons_one_kind')),
    sa.CheckConstraint('max_per_user > 0', name=op.f('ck_coupons_max_per_user_positive')),
    sa.CheckConstraint('redeemed <= max_redemptions', name=op.f('ck_coupons_redeemed_within_limit')),
    sa.CheckConstraint('redeemed >= 0', name=op.f('ck_coupons_redeemed_not_negative')),
    sa.ForeignKeyConstraint(['course_id'], ['courses.id'], name=op.f('fk_coupons_course_id_courses'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['created_by_id'], ['users.id'], name=op.f('fk_coupons_created_by_id_users'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_coupons')),
    sa.UniqueConstraint('code', name=op.f('uq_coupons_code'))
    )
    op.create_index(op.f('ix_coupons_course_id'), 'coupons', ['course_id'])
    op.create_index(op.f('ix_coupons_created_by_id'), 'coupons', ['created_by_id'])

    op.create_table('entitlements',
    sa.Column('id', sa.Integer(), sa.Identity(always=True), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('course_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('grant', 'revocation', name='entitlementkind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('source', sa.Enum('free', 'purchase', 'manual', 'approval', 'invitation', name='enrollmentsource', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('reason', sa.Enum('staff', 'refund', 'dispute', 'proof_rejected', 'provisional_ended', name='revocationreason', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('order_id', sa.Uuid(), nullable=True),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['course_id'], ['courses.id'], name=op.f('fk_entitlements_course_id_courses'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_entitlements_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_entitlements'))
    )
    op.create_index(op.f('ix_entitlements_course_id'), 'entitlements', ['course_id'])
    op.create_index(op.f('ix_entitlements_order_id'), 'entitlements', ['order_id'])
    op.create_index(op.f('ix_entitlements_user_id_course_id_id'), 'entitlements', ['user_id', 'course_id', 'id'])

    op.create_table('seat_holds',
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('course_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['course_id'], ['courses.id'], name=op.f('fk_seat_holds_course_id_courses'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_seat_holds_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('order_id', name=op.f('pk_seat_holds'))
    )
    op.create_index(op.f('ix_seat_holds_course_id'), 'seat_holds', ['course_id'])
    op.create_index(op.f('ix_seat_holds_user_id'), 'seat_holds', ['user_id'])

    op.create_table('orders',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Text(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('course_id', sa.Uuid(), nullable=False),
    sa.Column('course_title', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('open', 'under_review', 'held', 'paid', 'refunded', 'disputed', 'charged_back', 'failed', 'cancelled', 'expired', name='orderstatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('method', sa.Text(), nullable=False),
    sa.Column('transfer_method_id', sa.Uuid(), nullable=True),
    sa.Column('list_price_minor', sa.Integer(), nullable=False),
    sa.Column('discount_minor', sa.Integer(), nullable=False),
    sa.Column('total_minor', sa.Integer(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('coupon_id', sa.Uuid(), nullable=True),
    sa.Column('coupon_code', sa.Text(), nullable=True),
    sa.Column('idempotency_key', sa.Text(), nullable=True),
    sa.Column('fingerprint', sa.Text(), nullable=True),
    sa.Column('gateway_reference', sa.Text(), nullable=True),
    sa.Column('redirect_url', sa.Text(), nullable=True),
    sa.Column('consented_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_check_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('checks', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_trouble', sa.Text(), nullable=True),
    sa.Column('paid_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_as', sa.Enum('failed', 'cancelled', 'expired', name='endreason', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('hold_reason', sa.Text(), nullable=True),
    sa.Column('held_released_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('held_released_by_id', sa.Uuid(), nullable=True),
    sa.Column('provisional_ends_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('discount_minor BETWEEN 0 AND list_price_minor', name=op.f('ck_orders_discount_in_price')),
    sa.CheckConstraint('list_price_minor >= 0', name=op.f('ck_orders_list_price_not_negative')),
    sa.CheckConstraint('total_minor = list_price_minor - discount_minor', name=op.f('ck_orders_total_adds_up')),
    sa.ForeignKeyConstraint(['coupon_id'], ['coupons.id'], name=op.f('fk_orders_coupon_id_coupons'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['course_id'], ['courses.id'], name=op.f('fk_orders_course_id_courses')),
    sa.ForeignKeyConstraint(['held_released_by_id'], ['users.id'], name=op.f('fk_orders_held_released_by_id_users'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['transfer_method_id'], ['transfer_methods.id'], name=op.f('fk_orders_transfer_method_id_transfer_methods'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_orders_user_id_users')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_orders')),
    sa.UniqueConstraint('method', 'gateway_reference', name=op.f('uq_orders_method_gateway_reference')),
    sa.UniqueConstraint('number', name=op.f('uq_orders_number')),
    sa.UniqueConstraint('user_id', 'idempotency_key', name=op.f('uq_orders_user_id_idempotency_key'))
    )
    op.create_index(op.f('ix_orders_coupon_id'), 'orders', ['coupon_id'])
    op.create_index(op.f('ix_orders_course_id'), 'orders', ['course_id'])
    op.create_index(op.f('ix_orders_created_at_id'), 'orders', ['created_at', 'id'])
    op.create_index(op.f('ix_orders_expires_at'), 'orders', ['expires_at'], postgresql_where=sa.text("status IN ('open', 'under_review', 'held')"))
    op.create_index(op.f('ix_orders_held_released_by_id'), 'orders', ['held_released_by_id'])
    op.create_index(op.f('ix_orders_next_check_at'), 'orders', ['next_check_at'], postgresql_where=sa.text("status IN ('open', 'under_review', 'held')"))
    op.create_index(op.f('ix_orders_provisional_ends_at'), 'orders', ['provisional_ends_at'], postgresql_where=sa.text('provisional_ends_at IS NOT NULL'))
    op.create_index(op.f('ix_orders_transfer_method_id'), 'orders', ['transfer_method_id'])
    op.create_index(op.f('ix_orders_user_id_created_at'), 'orders', ['user_id', 'created_at'])
    op.create_index('uq_orders_live', 'orders', ['user_id', 'course_id'], unique=True, postgresql_where=sa.text("status IN ('open', 'under_review')"))

    op.create_table('coupon_redemptions',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('coupon_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['coupon_id'], ['coupons.id'], name=op.f('fk_coupon_redemptions_coupon_id_coupons'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_coupon_redemptions_order_id_orders')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_coupon_redemptions_user_id_users')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_coupon_redemptions')),
    sa.UniqueConstraint('order_id', name=op.f('uq_coupon_redemptions_order_id'))
    )
    op.create_index(op.f('ix_coupon_redemptions_coupon_id_user_id'), 'coupon_redemptions', ['coupon_id', 'user_id'])
    op.create_index(op.f('ix_coupon_redemptions_user_id'), 'coupon_redemptions', ['user_id'])

    op.create_table('payment_proofs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.Enum('pending', 'approved', 'rejected', name='proofstatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('reference', sa.Text(), nullable=False),
    sa.Column('storage_key', sa.Text(), nullable=False),
    sa.Column('content_type', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('perceptual_hash', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reviewed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reviewed_by_id', sa.Uuid(), nullable=True),
    sa.Column('reject_reason', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_payment_proofs_order_id_orders')),
    sa.ForeignKeyConstraint(['reviewed_by_id'], ['users.id'], name=op.f('fk_payment_proofs_reviewed_by_id_users')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payment_proofs'))
    )
    op.create_index(op.f('ix_payment_proofs_order_id'), 'payment_proofs', ['order_id'])
    op.create_index('ix_payment_proofs_reference', 'payment_proofs', [sa.text("translate(lower(reference), ' -', '')")])
    op.create_index(op.f('ix_payment_proofs_reviewed_by_id'), 'payment_proofs', ['reviewed_by_id'])
    op.create_index(op.f('ix_payment_proofs_sha256'), 'payment_proofs', ['sha256'])
    op.create_index(op.f('ix_payment_proofs_status_created_at'), 'payment_proofs', ['status', 'created_at'])
    op.create_index('uq_payment_proofs_pending', 'payment_proofs', ['order_id'], unique=True, postgresql_where=sa.text("status = 'pending'"))

    op.create_table('payments',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('gateway', sa.Text(), nullable=False),
    sa.Column('gateway_payment_id', sa.Text(), nullable=False),
    sa.Column('amount_minor', sa.Integer(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_by_id', sa.Uuid(), nullable=True),
    sa.CheckConstraint('amount_minor > 0', name=op.f('ck_payments_amount_positive')),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_payments_order_id_orders')),
    sa.ForeignKeyConstraint(['recorded_by_id'], ['users.id'], name=op.f('fk_payments_recorded_by_id_users')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payments')),
    sa.UniqueConstraint('gateway', 'gateway_payment_id', name=op.f('uq_payments_gateway_gateway_payment_id'))
    )
    op.create_index(op.f('ix_payments_order_id'), 'payments', ['order_id'])
    op.create_index(op.f('ix_payments_received_at'), 'payments', ['received_at'])
    op.create_index(op.f('ix_payments_recorded_by_id'), 'payments', ['recorded_by_id'])

    op.create_table('webhook_events',
    sa.Column('id', sa.Integer(), sa.Identity(always=True), nullable=False),
    sa.Column('gateway', sa.Text(), nullable=False),
    sa.Column('event_id', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('payload', sa.Text(), nullable=False),
    sa.Column('payment_id', sa.Text(), nullable=True),
    sa.Column('order_id', sa.Uuid(), nullable=True),
    sa.Column('outcome', sa.Enum('applied', 'ignored', 'waiting', 'refused', name='eventoutcome', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('detail', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('is_live', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_webhook_events_order_id_orders')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_events')),
    sa.UniqueConstraint('gateway', 'event_id', name=op.f('uq_webhook_events_gateway_event_id'))
    )
    op.create_index(op.f('ix_webhook_events_order_id'), 'webhook_events', ['order_id'])
    op.create_index(op.f('ix_webhook_events_received_at'), 'webhook_events', ['received_at'])
    op.create_index('ix_webhook_events_unsettled', 'webhook_events', ['received_at'], postgresql_where=sa.text("outcome IN ('waiting', 'refused')"))

    op.create_table('disputes',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('payment_id', sa.Uuid(), nullable=False),
    sa.Column('gateway', sa.Text(), nullable=False),
    sa.Column('gateway_dispute_id', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('open', 'won', 'lost', name='disputestatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('amount_minor', sa.Integer(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_disputes_order_id_orders')),
    sa.ForeignKeyConstraint(['payment_id'], ['payments.id'], name=op.f('fk_disputes_payment_id_payments')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_disputes')),
    sa.UniqueConstraint('gateway', 'gateway_dispute_id', name=op.f('uq_disputes_gateway_gateway_dispute_id'))
    )
    op.create_index(op.f('ix_disputes_order_id'), 'disputes', ['order_id'])
    op.create_index(op.f('ix_disputes_payment_id'), 'disputes', ['payment_id'])

    op.create_table('refunds',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('payment_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.Enum('requested', 'succeeded', 'failed', name='refundstatus', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('amount_minor', sa.Integer(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('ends_access', sa.Boolean(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('gateway_refund_id', sa.Text(), nullable=True),
    sa.Column('error_detail', sa.Text(), nullable=True),
    sa.Column('idempotency_key', sa.Text(), nullable=True),
    sa.Column('requested_by_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('amount_minor > 0', name=op.f('ck_refunds_amount_positive')),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_refunds_order_id_orders')),
    sa.ForeignKeyConstraint(['payment_id'], ['payments.id'], name=op.f('fk_refunds_payment_id_payments')),
    sa.ForeignKeyConstraint(['requested_by_id'], ['users.id'], name=op.f('fk_refunds_requested_by_id_users')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refunds')),
    sa.UniqueConstraint('order_id', 'idempotency_key', name=op.f('uq_refunds_order_id_idempotency_key'))
    )
    op.create_index(op.f('ix_refunds_created_at_id'), 'refunds', ['created_at', 'id'])
    op.create_index(op.f('ix_refunds_order_id'), 'refunds', ['order_id'])
    op.create_index(op.f('ix_refunds_payment_id'), 'refunds', ['payment_id'])
    op.create_index(op.f('ix_refunds_requested_by_id'), 'refunds', ['requested_by_id'])

    op.add_column('courses', sa.Column('seat_limit', sa.Integer(), nullable=True))

    op.add_column('enrollments', sa.Column('revocation', sa.Enum('staff', 'refund', 'dispute', 'proof_rejected', 'provisional_ended', name='revocationreason', native_enum=False, create_constraint=True, length=32), nullable=True))

    op.add_column('site_choices', sa.Column('provisional_access_hours', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.add_column('site_choices', sa.Column('receipt_details', sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_check_constraint(
        op.f("ck_courses_seat_limit_positive"), "courses", "seat_limit > 0"
    )
    op.execute(EARLIER)
    op.execute(APPEND_ONLY)
    for table in FACTS:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_fact_change()"
        )


def downgrade() -> None:
    for table in FACTS:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    op.execute("DROP FUNCTION refuse_fact_change")
    op.drop_column('site_choices', 'receipt_details')
    op.drop_column('site_choices', 'provisional_access_hours')

    op.drop_column('enrollments', 'revocation')

    op.drop_column('courses', 'seat_limit')

    op.drop_index(op.f('ix_refunds_requested_by_id'), table_name='refunds')
    op.drop_index(op.f('ix_refunds_payment_id'), table_name='refunds')
    op.drop_index(op.f('ix_refunds_order_id'), table_name='refunds')
    op.drop_index(op.f('ix_refunds_created_at_id'), table_name='refunds')

    op.drop_table('refunds')
    op.drop_index(op.f('ix_disputes_payment_id'), table_name='disputes')
    op.drop_index(op.f('ix_disputes_order_id'), table_name='disputes')

    op.drop_table('disputes')
    op.drop_index('ix_webhook_events_unsettled', table_name='webhook_events', postgresql_where=sa.text("outcome IN ('waiting', 'refused')"))
    op.drop_index(op.f('ix_webhook_events_received_at'), table_name='webhook_events')
    op.drop_index(op.f('ix_webhook_events_order_id'), table_name='webhook_events')

    op.drop_table('webhook_events')
    op.drop_index(op.f('ix_payments_recorded_by_id'), table_name='payments')
    op.drop_index(op.f('ix_payments_received_at'), table_name='payments')
    op.drop_index(op.f('ix_payments_order_id'), table_name='payments')

    op.drop_table('payments')
    op.drop_index('uq_payment_proofs_pending', table_name='payment_proofs', postgresql_where=sa.text("status = 'pending'"))
    op.drop_index(op.f('ix_payment_proofs_status_created_at'), table_name='payment_proofs')
    op.drop_index(op.f('ix_payment_proofs_sha256'), table_name='payment_proofs')
    op.drop_index(op.f('ix_payment_proofs_reviewed_by_id'), table_name='payment_proofs')
    op.drop_index('ix_payment_proofs_reference', table_name='payment_proofs')
    op.drop_index(op.f('ix_payment_proofs_order_id'), table_name='payment_proofs')

    op.drop_table('payment_proofs')
    op.drop_index(op.f('ix_coupon_redemptions_user_id'), table_name='coupon_redemptions')
    op.drop_index(op.f('ix_coupon_redemptions_coupon_id_user_id'), table_name='coupon_redemptions')

    op.drop_table('coupon_redemptions')
    op.drop_index('uq_orders_live', table_name='orders', postgresql_where=sa.text("status IN ('open', 'under_review')"))
    op.drop_index(op.f('ix_orders_user_id_created_at'), table_name='orders')
    op.drop_index(op.f('ix_orders_transfer_method_id'), table_name='orders')
    op.drop_index(op.f('ix_orders_provisional_ends_at'), table_name='orders', postgresql_where=sa.text('provisional_ends_at IS NOT NULL'))
    op.drop_index(op.f('ix_orders_next_check_at'), table_name='orders', postgresql_where=sa.text("status IN ('open', 'under_review', 'held')"))
    op.drop_index(op.f('ix_orders_held_released_by_id'), table_name='orders')
    op.drop_index(op.f('ix_orders_expires_at'), table_name='orders', postgresql_where=sa.text("status IN ('open', 'under_review', 'held')"))
    op.drop_index(op.f('ix_orders_created_at_id'), table_name='orders')
    op.drop_index(op.f('ix_orders_course_id'), table_name='orders')
    op.drop_index(op.f('ix_orders_coupon_id'), table_name='orders')

    op.drop_table('orders')
    op.drop_index(op.f('ix_seat_holds_user_id'), table_name='seat_holds')
    op.drop_index(op.f('ix_seat_holds_course_id'), table_name='seat_holds')

    op.drop_table('seat_holds')
    op.drop_index(op.f('ix_entitlements_user_id_course_id_id'), table_name='entitlements')
    op.drop_index(op.f('ix_entitlements_order_id'), table_name='entitlements')
    op.drop_index(op.f('ix_entitlements_course_id'), table_name='entitlements')

    op.drop_table('entitlements')
    op.drop_index(op.f('ix_coupons_created_by_id'), table_name='coupons')
    op.drop_index(op.f('ix_coupons_course_id'), table_name='coupons')

    op.drop_table('coupons')
    op.drop_table('transfer_methods')
