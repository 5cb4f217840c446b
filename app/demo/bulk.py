"""Thousands of synthetic courses in a few statements, for benches and growth tests."""

import uuid

from sqlalchemy import select, text

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Category

EMAIL = "bulk@example.com"
CATEGORY = "bulk"

# The subjects make titles differ in more than a number, so that searching finds some, not all.
_COURSES = text(
    """
    INSERT INTO courses (id, slug, title, pitch, description, category_id, instructor_id, level,
        language, status, price_minor, currency, lesson_count, duration_seconds, learner_count,
        published_at, created_at, updated_at)
    SELECT gen_random_uuid(), 'bulk-' || n,
        initcap(verbs[1 + n % 7]) || ' ' || subjects[1 + n / 7 % 11] || ', part ' || n,
        'A synthetic course about ' || subjects[1 + n / 7 % 11] || '.',
        'Made for measuring. It teaches ' || subjects[1 + n / 7 % 11] || ' to nobody.',
        :category_id, :instructor_id,
        (ARRAY['beginner', 'intermediate', 'advanced'])[1 + n % 3],
        CASE WHEN n % 10 = 0 THEN 'am' ELSE 'en' END,
        'published', CASE WHEN n % 4 = 0 THEN 100 * (n % 90 + 10) ELSE 0 END, 'ETB',
        :lessons, :lessons * 60, n % 1000,
        :now - make_interval(mins => n), :now - make_interval(mins => n), :now
    FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n,
        (SELECT ARRAY['weave', 'mend', 'draw', 'count', 'plan', 'grow', 'tell'] AS verbs,
            ARRAY['baskets', 'engines', 'maps', 'budgets', 'gardens', 'stories', 'bridges',
                'melodies', 'recipes', 'harvests', 'letters'] AS subjects) AS words
    """
)
_SECTIONS = text(
    """
    INSERT INTO sections (id, course_id, title, position)
    SELECT gen_random_uuid(), id, 'All of it', 1 FROM courses
    WHERE category_id = :category_id
        AND NOT EXISTS (SELECT FROM sections s WHERE s.course_id = courses.id)
    """
)
_LESSONS = text(
    """
    INSERT INTO lessons
        (id, section_id, course_id, title, kind, position, duration_seconds, is_preview, body)
    SELECT gen_random_uuid(), s.id, s.course_id, 'Lesson ' || n, 'text', n, 60, n = 1, 'Read this.'
    FROM sections s JOIN courses c ON c.id = s.course_id
    CROSS JOIN generate_series(1, CAST(:lessons AS integer)) AS n
    WHERE c.category_id = :category_id
        AND NOT EXISTS (SELECT FROM lessons l WHERE l.section_id = s.id)
    """
)


def bulk_courses(n: int, lessons_per_course: int = 1) -> int:
    """Insert `n` more published courses, commit, and return how many synthetic ones there are.

    They share one instructor and one category, "bulk". The planner's statistics are renewed, so
    what is measured next is measured with the plans that such a table gets.
    """
    # A hundred thousand rows take longer than a request may.
    db.session.execute(text("SET LOCAL statement_timeout = 0"))
    category_id, instructor_id = _category_id(), _instructor_id()
    count = text("SELECT count(*) FROM courses WHERE category_id = :category_id")
    existing = int(db.session.execute(count, {"category_id": category_id}).scalar_one())
    values = {
        "category_id": category_id,
        "instructor_id": instructor_id,
        "lessons": lessons_per_course,
        "first": existing + 1,
        "last": existing + n,
        "now": utcnow(),
    }
    for statement in (_COURSES, _SECTIONS, _LESSONS):
        db.session.execute(statement, values)
    db.session.execute(text("ANALYZE courses, sections, lessons"))
    db.session.commit()
    return existing + n


def _category_id() -> uuid.UUID:
    category = db.session.scalar(select(Category).where(Category.slug == CATEGORY))
    if category is None:
        category = Category(
            id=uuid.uuid4(),
            slug=CATEGORY,
            name="Bulk",
            description="Synthetic.",
            hue=0,
            position=99,
        )
        db.session.add(category)
        db.session.flush()
    return category.id


def _instructor_id() -> uuid.UUID:
    user = db.session.scalar(select(User).where(User.email == EMAIL))
    if user is None:
        user = User(id=uuid.uuid4(), email=EMAIL, name="Bulk Teacher", role=Role.INSTRUCTOR)
        db.session.add(user)
        db.session.flush()
    return user.id
