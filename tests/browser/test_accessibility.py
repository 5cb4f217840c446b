"""Every page in light and dark, narrow and wide: no violation that axe knows, nothing cut off."""

from importlib.resources import files
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from app.domain.accounts.models import Role
from tests.browser.conftest import Open
from tests.browser.watching import Faults, screenshot
from tests.support.house import House, Person

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
# What passed is neither described nor sent over: that would be most of the work.
AXE_VIOLATIONS = """async (tags) => {
  const runOnly = { type: 'tag', values: tags };
  const report = await axe.run(document, { runOnly, resultTypes: ['violations'] });
  return report.violations;
}"""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS: list[tuple[int, int, Literal["light", "dark"]]] = [
    (360, 740, "light"),
    (360, 740, "dark"),
    (768, 1024, "light"),
    (1280, 800, "light"),
    (1280, 800, "dark"),
]
VISITORS = {
    "home": "/",
    "training": "/training",
    "catalog": "/courses",
    "catalog-searched": "/courses?q=loom&price=paid",
    "catalog-empty": "/courses?q=no-such-words-anywhere",
    "category": "/courses/category/crafts",
    "course": "/courses/weaving-by-hand",
    "course-paid": "/courses/big-loom",
    "sign-in": "/auth/sign-in",
    "sign-up": "/auth/sign-up",
    "reset": "/auth/reset",
    "reset-over": "/auth/reset/no-such-link",
    "verify-over": "/auth/verify/no-such-link",
    "terms": "/legal/terms",
    "privacy": "/legal/privacy",
    "api-docs": "/api/docs",
    "not-found": "/no-such-page",
}
LEARNERS = {
    "account-profile": "/account",
    "account-data": "/account/data",
    "account-deletion": "/account/data/delete",
    "account-password": "/account/password",
    "account-email": "/account/email",
    "account-sessions": "/account/sessions",
    "account-orders": "/account/orders",
    "account-confirm": "/account/confirm",
    "account-security": "/account/security",
    "dashboard": "/dashboard",
    "course-enrolled": "/courses/weaving-by-hand",
    "lesson": "/learn/weaving-by-hand/{video}",
    "lesson-text": "/learn/weaving-by-hand/{text}",
    "forbidden": "/admin",
}
OUTSIDERS = {
    "dashboard-empty": "/dashboard",
    "checkout-closed": "/checkout/big-loom",
    "lesson-locked": "/learn/weaving-by-hand/{video}",
}
STAFF = {
    "admin": "/admin",
    "admin-courses": "/admin/courses",
    "admin-videos": "/admin/videos",
    "admin-orders": "/admin/orders",
    "admin-coupon-new": "/admin/coupons/new",
    "admin-people": "/admin/users",
    "admin-people-none": "/admin/users?q=no-such-person",
    "admin-person": "/admin/users/{outsider}",
    "admin-suspend": "/admin/users/{outsider}/suspend",
    "admin-role": "/admin/users/{outsider}/role",
    "admin-audit": "/admin/audit",
    "admin-audit-wrong": "/admin/audit?actor=nobody@example.com&address=none",
}
PAGES = [
    *((name, path, "visitor") for name, path in VISITORS.items()),
    *((name, path, "learner") for name, path in LEARNERS.items()),
    *((name, path, "outsider") for name, path in OUTSIDERS.items()),
    *((name, path, "admin") for name, path in STAFF.items()),
]


@pytest.fixture(scope="module")
def people(house: House) -> dict[str, Person | None]:
    """Somebody of each kind."""
    return {
        "visitor": None,
        "learner": house.add_learner(),
        "outsider": house.add_learner(enrolled=False),
        "admin": house.add_learner(role=Role.ADMIN, enrolled=False),
    }


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with the page as it is."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[dict[str, Any]] = page.evaluate(AXE_VIOLATIONS, TAGS)
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]}"
        for violation in found
        for node in violation["nodes"][:2]
    ]


def overflow(page: Page) -> list[str]:
    """Return what sticks out to the right of the window."""
    return list(
        page.evaluate(
            """() => {
              const wide = document.documentElement.scrollWidth;
              if (wide <= window.innerWidth) return [];
              return [...document.querySelectorAll('body *')]
                .filter((e) => e.getBoundingClientRect().right > window.innerWidth + 1)
                .slice(0, 5).map((e) => e.outerHTML.slice(0, 120));
            }"""
        )
    )


@pytest.mark.parametrize(("name", "path", "who"), PAGES, ids=[page[0] for page in PAGES])
def test_page_is_accessible_and_fits(
    open_page: Open,
    house: House,
    people: dict[str, Person | None],
    faults: Faults,
    name: str,
    path: str,
    who: str,
) -> None:
    faults.expect(r"status of (403|404|410|422)")
    outsider = people["outsider"]
    assert outsider is not None
    ids = {"video": house.video_lesson, "text": house.text_lesson, "outsider": outsider.user_id}
    address = path.format(**ids)
    page = open_page(address, people[who])
    wrong = []
    for width, height, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        look = f"{name}-{width}-{scheme}"
        screenshot(page, look)
        wrong += [f"{look}: {fault}" for fault in (*violations(page), *overflow(page))]
    assert wrong == []


def test_page_works_without_script(open_page: Open, house: House) -> None:
    """Catalog, course and account are readable and usable with JavaScript switched off."""
    page = open_page("/")
    context = page.context.browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    origin = page.url.rstrip("/")
    try:
        plain.goto(f"{origin}/courses?q=weaving")
        plain.get_by_role("link", name="Weaving by hand").first.click()
        assert plain.get_by_role("heading", level=1).inner_text() == "Weaving by hand"
        plain.goto(f"{origin}/auth/sign-in")
        assert plain.get_by_label("E-mail").is_visible()
    finally:
        context.close()
