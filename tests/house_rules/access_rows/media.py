"""Videos and captions: the video is of `owner`'s open course, so nobody may delete it."""

from dataclasses import asdict
from typing import Any

from app.current import integrations
from app.database import db
from app.domain.courses.models import Course, Lesson
from app.domain.videos.models import Video
from app.domain.videos.storyboards import Storyboard, sheet_name

TABLE = """
                               anon lrnr enrl rvkd susp ownr clgu supp admn
GET admin.video                  in  403  403  403   in  200  404  200  200
POST admin.rename_video          in  403  403  403   in  303  404  403  303
POST admin.retry_video           in  403  403  403   in  303  404  403  303
POST admin.cancel_video          in  403  403  403   in  303  404  403  303
GET admin.delete_video           in  403  403  403   in  200  404  403  200
POST admin.delete_video          in  403  403  403   in  409  404  403  409
POST admin.upload_captions       in  403  403  403   in  422  404  422  422
GET admin.edit_captions          in  403  403  403   in  200  404  200  200
POST admin.edit_captions         in  403  403  403   in  422  404  422  422
POST admin.remove_captions       in  403  403  403   in  303  404  403  303
GET admin.get_media             401  403  403  403  401  200  404  200  200
PATCH admin.change_media        401  403  403  403  401  200  404  403  200
DELETE admin.delete_media       401  403  403  403  401  409  404  403  409
POST admin.retry_media          401  403  403  403  401  200  404  403  200
POST admin.cancel_media         401  403  403  403  401  200  404  403  200
GET admin.list_captions         401  403  403  403  401  200  404  200  200
GET admin.get_captions          401  403  403  403  401  200  404  200  200
PUT admin.put_captions          401  403  403  403  401  200  404  403  200
DELETE admin.delete_captions    401  403  403  403  401  204  404  403  404
GET playback.storyboard         401  404  200  404  401  404  404  404  404
GET playback.storyboard_sheet   401  404  200  404  401  404  404  404  404
"""

KEYS = """
                               full read rvkd expd susp admn
GET admin.get_media             403  403  401  401  401  200
PATCH admin.change_media        403  403  401  401  401  200
DELETE admin.delete_media       403  403  401  401  401  409
POST admin.retry_media          403  403  401  401  401  200
POST admin.cancel_media         403  403  401  401  401  200
GET admin.list_captions         403  403  401  401  401  200
GET admin.get_captions          403  403  401  401  401  200
PUT admin.put_captions          403  403  401  401  401  200
DELETE admin.delete_captions    403  403  401  401  401  204
GET playback.storyboard         404  403  401  401  401  404
GET playback.storyboard_sheet   404  403  401  401  401  404
"""

BODIES = {
    "admin.change_media": lambda _: {"title": "Another title"},
    "admin.put_captions": lambda _: {
        "label": "English",
        "text": "WEBVTT\n\n00:01.000 --> 00:02.000\nHello",
    },
}


def values(_course: Course, lesson: Lesson) -> dict[str, Any]:
    """Give the lesson's video a storyboard."""
    video = db.session.get_one(Video, lesson.video_id)
    board = Storyboard(1, 4.0, 5, 5, 160, 90, 3)
    video.storyboard = asdict(board)
    key = f"media/{video.id}/{video.generation}/{sheet_name(0)}"
    integrations.storage.put_bytes(key, b"\xff\xd8 a sheet", "image/jpeg")
    db.session.commit()
    return {"sheet": 0}
