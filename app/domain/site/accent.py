"""An accent of any hue that stays readable: the tokens of css/tokens.css turned round the circle.

Colours are OKLCH. Chroma gives way where a hue has no such colour on a screen, lightness stays, so
contrast hardly depends on the hue; a test computes it for all 360 of them.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

CHROMA_STEP = 0.002


@dataclass(frozen=True, slots=True)
class Tone:
    """A colour without its hue: lightness in percent and the most chroma it may have."""

    lightness: float
    chroma: float


# On paper, and at night.
TONES = {
    "accent": (Tone(40.5, 0.12), Tone(77.5, 0.11)),
    "accent-strong": (Tone(32.5, 0.1), Tone(85.0, 0.08)),
    "accent-soft": (Tone(94.2, 0.026), Tone(27.5, 0.042)),
    "on-accent": (Tone(98.8, 0.006), Tone(19.0, 0.03)),
}


@lru_cache(maxsize=360)
def stylesheet(hue: int) -> str:
    """Return the tokens of an accent of `hue` degrees as CSS."""
    declared = "".join(
        f"--{name}:light-dark({_css(paper, hue)},{_css(night, hue)});"
        for name, (paper, night) in TONES.items()
    )
    return f"@layer tokens{{:root{{{declared}}}}}\n"


def hex_pair(name: str, hue: int) -> tuple[str, str]:
    """Return a token on paper and at night as mail programs understand it: #rrggbb."""
    paper, night = TONES[name]
    return _hex(paper, hue), _hex(night, hue)


def _css(tone: Tone, hue: int) -> str:
    return f"oklch({tone.lightness:g}% {fitting_chroma(tone, hue):g} {hue})"


def _hex(tone: Tone, hue: int) -> str:
    channels = linear_rgb(tone.lightness, fitting_chroma(tone, hue), hue)
    return "#" + "".join(f"{round(_encoded(channel) * 255):02x}" for channel in channels)


def _encoded(channel: float) -> float:
    """Return a linear channel as sRGB writes it (IEC 61966-2-1)."""
    held = min(max(channel, 0.0), 1.0)
    return 12.92 * held if held <= 0.0031308 else 1.055 * held ** (1 / 2.4) - 0.055


@lru_cache(maxsize=4096)
def fitting_chroma(tone: Tone, hue: int) -> float:
    """Return the most chroma up to the tone's that a screen can show at its lightness."""
    chroma = tone.chroma
    while chroma > 0 and not all(
        0 <= channel <= 1 for channel in linear_rgb(tone.lightness, chroma, hue)
    ):
        chroma -= CHROMA_STEP
    return round(max(chroma, 0.0), 4)


def linear_rgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """Return linear sRGB, beyond 0 to 1 for what no screen shows (Ottosson's matrices)."""
    turn = math.radians(hue)
    a, b = chroma * math.cos(turn), chroma * math.sin(turn)
    light = lightness / 100
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
