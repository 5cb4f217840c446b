"""What the tests of making courses share: an instructor with a course of their own to build."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from app.domain.accounts.models import Role
from app.domain.courses.models import (
    Category,
    Course,
    CourseStatus,
    Lesson,
    LessonKind,
    Section,
)
from tests.support.house import House, Person


@dataclass(frozen=True)
class Draft:
    """A draft of two sections, with three lessons in the first and one in the second."""

    teacher: Person
    course_id: UUID
    lessons: list[UUID]

    @property
    def path(self) -> str:
        """The address of its first page in the builder."""
        return f"/admin/courses/{self.course_id}"

    def lesson_path(self, index: int = 0) -> str:
        """The address of one of its lessons in the builder."""
        return f"{self.path}/lessons/{self.lessons[index]}"


def make_draft(house: House) -> Draft:
    """Add an instructor with a draft."""
    teacher = house.add_learner(role=Role.INSTRUCTOR, enrolled=False)
    with house.session() as session:
        shelf = session.scalars(select(Category)).first()
        assert shelf is not None
        course = Course(
            id=uuid4(),
            slug=f"draft-{uuid4().hex[:8]}",
            title="Dyeing wool",
            pitch="Colours from the garden.",
            description="All about it.",
            category_id=shelf.id,
            instructor_id=teacher.user_id,
            status=CourseStatus.DRAFT,
            lesson_count=4,
        )
        session.add(course)
        session.flush()
        lessons = []
        for at, titles in enumerate((("Madder", "Weld", "Woad"), ("Mordants",)), start=1):
            section = Section(
                id=uuid4(), course_id=course.id, title=f"Part {'AB'[at - 1]}", position=at
            )
            session.add(section)
            session.flush()
            for place, title in enumerate(titles, start=1):
                lesson = Lesson(
                    id=uuid4(),
                    section_id=section.id,
                    course_id=course.id,
                    title=title,
                    position=place,
                    kind=LessonKind.TEXT,
                    body="Boil it.",
                )
                session.add(lesson)
                lessons.append(lesson.id)
        session.commit()
        return Draft(teacher, course.id, lessons)


def outline_of(house: House, draft: Draft) -> list[tuple[str, list[str]]]:
    """Return the sections and their lessons by title, as the database has them."""
    with house.session() as session:
        sections = session.scalars(
            select(Section).where(Section.course_id == draft.course_id).order_by(Section.position)
        ).all()
        return [
            (
                section.title,
                list(
                    session.scalars(
                        select(Lesson.title)
                        .where(Lesson.section_id == section.id)
                        .order_by(Lesson.position)
                    )
                ),
            )
            for section in sections
        ]


def lesson_of(house: House, lesson_id: UUID) -> Lesson:
    """Return a lesson as the database has it now."""
    with house.session() as session:
        lesson = session.get_one(Lesson, lesson_id)
        session.expunge(lesson)
        return lesson


def status(page: Page) -> Locator:
    """The line that says how saving goes."""
    return page.locator('.builder [data-part="status"]')


def expect_ready(page: Page) -> None:
    """Wait until the builder's scripts have started."""
    expect(page.locator(".builder[data-ready]")).to_be_attached()


def expect_saved(page: Page) -> None:
    """Wait until the builder says that everything is saved."""
    expect(status(page)).to_have_attribute("data-state", "saved")
