"""The media grant as cookies: set by manifest and heartbeat, never readable by a script."""

from flask import Response

from app.current import settings
from app.integrations.cdn import Grant


def set_grant(response: Response, grant: Grant) -> None:
    """Put the grant's cookies into the browser for as long as the grant lives."""
    for cookie in grant.cookies:
        response.set_cookie(
            cookie.name,
            cookie.value,
            max_age=settings.media_grant_seconds,
            path=cookie.path,
            domain=cookie.domain,
            secure=settings.is_https,
            httponly=True,
            samesite="Lax",
        )
