"""Imports every models module, so that Alembic and the mapper see all tables."""

from app.domain.accounts import models as accounts
from app.domain.audit import models as audit
from app.domain.courses import models as courses
from app.domain.outbox import models as outbox
from app.domain.playback import models as playback
from app.domain.videos import models as videos

__all__ = ["accounts", "audit", "courses", "outbox", "playback", "videos"]
