"""Start a stream in one call: lock the person, count, insert, each seeing what was committed."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# A statement of its own for the lock: the one after it has a younger snapshot, so whoever counts
# sees every stream that was granted to the person before, and N at once never pass the limit.
OPEN_STREAM = """
CREATE OR REPLACE FUNCTION open_stream(
    new_id uuid, new_code text, person_id uuid, sign_in_id uuid, new_lesson_id uuid,
    new_video_id uuid, replaced_id uuid, new_device text, at timestamptz, minute_ago timestamptz,
    expires_at timestamptz, max_streams integer, per_minute integer
) RETURNS TABLE (live bigint, recent bigint, opened boolean, is_ready boolean)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    PERFORM 1 FROM users WHERE id = person_id FOR NO KEY UPDATE;
    SELECT count(*) INTO live FROM playback_sessions p
    JOIN login_sessions s ON s.id = p.login_session_id AND s.revoked_at IS NULL
    WHERE p.user_id = person_id AND p.ended_at IS NULL AND p.lease_expires_at > at
        AND p.id IS DISTINCT FROM replaced_id;
    SELECT count(*) INTO recent FROM playback_sessions p
    WHERE p.user_id = person_id AND p.created_at > minute_ago;
    SELECT v.generation IS NOT NULL INTO is_ready FROM videos v WHERE v.id = new_video_id;
    opened := false;
    IF is_ready AND live < max_streams AND recent < per_minute THEN
        INSERT INTO playback_sessions (id, code, user_id, login_session_id, lesson_id, video_id,
            generation, device, created_at, heartbeat_at, lease_expires_at, keys_issued)
        SELECT new_id, new_code, person_id, sign_in_id, new_lesson_id, v.id,
            v.generation, new_device, at, at, expires_at, 0
        FROM videos v WHERE v.id = new_video_id AND v.generation IS NOT NULL
        ON CONFLICT (code) DO NOTHING;
        opened := FOUND;
    END IF;
    IF opened AND replaced_id IS NOT NULL THEN
        UPDATE playback_sessions SET ended_at = at, end_reason = 'replaced'
        WHERE id = replaced_id AND user_id = person_id AND ended_at IS NULL;
    END IF;
    RETURN NEXT;
END
$$
"""


def upgrade() -> None:
    op.execute(OPEN_STREAM)


def downgrade() -> None:
    op.execute("DROP FUNCTION open_stream")
