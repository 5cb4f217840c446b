"""Captions in Chromium: written beside the video, saved by two people; stills while seeking."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect

from app.domain.accounts.models import Role
from tests.browser.conftest import Open
from tests.browser.watching import Faults, LearnPage, screenshot, until
from tests.support.house import House, Person

HELLO = "WEBVTT\n\n00:01.000 --> 00:03.000\nHello there everybody\n\n00:04.000 --> 00:05.500\nBye\n"


@pytest.fixture
def video_id(house: House) -> UUID:
    """The video of the house's lesson, without captions in French."""
    return house.video_id


@pytest.fixture
def path(video_id: UUID) -> str:
    return f"/admin/videos/{video_id}/captions/fr"


def rows(page: Page) -> Locator:
    return page.locator(".cue")


def words(page: Page) -> list[str]:
    return [row.input_value() for row in page.locator(".cue textarea").all()]


def api(page: Page, path: str) -> str:
    return path.replace("/admin/videos/", "/api/admin/media/")


@pytest.fixture
def editor(open_page: Open, house: House, path: str) -> Page:
    """The editor with two cues."""
    page = open_page("/admin/videos", house.add_learner(role=Role.ADMIN))
    address = api(page, path)
    page.request.delete(address)
    body = {"label": "Français", "text": HELLO}
    assert page.request.put(address, data=body).ok
    page.goto(path)
    expect(page.locator("[data-module=caption-editor]")).to_have_attribute("data-ready", "true")
    return page


def test_cues_are_split_added_deleted_and_brought_back(editor: Page, path: str) -> None:
    first = rows(editor).first
    first.locator("textarea").evaluate("area => area.setSelectionRange(6, 6)")
    first.get_by_role("button", name="Split cue 1").click()
    assert words(editor) == ["Hello", "there everybody", "Bye"]
    rows(editor).nth(1).get_by_role("button", name="Add a cue after 2").click()
    editor.keyboard.type("<b>new</b>")
    rows(editor).nth(3).get_by_role("button", name="Delete cue 4").click()
    assert words(editor) == ["Hello", "there everybody", "<b>new</b>"]
    editor.get_by_role("button", name="Bring it back").click()
    rows(editor).first.get_by_label("End of cue 1").fill("0:00.5")
    editor.get_by_role("button", name="Save", exact=True).click()
    expect(rows(editor).first).to_contain_text("A cue ends after it starts.")
    rows(editor).first.get_by_label("End of cue 1").fill("1.4")
    editor.keyboard.press("Control+s")
    expect(editor.get_by_role("status").filter(has_text="Saved at")).to_be_visible()
    saved = editor.request.get(api(editor, path)).json()["captions"]
    assert saved["version"] == 2
    assert "00:00:01.000 --> 00:00:01.400\nHello\n" in saved["text"]
    assert saved["text"].count("-->") == 4


def test_two_editors_lose_nothing_silently(editor: Page, path: str, faults: Faults) -> None:
    faults.expect("status of 409")
    theirs = {"label": "Français", "text": HELLO.replace("Bye", "Au revoir"), "version": 1}
    assert editor.request.put(api(editor, path), data=theirs).ok
    rows(editor).first.locator("textarea").fill("Mine")
    editor.get_by_role("button", name="Save", exact=True).click()
    conflict = editor.get_by_role("region", name="Somebody else saved")
    expect(conflict).to_be_visible()
    assert "Au revoir" in conflict.get_by_label("Theirs").input_value()
    assert "Mine" in conflict.get_by_label("Yours").input_value()
    screenshot(editor, "captions-conflict")
    conflict.get_by_role("button", name="Save mine").click()
    expect(editor.get_by_role("status").filter(has_text="Saved at")).to_be_visible()
    assert "Mine" in editor.request.get(api(editor, path)).json()["captions"]["text"]


def test_what_was_written_without_a_network_is_kept(
    editor: Page, path: str, faults: Faults
) -> None:
    faults.expect("ERR_INTERNET_DISCONNECTED")
    rows(editor).first.locator("textarea").fill("Written on the road")
    editor.context.set_offline(True)
    editor.get_by_role("button", name="Save", exact=True).click()
    expect(editor.get_by_role("status").filter(has_text="kept in this browser")).to_be_visible()
    editor.context.set_offline(False)
    editor.on("dialog", lambda dialog: dialog.accept())
    editor.goto(path)
    expect(editor.get_by_role("status").filter(has_text="is back")).to_be_visible()
    assert words(editor)[0] == "Written on the road"


def test_a_cue_is_played_in_the_video(editor: Page) -> None:
    rows(editor).nth(1).get_by_role("button", name="Play cue 2").click()
    video = editor.locator("video")
    until(editor, lambda: video.evaluate("v => v.currentTime") > 5.3, "the cue was played", 30)
    until(editor, lambda: video.evaluate("v => v.paused"), "it pauses where the cue ends")
    assert video.evaluate("v => v.currentTime") < 7
    assert video.evaluate("v => v.textTracks[0].cues.length") == 2
    screenshot(editor, "captions-editor")


def test_a_still_is_shown_above_the_scrubber(
    open_page: Open, learner: Person, lesson_path: str
) -> None:
    learn = LearnPage(open_page(lesson_path, learner))
    learn.play()
    scrub = learn.page.locator("[data-part=scrub]")
    learn.page.locator(".player").hover()
    box = scrub.bounding_box()
    assert box is not None
    learn.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    still = learn.page.locator("[data-part=still]")
    expect(still).to_be_visible()
    assert still.evaluate("c => c.width") == 160
    painted = still.evaluate(
        "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    )
    assert painted > 8, "the still is one colour"
    expect(learn.page.locator("[data-part=hover-time]")).to_have_text(re.compile(r"^0:\d\d$"))
    screenshot(learn.page, "player-storyboard")
