"""A house with `rows` of everything that a page lists, and the people who look at its pages."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.clock import utcnow
from app.current import integrations
from app.database import Base, db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import (
    DataExport,
    ExportStatus,
    LoginSession,
    Passkey,
    RecoveryCode,
    Role,
    User,
)
from app.domain.audit import trail
from app.domain.audit.actions import Action
from app.domain.audit.trail import ActorKind, Event
from app.domain.checkout import coupons
from app.domain.checkout.coupon_models import Coupon
from app.domain.checkout.models import (
    Dispute,
    EndReason,
    EventOutcome,
    Order,
    OrderStatus,
    WebhookEvent,
)
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus
from app.domain.courses.file_models import CourseTransfer, TransferKind, TransferStatus
from app.domain.courses.models import Course, Lesson, LessonKind, LessonProgress, Section
from app.domain.outbox import mail
from app.domain.playback.models import PlaybackSession
from app.domain.videos import uploads
from app.domain.videos.models import CaptionTrack, VideoStatus
from app.domain.videos.upload_models import UploadPurpose
from tests import factories
from tests.house_rules import addresses
from tests.support import keys
from tests.support.client import CheckedClient, sign_in
from tests.support.coupons import make_coupon
from tests.support.course_files import make_file
from tests.support.orders import make_order, make_payment, make_refund
from tests.support.receipts import make_method, make_transfer_order

FEW = 9  # of what nobody may have many of
ROLES = ("anonymous", "enrolled", "owner", "admin")
LANGUAGES = tuple(f"{a}{b}" for a in "abcdefgh" for b in "aeiou")


@dataclass(frozen=True)
class World:
    """A filled house: who asks, and what the variables of addresses stand for."""

    app: Flask
    clients: dict[str, CheckedClient]
    values: dict[str, Any]
    special: dict[str, dict[str, Any]]

    def path(self, endpoint: str) -> str:
        """Return the address of `endpoint`."""
        return addresses.path(self.app, endpoint, self.values, **self.special.get(endpoint, {}))


@dataclass(frozen=True)
class Cast:
    """The rows that the lists hang on."""

    owner: User
    learner: User
    admin: User
    course: Course
    section: Section
    lesson: Lesson
    sign_in_id: uuid.UUID
    method_id: uuid.UUID


def _add(*rows: Base) -> None:
    db.session.add_all(rows)
    db.session.flush()


def _add_courses(cast: Cast, number: int) -> None:
    """Another course of the owner's that the learner is in and has begun, on its own shelf."""
    course = factories.make_course(cast.owner, factories.make_category(position=number))
    section = factories.make_section(course)
    factories.make_section(cast.course, number + 1)
    video = factories.make_ready_video(uploaded_by_id=cast.owner.id)
    lesson = factories.make_lesson(section, kind=LessonKind.VIDEO, video_id=video.id)
    factories.make_enrollment(cast.learner, course, last_lesson_id=lesson.id)
    begun = factories.make_lesson(cast.section, number + 9)
    for each in (lesson, begun):
        ids = {"user_id": cast.learner.id, "lesson_id": each.id, "course_id": each.course_id}
        _add(LessonProgress(watched="{[0,9)}", position_seconds=9.0, **ids))
    _add(_stream(cast, lesson))


def _stream(cast: Cast, lesson: Lesson) -> PlaybackSession:
    now = utcnow()
    return PlaybackSession(
        code=secrets.token_hex(4),
        user_id=cast.learner.id,
        login_session_id=cast.sign_in_id,
        lesson_id=lesson.id,
        video_id=lesson.video_id,
        generation=1,
        device="Tests",
        lease_expires_at=now + timedelta(hours=1),
    )


def _add_people(cast: Cast, number: int) -> None:
    """Somebody who is in the course, one who asks, one who is invited; all are on the trail."""
    member, asking = factories.make_user(), factories.make_user()
    factories.make_enrollment(member, cast.course)
    factories.make_request(asking, cast.course)
    factories.make_invitation(f"guest{number}@example.com", cast.course)
    for subject in (cast.learner, cast.owner, member):
        event = Event(
            Action.SIGNED_IN,
            ActorKind.PERSON,
            actor_id=member.id,
            subject_id=subject.id,
            detail={"number": number},
        )
        trail.record(event)
    mail.write(f"guest{number}@example.com", "test", None, name="Guest")


def _add_account(cast: Cast, number: int) -> None:
    """What the learner's own pages list."""
    if number <= FEW:
        keys.make_key(cast.learner, name=f"Key {number}")
    sessions.start(cast.learner, ClientInfo(ip="127.0.0.1", user_agent=f"Tests {number}"))
    _add(
        Passkey(
            user_id=cast.learner.id,
            credential_id=secrets.token_bytes(16),
            public_key=b"key",
            name=f"Passkey {number}",
        ),
        RecoveryCode(user_id=cast.learner.id, code_hash=secrets.token_bytes(32)),
        _export(cast, f"exports/{number}", secrets.token_urlsafe(32)),
    )


def _export(cast: Cast, key: str, token: str) -> DataExport:
    now = utcnow()
    return DataExport(
        user_id=cast.learner.id,
        status=ExportStatus.READY,
        token_hash=hashlib.sha256(token.encode()).digest(),
        storage_key=key,
        size_bytes=9,
        ready_at=now,
        expires_at=now + timedelta(days=1),
    )


def _add_sales(cast: Cast, number: int) -> None:
    """An order that is paid and partly refunded, one under review, and ways to pay less."""
    course = factories.make_course(cast.owner, price_minor=12_000, currency="ETB")
    order = make_order(cast.learner, course)
    payment = make_payment(order)
    make_refund(payment, 1_000)
    _add(
        Dispute(
            order_id=order.id,
            payment_id=payment.id,
            gateway="card",
            gateway_dispute_id=f"dp_{number}",
            amount_minor=1_000,
        )
    )
    review = {"status": OrderStatus.UNDER_REVIEW, "transfer_method_id": cast.method_id}
    waiting = make_transfer_order(cast.learner, course, **review)
    _add(_proof(waiting, ProofStatus.PENDING))
    make_coupon(course_id=course.id)
    make_coupon(course_id=cast.course.id)


def _proof(order: Order, status: ProofStatus) -> PaymentProof:
    return PaymentProof(
        order_id=order.id,
        status=status,
        reference="TX 1",
        storage_key=f"proofs/{uuid.uuid4()}",
        content_type="image/webp",
        size_bytes=9,
        sha256=secrets.token_hex(32),
        perceptual_hash=1,
    )


def _add_facts(order: Order, coupon_id: uuid.UUID, cast: Cast, number: int) -> None:
    """One more of everything that a page of one order or coupon lists."""
    make_refund(make_payment(order, amount_minor=2_000), 100)
    _add(_proof(order, ProofStatus.REJECTED))
    _add(
        WebhookEvent(
            gateway="card",
            event_id=f"evt_{number}",
            type="payment_intent.succeeded",
            payload="{}",
            order_id=order.id,
            outcome=EventOutcome.REFUSED,
            created_at=utcnow(),
        )
    )
    ended: dict[str, Any] = {"status": OrderStatus.EXPIRED, "ended_as": EndReason.EXPIRED}
    another = make_order(factories.make_user(), cast.course, **ended)
    coupon = db.session.get_one(Coupon, coupon_id)
    coupons.redeem(coupon, another.user_id, another.id)


def _add_media(cast: Cast, number: int) -> None:
    """Files on their way in and out, captions, and what came of uploads."""
    make_file(cast.lesson, f"notes-{number}.txt", position=number + 1)
    language = LANGUAGES[number]
    _add(
        CaptionTrack(
            video_id=cast.lesson.video_id, language=language, label=language, webvtt="WEBVTT\n"
        )
    )
    factories.make_video(VideoStatus.QUEUED, uploaded_by_id=cast.owner.id)
    wish = uploads.Wish(
        owner_id=cast.owner.id,
        purpose=UploadPurpose.VIDEO,
        target_id=None,
        filename=f"film-{number}.mp4",
        content_type="video/mp4",
        size_bytes=2,
    )
    uploads.begin(wish, uploads.open_storage(wish))
    _add(
        CourseTransfer(
            kind=TransferKind.EXPORT,
            status=TransferStatus.FAILED,
            course_id=cast.course.id,
            created_by_id=cast.owner.id,
            title=cast.course.title,
        )
    )


def _make_cast(app: Flask) -> tuple[Cast, dict[str, CheckedClient]]:
    owner = factories.make_user(Role.INSTRUCTOR, name="Ines Teacher")
    learner = factories.make_user(name="Enno Enrolled")  # as the rows of the access table say
    admin = factories.make_user(Role.ADMIN, name="Ada Admin")
    course = factories.make_course(owner, title="Weaving by hand")
    section = factories.make_section(course)
    video = factories.make_ready_video(uploaded_by_id=owner.id)
    kind = {"kind": LessonKind.VIDEO, "duration_seconds": 60}
    lesson = factories.make_lesson(section, 1, title="The loom", video_id=video.id, **kind)
    factories.make_enrollment(learner, course)
    clients: dict[str, CheckedClient] = {}
    tokens: dict[str, str] = {}
    for role, user in zip(ROLES, (None, learner, owner, admin), strict=True):
        client = app.test_client()
        assert isinstance(client, CheckedClient)
        if user is not None:
            tokens[role] = sign_in(client, user)
        clients[role] = client
    digest = hashlib.sha256(tokens["enrolled"].encode()).digest()
    found = select(LoginSession.id).where(LoginSession.token_hash == digest)
    sign_in_id = db.session.scalars(found).one()
    return Cast(
        owner, learner, admin, course, section, lesson, sign_in_id, make_method().id
    ), clients


def _add_rows(cast: Cast, order: Order, coupon_id: uuid.UUID, rows: int) -> None:
    for number in range(1, rows + 1):
        _add_courses(cast, number)
        _add_people(cast, number)
        _add_account(cast, number)
        _add_sales(cast, number)
        _add_facts(order, coupon_id, cast, number)
        _add_media(cast, number)
        if number <= FEW:
            make_method(name=f"Bank {number}")
        db.session.commit()


def build(app: Flask, rows: int) -> World:
    """Fill the empty database of `app` with `rows` of everything."""
    cast, clients = _make_cast(app)
    values = addresses.fill(app, cast.course, cast.lesson, clients["enrolled"])
    order = make_order(factories.make_user(), cast.course, 100_000)
    coupon = make_coupon(course_id=cast.course.id)
    transfer = make_transfer_order(cast.admin, cast.course, transfer_method_id=cast.method_id)
    proof = _proof(transfer, ProofStatus.REJECTED)
    _add(proof)
    _add_rows(cast, order, coupon.id, rows)
    of_order: dict[str, Any] = {"order_id": order.id}
    special: dict[str, dict[str, Any]] = {
        **{f"admin.{name}": of_order for name in ("order", "order_refund", "get_order")},
        "admin.list_refunds": of_order,
        "admin.list_sections": {"course_id": cast.course.id},
        "admin.list_lessons": {"course_id": cast.course.id},
        "auth.download_export": {"token": _make_export(cast)},
    }
    more = {"coupon_id": coupon.id, "proof_id": proof.id, "method_id": cast.method_id}
    db.session.commit()
    db.session.remove()
    return World(app, clients, {**values, **more}, special)


def _make_export(cast: Cast) -> str:
    """Give the learner an export to fetch; return what its address carries."""
    token, key = secrets.token_urlsafe(32), f"exports/{uuid.uuid4()}.zip"
    integrations.storage.put_bytes(key, b"PK", "application/zip")
    _add(_export(cast, key, token))
    return token
