"""Every text colour of tokens.css is readable on every ground it is used on, in both themes.

Contrast is WCAG 2.2's, computed from the OKLCH values (Ottosson's matrices, clipped to sRGB).
"""

import math
import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "app" / "static" / "css" / "tokens.css"
COLOUR = r"oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)"
PAIR = re.compile(rf"--([\w-]+): light-dark\({COLOUR}, {COLOUR}\);")
SINGLE = re.compile(rf"--([\w-]+): {COLOUR};")
THEMES = ("light", "dark")

Rgb = tuple[float, float, float]

TEXT_PAIRS = [
    *((ink, ground) for ink in ("ink", "ink-soft") for ground in ("paper", "surface", "sunken")),
    *(
        (ink, ground)
        for ink in ("accent", "accent-strong", "signal-ink", "danger")
        for ground in ("paper", "surface")
    ),
    ("accent", "sunken"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-danger", "danger"),
    ("paper", "ink"),
    ("accent-strong", "accent-soft"),
    ("accent", "accent-soft"),
    ("ok", "ok-soft"),
    ("ok", "paper"),
    ("warn", "warn-soft"),
    ("danger", "danger-soft"),
    *(("ink", f"{tone}-soft") for tone in ("accent", "signal", "ok", "warn", "danger")),
    ("stage-ink", "stage"),
    ("stage-ink", "stage-raised"),
    ("stage-ink-soft", "stage"),
    ("stage-ink-soft", "stage-raised"),
]

# Parts of controls and graphics that carry meaning need 3:1 against what is beside them.
SHAPE_PAIRS = [
    ("line-strong", "paper"),
    ("line-strong", "surface"),
    ("focus", "paper"),
    ("focus", "sunken"),
    ("stage-signal", "stage"),
]


def _linear(lightness: float, chroma: float, hue: float) -> Rgb:
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    channels = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    red, green, blue = (min(max(channel, 0.0), 1.0) for channel in channels)
    return red, green, blue


def _luminance(colour: Rgb) -> float:
    red, green, blue = colour
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Rgb, other: Rgb) -> float:
    """Return WCAG's contrast ratio of two linear sRGB colours, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _colour(lightness: str, chroma: str, hue: str) -> Rgb:
    return _linear(float(lightness) / 100, float(chroma), float(hue))


def read_tokens(theme: str) -> dict[str, Rgb]:
    """Return the colours of tokens.css as `theme` shows them."""
    text = TOKENS.read_text(encoding="utf-8")
    offset = 1 if theme == "light" else 4
    tokens = {
        m[1]: _colour(*m.group(offset + 1, offset + 2, offset + 3)) for m in PAIR.finditer(text)
    }
    tokens |= {m[1]: _colour(m[2], m[3], m[4]) for m in SINGLE.finditer(text)}
    tokens["focus"] = tokens["accent"]
    return tokens


def test_black_on_white_has_the_contrast_wcag_gives_it() -> None:
    assert contrast(_linear(0, 0, 0), _linear(1, 0, 0)) == pytest.approx(21, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS, ids="-on-".join)
def test_text_is_readable(theme: str, ink: str, ground: str) -> None:
    tokens = read_tokens(theme)
    assert contrast(tokens[ink], tokens[ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("shape", "ground"), SHAPE_PAIRS, ids="-on-".join)
def test_controls_and_marks_can_be_made_out(theme: str, shape: str, ground: str) -> None:
    tokens = read_tokens(theme)
    assert contrast(tokens[shape], tokens[ground]) >= 3.0


@pytest.mark.parametrize("theme", THEMES)
def test_progress_stands_out_from_its_track(theme: str) -> None:
    tokens = read_tokens(theme)
    assert contrast(tokens["signal"], tokens["line"]) >= 1.5
    assert contrast(tokens["signal-ink"], tokens["paper"]) >= 4.5


def test_every_colour_is_designed_for_both_themes_or_for_the_stage() -> None:
    text = TOKENS.read_text(encoding="utf-8")
    singles = {match[1] for match in SINGLE.finditer(text)}
    assert all(name.startswith("stage") for name in singles)
    assert len(PAIR.findall(text)) >= 20
