"""Rows for tests: each function adds one thing with sensible defaults and commits it."""

import functools
import itertools
import secrets
import uuid
from typing import Any, TypeVar

from app.clock import utcnow
from app.current import integrations, settings
from app.database import Base, db
from app.domain.accounts import passwords
from app.domain.accounts.models import Role, User
from app.domain.accounts.passwords import hash_password
from app.domain.courses import entitlements
from app.domain.courses.admission_models import CourseInvitation, EnrollmentRequest
from app.domain.courses.models import (
    Category,
    Course,
    CourseStatus,
    Enrollment,
    EnrollmentSource,
    Lesson,
    LessonKind,
    RevocationReason,
    Section,
)
from app.domain.videos import encryption, keys, playlists
from app.domain.videos.models import ContentKey, Rendition, RenditionKind, Video, VideoStatus

PASSWORD = "correct-horse-tests"
SEGMENT_SECONDS = 4
_numbers = itertools.count(1)
Row = TypeVar("Row", bound=Base)


@functools.cache
def _hashed(password: str, _at_what_cost: str) -> str:
    return hash_password(password)


def _added(row: Row) -> Row:
    db.session.add(row)
    db.session.commit()
    return row


def make_user(role: Role = Role.LEARNER, password: str | None = None, **values: Any) -> User:
    """Add a person; only one made with a `password` can sign in with it."""
    number = next(_numbers)
    defaults = {"email": f"{role.value}{number}@example.com", "name": f"Person {number}"}
    hashed = _hashed(password, passwords.DUMMY_HASH) if password else None
    return _added(User(role=role, password_hash=hashed, **{**defaults, **values}))


def make_category(**values: Any) -> Category:
    """Add a shelf of the catalog."""
    number = next(_numbers)
    defaults = {
        "slug": f"category-{number}",
        "name": f"Category {number}",
        "description": "What belongs together.",
        "hue": number * 47 % 360,
    }
    return _added(Category(**{**defaults, **values}))


def make_course(
    instructor: User | None = None, category: Category | None = None, **values: Any
) -> Course:
    """Add a published, free course without lessons."""
    number = next(_numbers)
    status = values.pop("status", CourseStatus.PUBLISHED)
    defaults = {
        "slug": f"course-{number}",
        "title": f"Course {number}",
        "pitch": "Learn one thing well.",
        "description": "A course made for a test.",
        "outcomes": ["Do the thing"],
        "published_at": utcnow() if status is not CourseStatus.DRAFT else None,
    }
    instructor = instructor or make_user(Role.INSTRUCTOR)
    category = category or make_category()
    ids = {"instructor_id": instructor.id, "category_id": category.id}
    return _added(Course(status=status, **ids, **{**defaults, **values}))


def make_section(course: Course, position: int = 1, **values: Any) -> Section:
    """Add a chapter to `course`."""
    defaults = {"title": f"Section {position}"}
    return _added(Section(course_id=course.id, position=position, **{**defaults, **values}))


def make_lesson(section: Section, position: int = 1, **values: Any) -> Lesson:
    """Add a lesson to `section` and keep the course's counts, as its writer would."""
    defaults = {"title": f"Lesson {position}", "kind": LessonKind.TEXT, "body": "Read *this*."}
    values = {**defaults, **values}
    course_id = section.course_id
    lesson = _added(Lesson(section_id=section.id, course_id=course_id, position=position, **values))
    course = db.session.get_one(Course, course_id)
    course.lesson_count += 1
    course.duration_seconds += lesson.duration_seconds
    db.session.commit()
    return lesson


def make_video(status: VideoStatus = VideoStatus.READY, **values: Any) -> Video:
    """Add a video; a ready one has a generation but no renditions (see `make_ready_video`)."""
    is_ready = status is VideoStatus.READY
    defaults: dict[str, Any] = {
        "id": uuid.uuid4(),
        "title": f"Video {next(_numbers)}",
        "source_bytes": 1024,
        "source_sha256": "0" * 64,
        "generation": 1 if is_ready else None,
        "is_complete": is_ready,
        "duration_seconds": 60.0 if is_ready else None,
        "ready_at": utcnow() if is_ready else None,
    }
    values = {**defaults, **values}
    values.setdefault("source_key", f"sources/{values['id']}/source.mp4")
    return _added(Video(status=status, **values))


def _durations(seconds: float) -> list[float]:
    whole, rest = divmod(seconds, SEGMENT_SECONDS)
    return [float(SEGMENT_SECONDS)] * int(whole) + ([rest] if rest else [])


def make_rendition(video: Video, name: str = "360p", **values: Any) -> Rendition:
    """Add one rung of the video's served generation."""
    is_audio = name == "audio"
    height = None if is_audio else int(name.removesuffix("p"))
    durations = _durations(video.duration_seconds or 60.0)
    ivs = [secrets.token_bytes(encryption.IV_BYTES) for _ in durations]
    defaults: dict[str, Any] = {
        "kind": RenditionKind.AUDIO if is_audio else RenditionKind.VIDEO,
        "width": None if height is None else height * 16 // 9 // 2 * 2,
        "height": height,
        "frame_rate": None if is_audio else 30.0,
        "codecs": "mp4a.40.2" if is_audio else "avc1.64001f",
        "peak_bandwidth": 96_000 if is_audio else (height or 0) * 2_000,
        "average_bandwidth": 64_000 if is_audio else (height or 0) * 1_200,
        "segment_count": len(durations),
        "size_bytes": 100_000,
        "playlist": playlists.render_media_template(name, durations, ivs),
    }
    ids = {"video_id": video.id, "generation": video.generation}
    return _added(Rendition(name=name, **ids, **{**defaults, **values}))


def make_ready_video(seconds: float = 60.0, **values: Any) -> Video:
    """Add a playable video: two rungs and sound, sealed keys, the first segment of each on disk.

    What the segments hold is noise; tests that decode use the really transcoded clip.
    """
    video = make_video(duration_seconds=seconds, **values)
    generation = video.generation or 1
    for name in ("720p", "360p", "audio"):
        make_rendition(video, name)
        for file in (playlists.INIT_NAME, "00000.m4s"):
            key = f"media/{video.id}/{generation}/{name}/{file}"
            integrations.storage.put_bytes(key, secrets.token_bytes(1024), "video/mp4")
    for window in range(encryption.window_of(len(_durations(seconds)) - 1) + 1):
        sealed = keys.seal(settings.content_secret, video.id, generation, window, keys.new_key())
        ids = {"video_id": video.id, "generation": generation}
        db.session.add(ContentKey(window=window, sealed_key=sealed, **ids))
    db.session.commit()
    return video


def make_enrollment(user: User, course: Course, **values: Any) -> Enrollment:
    """Enrol `user` in `course`, in the ledger and in the course's count, as its writer would."""
    source = values.pop("source", EnrollmentSource.FREE)
    revoked_at = values.pop("revoked_at", None)
    enrollment = entitlements.grant(user.id, course.id, source)
    if revoked_at is not None:
        reason = values.pop("revocation", RevocationReason.STAFF)
        entitlements.revoke(user.id, course.id, reason)
        enrollment.revoked_at = revoked_at
    for name, value in values.items():
        setattr(enrollment, name, value)
    db.session.commit()
    return enrollment


def make_request(user: User, course: Course, **values: Any) -> EnrollmentRequest:
    """Have `user` ask to be let into `course`."""
    return _added(EnrollmentRequest(user_id=user.id, course_id=course.id, **values))


def make_invitation(email: str, course: Course, **values: Any) -> CourseInvitation:
    """Invite an address into `course`."""
    return _added(CourseInvitation(email=email, course_id=course.id, **values))
