"""Leave to fetch segments: one short-lived grant a lease, renewed by its heartbeat."""

from datetime import timedelta
from uuid import UUID

from app.clock import utcnow
from app.current import integrations, settings
from app.domain.accounts.sessions import SignedIn
from app.domain.playback.leases import Lease
from app.integrations.cdn import Grant


def prefix_of(video_id: UUID, generation: int) -> str:
    """Return the folder of one generation below the media root."""
    return f"{video_id}/{generation}"


def renew(lease: Lease, signed_in: SignedIn) -> Grant:
    """Return a fresh grant for the lease's generation, bound to this sign-in."""
    return integrations.cdn.grant(
        prefix_of(lease.video_id, lease.generation),
        signed_in.session_hash,
        lease.id,
        utcnow() + timedelta(seconds=settings.media_grant_seconds),
    )
