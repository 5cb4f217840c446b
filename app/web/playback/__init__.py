"""Blueprint `playback`: tokens, manifests, keys, heartbeats and the local media."""

from flask import Blueprint

blueprint = Blueprint("playback", __name__)

from app.web.playback import media, player, sessions, storyboards

__all__ = ["blueprint", "media", "player", "sessions", "storyboards"]
