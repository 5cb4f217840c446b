"""The colours and the chance behind generated covers: OKLCH palettes and dice fixed by the slug."""

import hashlib
import math
from dataclasses import dataclass
from typing import Final

SIGNAL_HUE: Final = 72


@dataclass(frozen=True, slots=True)
class Palette:
    """Ground, its shade and the three strokes, as hex colours; `spark` is the warm one."""

    ground: str
    shade: str
    low: str
    high: str
    spark: str


class Dice:
    """A stream of small numbers fixed by the slug."""

    def __init__(self, slug: str) -> None:
        self._state = int.from_bytes(hashlib.sha256(slug.encode()).digest(), "big")

    def roll(self, sides: int) -> int:
        """Return a whole number from 0 to `sides` - 1."""
        self._state, face = divmod(self._state, sides)
        return face

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + self.roll(high - low + 1)


def _linear_rgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _hex(lightness: float, chroma: float, hue: float) -> str:
    """Return the sRGB hex of an OKLCH colour (Ottosson 2020), chroma reduced until it fits."""
    channels = _linear_rgb(lightness, chroma, hue)
    while chroma > 0 and not all(-0.001 <= channel <= 1.001 for channel in channels):
        chroma -= 0.005
        channels = _linear_rgb(lightness, max(chroma, 0.0), hue)
    encoded = (
        12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055
        for c in (min(max(channel, 0.0), 1.0) for channel in channels)
    )
    return "#" + "".join(f"{round(255 * value):02x}" for value in encoded)


def palette(dice: Dice, hue: int) -> Palette:
    """Return the colours of a cover: a night, a day or a mid-tone scheme of `hue` degrees."""
    turn = hue + dice.between(-10, 10)
    near = turn + (28, -28)[dice.roll(2)]
    is_warm = abs((hue - SIGNAL_HUE + 180) % 360 - 180) < 36
    scheme = dice.roll(3)
    if scheme == 0:
        spark = _hex(0.94, 0.04, 95) if is_warm else _hex(0.82, 0.135, SIGNAL_HUE)
        depth = 0.04 if is_warm else 0.06
        return Palette(
            ground=_hex(0.29, depth, turn),
            shade=_hex(0.335, depth, turn),
            low=_hex(0.52, 0.1, turn),
            high=_hex(0.81, 0.085, near),
            spark=spark,
        )
    if scheme == 1:
        spark = _hex(0.56, 0.15, 35) if is_warm else _hex(0.78, 0.15, SIGNAL_HUE)
        return Palette(
            ground=_hex(0.915, 0.032, turn),
            shade=_hex(0.87, 0.045, turn),
            low=_hex(0.39, 0.08, turn),
            high=_hex(0.66, 0.1, near),
            spark=spark,
        )
    spark = _hex(0.96, 0.03, 95) if is_warm else _hex(0.84, 0.135, SIGNAL_HUE)
    return Palette(
        ground=_hex(0.53, 0.095, turn),
        shade=_hex(0.48, 0.095, turn),
        low=_hex(0.33, 0.07, turn),
        high=_hex(0.88, 0.055, near),
        spark=spark,
    )
