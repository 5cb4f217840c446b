"""Transfers as JSON has them."""

from app.domain.courses.transfers import TransferRow

STAGES = ("packing", "storing", "reading", "unpacking")


def transfer_view(row: TransferRow) -> dict[str, object]:
    """Return a transfer."""
    has_error = row.error_code or row.error_detail
    return {
        "id": row.id,
        "kind": row.kind.value,
        "status": row.status.value,
        "title": row.title,
        "course_id": row.course_id,
        "stage": row.stage,
        "progress_percent": row.progress_percent,
        "size_bytes": row.size_bytes,
        "error": {"code": row.error_code, "detail": row.error_detail} if has_error else None,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "expires_at": row.expires_at,
    }
