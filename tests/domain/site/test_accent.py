"""Every hue that may be chosen as an accent is readable wherever the accent is used."""

import re

import pytest

from app.domain.site.accent import TONES, fitting_chroma, hex_pair, linear_rgb, stylesheet
from tests.web.test_tokens_contrast import THEMES, Rgb, contrast, read_tokens

pytestmark = pytest.mark.no_database
OWN = frozenset(TONES)
# Ink on ground, of which one at least is the accent's; the last two are 3:1, as for shapes.
PAIRS = [
    *((ink, ground) for ink in ("accent", "accent-strong") for ground in ("paper", "surface")),
    ("accent", "sunken"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("accent-strong", "accent-soft"),
    ("accent", "accent-soft"),
    ("ink", "accent-soft"),
    ("ink-soft", "accent-soft"),
]


def _tokens(theme: str, hue: int) -> dict[str, Rgb]:
    side = THEMES.index(theme)
    own = {
        name: linear_rgb(tones[side].lightness, fitting_chroma(tones[side], hue), hue)
        for name, tones in TONES.items()
    }
    return {**read_tokens(theme), **own}


@pytest.mark.parametrize("theme", THEMES)
def test_every_hue_is_readable(theme: str) -> None:
    faults = []
    for hue in range(360):
        tokens = _tokens(theme, hue)
        ratios = {pair: contrast(tokens[pair[0]], tokens[pair[1]]) for pair in PAIRS}
        faults += [(hue, pair, ratio) for pair, ratio in ratios.items() if ratio < 4.5]
    assert faults == []


@pytest.mark.parametrize("theme", THEMES)
def test_every_colour_can_be_shown(theme: str) -> None:
    for hue in range(360):
        tokens = _tokens(theme, hue)
        assert all(-1e-9 <= c <= 1 for name in OWN for c in tokens[name]), hue


def test_stylesheet_says_every_token_of_the_accent_for_both_themes() -> None:
    sheet = stylesheet(30)
    named = re.findall(r"--([\w-]+):light-dark\(oklch\([^)]+ 30\),oklch\([^)]+ 30\)\);", sheet)
    assert set(named) == OWN
    assert sheet.startswith("@layer tokens{:root{")


def test_hues_differ_to_the_eye() -> None:
    red, blue = hex_pair("accent", 25), hex_pair("accent", 260)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in red + blue)
    assert int(red[0][1:3], 16) > int(red[0][5:7], 16) + 60
    assert int(blue[0][5:7], 16) > int(blue[0][1:3], 16) + 60
