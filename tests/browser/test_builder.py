"""Building a course in a browser: moved by keys and pointer, saved as one writes, never lost."""

import pytest
from playwright.sync_api import expect

from app.domain.courses.models import Course
from tests.browser.conftest import Open
from tests.browser.making import (
    Draft,
    expect_ready,
    expect_saved,
    lesson_of,
    make_draft,
    outline_of,
    status,
)
from tests.browser.watching import Faults, screenshot, until
from tests.support.house import House

REFUSED = r"the server responded with a status of (409|422|404)"


@pytest.fixture
def draft(house: House) -> Draft:
    """An instructor's draft."""
    return make_draft(house)


def test_rows_are_moved_by_keys_and_stay_moved(open_page: Open, house: House, draft: Draft) -> None:
    page = open_page(draft.path, draft.teacher)
    expect_ready(page)
    tree = page.get_by_role("navigation", name="Outline")
    woad = tree.get_by_role("link", name="Woad")
    woad.focus()
    page.keyboard.press("Alt+ArrowUp")
    live = page.locator('[data-part="live"]')
    expect(live).to_have_text("“Woad” is now lesson 2 of 3 in “Part A”.")
    expect(woad).to_be_focused()
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowDown")
    expect(live).to_have_text("“Woad” is now lesson 1 of 2 in “Part B”.")
    expect_saved(page)
    tree.get_by_role("link", name="Part B").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(live).to_have_text("“Part B” is now section 1 of 2.")
    wanted = [("Part B", ["Woad", "Mordants"]), ("Part A", ["Madder", "Weld"])]
    until(page, lambda: outline_of(house, draft) == wanted, "the order is saved")
    page.keyboard.press("Alt+ArrowUp")
    expect(live).to_have_text("It is the first already.")


def test_rows_are_moved_by_buttons_and_by_a_grip_on_a_phone(
    open_page: Open, house: House, draft: Draft
) -> None:
    page = open_page(draft.path, draft.teacher, width=360, height=740)
    expect_ready(page)
    page.get_by_role("button", name="Outline").click()
    page.get_by_role("button", name="Reorder").click()
    page.get_by_role("button", name="Move down Madder").click()
    until(
        page,
        lambda: outline_of(house, draft)[0][1] == ["Weld", "Madder", "Woad"],
        "the button moved the lesson",
    )
    grip = page.locator(f'[data-lesson="{draft.lessons[3]}"] [data-part="grip"]')
    target = page.locator(f'[data-lesson="{draft.lessons[1]}"]')
    grip.scroll_into_view_if_needed()
    begin, end = grip.bounding_box(), target.bounding_box()
    assert begin is not None
    assert end is not None
    page.mouse.move(begin["x"] + 8, begin["y"] + 8)
    page.mouse.down()
    page.mouse.move(begin["x"] + 8, begin["y"] - 30, steps=3)
    end = target.bounding_box() or end
    page.mouse.move(begin["x"] + 8, end["y"] + 4, steps=5)
    page.mouse.up()
    until(
        page,
        lambda: outline_of(house, draft)[0][1] == ["Mordants", "Weld", "Madder", "Woad"],
        "the grip dragged the lesson",
    )
    screenshot(page, "builder-360")


def test_an_outline_is_typed_down(open_page: Open, house: House, draft: Draft) -> None:
    page = open_page(draft.path, draft.teacher)
    expect_ready(page)
    page.get_by_text("Add a section").click()
    page.get_by_label("Title of the new section").fill("Part C")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Part C")).to_be_visible()
    page.get_by_text("Add a lesson to Part C").click()
    field = page.get_by_label("Title of the new lesson").last
    for title in ("Rinsing", "Drying"):
        field.fill(title)
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name=title)).to_be_visible()
        expect(field).to_be_focused()
        expect(field).to_have_value("")
    assert outline_of(house, draft)[2] == ("Part C", ["Rinsing", "Drying"])


def test_text_is_saved_while_it_is_written_and_the_outline_follows(
    open_page: Open, house: House, draft: Draft
) -> None:
    page = open_page(draft.path, draft.teacher)
    expect_ready(page)
    page.get_by_role("link", name="Madder").click()
    expect(page.get_by_role("heading", name="Lesson 1")).to_be_focused()
    page.get_by_role("textbox", name="Title", exact=True).fill("Madder red")
    expect(page.get_by_role("link", name="Madder red")).to_be_visible()
    expect_saved(page)
    page.get_by_role("textbox", name="Text", exact=True).fill("# Roots\n\nBoil *slowly*.")
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="Preview")
    expect(preview.get_by_role("heading", name="Roots")).to_be_visible()
    until(
        page,
        lambda: lesson_of(house, draft.lessons[0]).body == "# Roots\n\nBoil *slowly*.",
        "the text is saved",
    )
    assert lesson_of(house, draft.lessons[0]).title == "Madder red"
    page.go_back()
    expect(page.get_by_role("heading", name="About the course")).to_be_visible()


def test_what_two_people_changed_apart_is_brought_together(
    open_page: Open, house: House, draft: Draft, faults: Faults
) -> None:
    faults.expect(REFUSED)
    one = open_page(draft.lesson_path(), draft.teacher)
    two = open_page(draft.lesson_path(), draft.teacher)
    expect_ready(one)
    expect_ready(two)
    one.get_by_role("textbox", name="Title", exact=True).fill("Madder, the red")
    expect_saved(one)
    two.get_by_role("textbox", name="Text", exact=True).fill("Boil it for an hour.")
    expect_saved(two)
    expect(two.get_by_role("textbox", name="Title", exact=True)).to_have_value("Madder, the red")
    lesson = lesson_of(house, draft.lessons[0])
    assert (lesson.title, lesson.body) == ("Madder, the red", "Boil it for an hour.")


def test_who_comes_second_compares_and_chooses(
    open_page: Open, house: House, draft: Draft, faults: Faults
) -> None:
    faults.expect(REFUSED)
    one = open_page(draft.lesson_path(), draft.teacher)
    two = open_page(draft.lesson_path(), draft.teacher)
    expect_ready(one)
    expect_ready(two)
    one.get_by_role("textbox", name="Text", exact=True).fill("Boil it for one hour.")
    expect_saved(one)
    two.get_by_role("textbox", name="Text", exact=True).fill("Boil it for two hours.")
    dialog = two.get_by_role("dialog")
    expect(dialog).to_contain_text("Boil it for one hour.")
    expect(dialog).to_contain_text("Boil it for two hours.")
    screenshot(two, "builder-conflict")
    two.keyboard.press("Escape")
    expect(status(two)).to_have_attribute("data-state", "conflict")
    assert lesson_of(house, draft.lessons[0]).body == "Boil it for one hour."
    two.get_by_role("button", name="Compare").click()
    dialog.get_by_label("Keep both, one after the other").check()
    dialog.get_by_role("button", name="Keep what I chose").click()
    expect_saved(two)
    both = "Boil it for one hour.\n\nBoil it for two hours."
    assert lesson_of(house, draft.lessons[0]).body == both


def test_moves_of_two_people_both_count(
    open_page: Open, house: House, draft: Draft, faults: Faults
) -> None:
    faults.expect(REFUSED)
    one = open_page(draft.path, draft.teacher)
    two = open_page(draft.path, draft.teacher)
    expect_ready(one)
    expect_ready(two)
    one.get_by_role("link", name="Madder").focus()
    one.keyboard.press("Alt+ArrowDown")
    expect_saved(one)
    two.get_by_role("link", name="Part B").focus()
    two.keyboard.press("Alt+ArrowUp")
    wanted = [("Part B", ["Mordants"]), ("Part A", ["Weld", "Madder", "Woad"])]
    until(two, lambda: outline_of(house, draft) == wanted, "both moves count")
    expect(two.get_by_text("Your move was done on top of theirs.").first).to_be_attached()


def test_what_is_written_offline_is_kept_and_saved_later(
    open_page: Open, house: House, draft: Draft, faults: Faults
) -> None:
    faults.expect("ERR_INTERNET_DISCONNECTED")
    page = open_page(draft.lesson_path(), draft.teacher)
    expect_ready(page)
    page.context.set_offline(True)
    page.get_by_role("textbox", name="Text", exact=True).fill("Written in a tunnel.")
    expect(status(page)).to_have_text("Offline, kept in this browserTry again")
    page.context.set_offline(False)
    expect_saved(page)
    assert lesson_of(house, draft.lessons[0]).body == "Written in a tunnel."


def test_what_a_closed_tab_could_not_save_comes_back(
    open_page: Open, house: House, draft: Draft, faults: Faults
) -> None:
    faults.expect("ERR_INTERNET_DISCONNECTED")
    faults.expect("module upload-field did not start")  # it may still be on its way then
    page = open_page(draft.lesson_path(), draft.teacher)
    expect_ready(page)
    page.context.set_offline(True)
    page.get_by_role("textbox", name="Text", exact=True).fill("Written before the crash.")
    expect(status(page)).to_have_attribute("data-state", "offline")
    context = page.context
    page.close()
    context.set_offline(False)
    again = context.new_page()
    again.goto(draft.lesson_path())
    expect(again.get_by_role("textbox", name="Text", exact=True)).to_have_value(
        "Written before the crash."
    )
    until(
        again,
        lambda: lesson_of(house, draft.lessons[0]).body == "Written before the crash.",
        "the copy is saved",
    )
    kept = "Object.keys(localStorage).filter((key) => key.startsWith('builder:')).length"
    until(again, lambda: again.evaluate(kept) == 0, "the copy is put away")


def _seats(house: House, draft: Draft) -> int | None:
    with house.session() as session:
        return session.get_one(Course, draft.course_id).seat_limit


def test_what_the_server_refuses_is_said_at_the_field(
    open_page: Open, house: House, draft: Draft, faults: Faults
) -> None:
    faults.expect(REFUSED)
    page = open_page(f"{draft.path}/access", draft.teacher)
    expect_ready(page)
    price = page.get_by_label("Amount")
    price.fill("plenty")
    expect(page.get_by_text("Give an amount such as 49 or 49.50.")).to_be_visible()
    expect(status(page)).to_have_attribute("data-state", "invalid")
    price.fill("49.50")
    expect_saved(page)
    seats = page.get_by_label("Seats")
    seats.fill("a dozen")
    expect(page.get_by_text("Give a whole number, or leave it empty.")).to_be_visible()
    for typed, kept in (("12", 12), ("", None)):
        seats.fill(typed)
        expect_saved(page)
        until(page, lambda kept=kept: _seats(house, draft) == kept, f"{typed!r} seats are kept")
    page.get_by_role("link", name="Madder").click()
    expect(page.get_by_role("heading", name="Lesson 1")).to_be_focused()
    page.get_by_role("textbox", name="Title", exact=True).fill("")
    expect(page.get_by_text("Give it a title.")).to_be_visible()
    assert lesson_of(house, draft.lessons[0]).title == "Madder"


def test_a_course_is_published_once_nothing_is_missing(
    open_page: Open, house: House, draft: Draft
) -> None:
    page = open_page(draft.path, draft.teacher, width=768, dark=True)
    expect_ready(page)
    page.locator(".builder__acts").get_by_role("link", name="Publish").click()
    expect(page.get_by_text("The course has all it needs.")).to_be_visible()
    page.get_by_role("radio", name="Published").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("The course is published.")).to_be_visible()
    screenshot(page, "builder-publish-768")
