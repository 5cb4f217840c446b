"""Covers are drawn from the slug alone, small, distinct, and safe to stand inline."""

import re
from xml.etree import ElementTree as ET

import pytest

from app.domain.courses.covers import cover_svg

SLUGS = [f"course-number-{number}" for number in range(400)]


def test_the_same_slug_and_hue_always_draw_the_same_cover() -> None:
    assert cover_svg("soldering-basics", 150) == cover_svg("soldering-basics", 150)


def test_every_course_has_a_cover_of_its_own() -> None:
    assert len({cover_svg(slug, 210) for slug in SLUGS}) == len(SLUGS)


def test_a_shelf_of_covers_shows_many_compositions() -> None:
    skeletons = {re.sub(r'="[^"]*"', "", cover_svg(slug, 30)) for slug in SLUGS}
    assert len(skeletons) >= 12


def test_the_hue_of_the_category_colours_the_cover() -> None:
    assert cover_svg("soldering-basics", 20) != cover_svg("soldering-basics", 200)


@pytest.mark.parametrize("hue", range(0, 360, 24))
def test_a_cover_is_well_formed_small_and_carries_nothing_that_clashes(hue: int) -> None:
    for slug in SLUGS:
        svg = cover_svg(slug, hue)
        root = ET.fromstring(svg)
        assert len(svg) <= 1200, slug
        assert root.get("aria-hidden") == "true"
        attributes = {name for element in root.iter() for name in element.keys()}  # noqa: SIM118
        assert not attributes & {"id", "style", "href"}
        assert not [element for element in root.iter() if (element.text or "").strip()]


def test_every_colour_of_a_cover_is_a_plain_hex_colour() -> None:
    for slug in SLUGS:
        for colour in re.findall(r'(?:fill|stroke)="([^"]+)"', cover_svg(slug, 95)):
            assert colour == "none" or re.fullmatch(r"#[0-9a-f]{6}", colour), slug


def test_a_slug_with_markup_in_it_never_reaches_the_cover() -> None:
    assert "script" not in cover_svg('"><script>alert(1)</script>', 10)
