"""Two people at one course at once: of what was accepted nothing is lost, the rest is told."""

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.domain.accounts.models import Role
from app.domain.courses import builder, course_edits, outline_edits
from app.domain.courses.models import Course, CourseStatus, Lesson, Section
from app.domain.courses.outline_order import current_order
from app.errors import VersionConflict
from tests import factories
from tests.support.overlap import overlapping

ROUNDS = 40


@pytest.fixture(autouse=True)
def db_session() -> None:
    """These tests commit for real, to a database of their own."""


@dataclass(frozen=True)
class Editor:
    """Somebody in charge."""

    id: uuid.UUID
    role: Role = Role.ADMIN


@pytest.fixture
def editor(committed_app: Flask) -> Editor:
    """An administrator."""
    return Editor(factories.make_user(Role.ADMIN).id)


@pytest.fixture
def course_id(editor: Editor) -> Iterator[uuid.UUID]:
    """A draft of three sections with four lessons each."""
    course = factories.make_course(status=CourseStatus.DRAFT)
    for at in range(1, 4):
        section = factories.make_section(course, at)
        for place in range(1, 5):
            factories.make_lesson(section, place, title=f"{at}.{place}")
    yield course.id
    db.session.remove()


def _versions(editor: Editor, course_id: uuid.UUID) -> builder.Versions:
    return builder.get_versions(editor, course_id)


def test_of_two_orders_made_on_one_outline_one_is_refused(
    committed_app: Flask, editor: Editor, course_id: uuid.UUID
) -> None:
    order = current_order(course_id)
    db.session.rollback()
    refused: list[VersionConflict] = []

    def turn() -> None:
        outline_edits.reorder(editor, course_id, order[::-1], 1)

    def rotate() -> None:
        try:
            outline_edits.reorder(editor, course_id, [*order[1:], order[0]], 1)
        except VersionConflict as conflict:
            refused.append(conflict)

    overlapping(committed_app, turn, rotate)
    assert current_order(course_id) == order[::-1]
    assert [conflict.extra["current"]["outline_version"] for conflict in refused] == [2]


def test_of_two_texts_written_on_one_lesson_one_is_refused_and_shown_the_other(
    committed_app: Flask, editor: Editor, course_id: uuid.UUID
) -> None:
    lesson_id = current_order(course_id)[0]["lessons"][0]
    db.session.rollback()
    refused: list[VersionConflict] = []

    def second() -> None:
        try:
            outline_edits.change_lesson(editor, lesson_id, {"body": "mine"}, 1)
        except VersionConflict as conflict:
            refused.append(conflict)

    overlapping(
        committed_app,
        lambda: outline_edits.change_lesson(editor, lesson_id, {"body": "theirs"}, 1),
        second,
    )
    assert db.session.get_one(Lesson, lesson_id).body == "theirs"
    assert [conflict.extra["current"]["body"] for conflict in refused] == ["theirs"]


def test_a_lesson_added_while_somebody_reorders_is_not_lost(
    committed_app: Flask, editor: Editor, course_id: uuid.UUID
) -> None:
    order = current_order(course_id)
    db.session.rollback()
    refused: list[VersionConflict] = []

    def reorder() -> None:
        try:
            outline_edits.reorder(editor, course_id, order[::-1], 1)
        except VersionConflict as conflict:
            refused.append(conflict)

    overlapping(
        committed_app,
        lambda: outline_edits.add_lesson(editor, order[0]["id"], "New", position=1),
        reorder,
    )
    assert len(refused) == 1
    assert db.session.scalar(select(Lesson.title).where(Lesson.title == "New")) == "New"
    assert len(current_order(course_id)[0]["lessons"]) == 5


def test_two_drafts_begun_at_once_under_one_title_get_two_addresses(
    committed_app: Flask, editor: Editor, course_id: uuid.UUID
) -> None:
    def begin() -> None:
        course_edits.create(editor, "Knots")

    overlapping(committed_app, begin, begin)
    slugs = db.session.scalars(select(Course.slug).where(Course.title == "Knots")).all()
    assert sorted(slugs) == ["knots", "knots-2"]


class Hand:
    """One editor that reads, does something at random on what it read, and counts what passed."""

    def __init__(self, editor: Editor, course_id: uuid.UUID, seed: int) -> None:
        self.editor = editor
        self.course_id = course_id
        self.dice = random.Random(seed)
        self.passed: Counter[str] = Counter()
        self.texts: dict[uuid.UUID, int] = {}

    def work(self, app: Flask) -> None:
        """Do the rounds; a refused one is given up."""
        acts: list[Callable[[], str]] = [self._reorder, self._write, self._write, self._move]
        acts += [self._add, self._rename]
        for _ in range(ROUNDS):
            with app.app_context():
                try:
                    done = self.dice.choice(acts)()
                except VersionConflict:
                    db.session.rollback()
                    done = "refused"
                else:
                    db.session.commit()
            self.passed[done] += 1

    def _reorder(self) -> str:
        version = _versions(self.editor, self.course_id).outline_version
        order = current_order(self.course_id)
        db.session.rollback()
        self.dice.shuffle(order)
        lessons = [lesson for section in order for lesson in section["lessons"]]
        self.dice.shuffle(lessons)
        for section in order:
            count = len(section["lessons"])
            section["lessons"], lessons = lessons[:count], lessons[count:]
        outline_edits.reorder(self.editor, self.course_id, order, version)
        return "order"

    def _write(self) -> str:
        versions = _versions(self.editor, self.course_id).lessons
        lesson_id = self.dice.choice(sorted(versions)[:3])
        db.session.rollback()
        text = f"{uuid.UUID(int=self.dice.getrandbits(128))}"
        outline_edits.change_lesson(self.editor, lesson_id, {"body": text}, versions[lesson_id])
        self.texts[lesson_id] = self.texts.get(lesson_id, 0) + 1
        return "text"

    def _move(self) -> str:
        order = current_order(self.course_id)
        lesson_id = self.dice.choice([key for section in order for key in section["lessons"]])
        section_id = self.dice.choice(order)["id"]
        db.session.rollback()
        position = self.dice.randint(1, 5)
        outline_edits.change_lesson(
            self.editor, lesson_id, {"section_id": section_id, "position": position}
        )
        return "move"

    def _add(self) -> str:
        section_id = self.dice.choice(current_order(self.course_id))["id"]
        db.session.rollback()
        outline_edits.add_lesson(self.editor, section_id, "Added", position=1)
        return "added"

    def _rename(self) -> str:
        version = _versions(self.editor, self.course_id).version
        db.session.rollback()
        title = f"Title {self.dice.getrandbits(64)}"
        course_edits.change(self.editor, self.course_id, {"title": title}, version)
        return "title"


def test_two_hands_at_everything_at_once_lose_nothing_silently(
    committed_app: Flask, editor: Editor, course_id: uuid.UUID
) -> None:
    """Each accepted change is there and counted; the places stay whole; nobody waits for ever."""
    db.session.remove()
    hands = [Hand(editor, course_id, seed) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        for running in [pool.submit(hand.work, committed_app) for hand in hands]:
            running.result(timeout=60)
    passed = hands[0].passed + hands[1].passed
    assert passed["refused"] > 0, "they never met"
    course = db.session.get_one(Course, course_id)
    assert course.version == 1 + passed["title"]
    assert course.lesson_count == 12 + passed["added"]
    lessons = db.session.scalars(select(Lesson).where(Lesson.course_id == course_id)).all()
    assert len(lessons) == course.lesson_count
    for lesson in lessons:
        assert lesson.version == 1 + sum(hand.texts.get(lesson.id, 0) for hand in hands)
    for section_id in db.session.scalars(select(Section.id)):
        places = sorted(row.position for row in lessons if row.section_id == section_id)
        assert places == list(range(1, len(places) + 1))
