"""The pages of videos in Chromium: the state follows the worker without a reload."""

from uuid import UUID

from playwright.sync_api import Page, expect

from app.domain.accounts.models import Role
from app.domain.videos.models import Video, VideoStatus
from tests.browser.conftest import Open
from tests.browser.watching import screenshot
from tests.support.house import House

TAIL = "[h264 @ 0x5581] Invalid NAL unit size (0 > 1187).\nError while decoding: Invalid data\n" * 6


def add_running(house: House) -> UUID:
    with house.session() as session:
        video = Video(
            title="Weft-faced weaving, part two: the selvedge",
            status=VideoStatus.PROCESSING,
            stage="encoding",
            progress_percent=37,
            seconds_left=260,
            source_key="sources/none/source.mp4",
            source_bytes=734_003_200,
            generation=1,
            duration_seconds=1834.0,
            width=1920,
            height=1080,
        )
        session.add(video)
        session.commit()
        return video.id


def change(house: House, video_id: UUID, **values: object) -> None:
    with house.session() as session:
        video = session.get_one(Video, video_id)
        for name, value in values.items():
            setattr(video, name, value)
        session.commit()


def no_overflow(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_progress_and_failure_appear_without_a_reload(open_page: Open, house: House) -> None:
    admin = house.add_learner(role=Role.ADMIN)
    video_id = add_running(house)
    page = open_page(f"/admin/videos/{video_id}", admin, width=360, height=740)
    expect(page.get_by_text("About 4 min left")).to_be_visible()
    assert no_overflow(page)
    screenshot(page, "video-running-360")
    page.evaluate("window.isSamePage = true")
    change(house, video_id, progress_percent=82, seconds_left=30)
    expect(page.get_by_text("82 %").first).to_be_visible()
    failed = {"status": VideoStatus.FAILED, "error_code": "TRANSCODE_FAILED"}
    change(house, video_id, **failed, error_detail=TAIL, stage=None)
    expect(page.get_by_text("The encoder gave up.")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator("[data-part=said]")).to_contain_text("Failed")
    assert page.evaluate("window.isSamePage")
    assert no_overflow(page)
    screenshot(page, "video-failed-360")


def test_a_video_is_tried_again_cancelled_and_deleted(open_page: Open, house: House) -> None:
    admin = house.add_learner(role=Role.ADMIN)
    video_id = add_running(house)
    page = open_page("/admin/videos?status=processing", admin, dark=True)
    expect(page.get_by_role("row", name="the selvedge").first).to_contain_text("37 %")
    screenshot(page, "videos-dark-1280")
    page.goto(f"/admin/videos/{video_id}")
    screenshot(page, "video-running-dark-1280")
    page.get_by_role("button", name="Cancel the preparation").click()
    expect(page.get_by_text("The preparation was cancelled.")).to_be_visible()
    page.get_by_role("link", name="Delete", exact=True).click()
    screenshot(page, "video-delete-dark-1280")
    page.get_by_role("button", name="Delete the video").click()
    expect(page.get_by_text("The video is deleted.")).to_be_visible()


def test_the_editor_of_captions_fits_a_phone(open_page: Open, house: House) -> None:
    admin = house.add_learner(role=Role.ADMIN)
    for width, dark in ((360, False), (768, True)):
        path = f"/admin/videos/{house.video_id}/captions/en"
        page = open_page(path, admin, width=width, height=800, dark=dark)
        expect(page.locator("[data-module=caption-editor]")).to_have_attribute("data-ready", "true")
        assert no_overflow(page)
        screenshot(page, f"captions-{width}")
    page = open_page(f"/admin/videos/{house.video_id}", admin, width=768, height=1400)
    assert no_overflow(page)
    screenshot(page, "video-ready-768")
