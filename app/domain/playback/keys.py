"""Content keys handed to a live stream, metered: a script that outruns watching runs dry.

A key opens one window (20 s of video). A stream may take BURST windows at once, for seeking, and
then as many as four times real time uses up; without keys the segments are noise.
"""

import uuid

from sqlalchemy import Integer, cast, extract, update

from app.database import NO_WAIT, Prepared
from app.domain.accounts.sessions import SignedIn
from app.domain.playback import leases
from app.domain.playback.models import PlaybackSession
from app.domain.videos import keys as content_keys
from app.errors import TooManyRequests

BURST = 60
SECONDS_PER_KEY = 5

_elapsed = cast(extract("epoch", leases.NOW - PlaybackSession.created_at), Integer())
_METER = Prepared(
    update(PlaybackSession)
    .where(*leases.LIVE, PlaybackSession.keys_issued < BURST + _elapsed / SECONDS_PER_KEY)
    .values(keys_issued=PlaybackSession.keys_issued + 1)
    .returning(PlaybackSession.video_id, PlaybackSession.generation, NO_WAIT)
)


def issue(signed_in: SignedIn, session_id: uuid.UUID, window: int) -> bytes:
    """Return the 16-byte key of `window` of the stream's video.

    Raises NotFound, SessionEnded, and TooManyRequests once the budget is used up.
    """
    row = _METER.first(leases.parameters(signed_in, session_id))
    if row is None:
        leases.get_live(signed_in, session_id)
        raise TooManyRequests(SECONDS_PER_KEY, "This stream asks for keys faster than it plays.")
    return content_keys.content_key(row.video_id, row.generation, window)
