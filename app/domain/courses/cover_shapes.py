"""The compositions of generated covers: each takes dice and a palette and answers SVG elements.

The canvas is 320 x 180. Every composition is made of three strokes, most in three-fold symmetry.
"""

from collections.abc import Callable
from typing import Final

from app.domain.courses.cover_ink import Dice, Palette

WIDTH: Final = 320
HEIGHT: Final = 180


def _strokes(width: int, body: str, cap: str = "round") -> str:
    return f'<g fill="none" stroke-width="{width}" stroke-linecap="{cap}">{body}</g>'


def _thrice(shape: str, ink: Palette, place: str, paint: str = "stroke", turn: int = 120) -> str:
    """Return `shape` (an element without its end) three times around a centre."""
    colours = (ink.low, ink.high, ink.spark)
    return "".join(
        f'{shape} {paint}="{colour}" transform="{place} rotate({step * turn})"/>'
        for step, colour in enumerate(colours)
    )


def _place(dice: Dice, drift: int = 40) -> str:
    x = WIDTH // 2 + dice.between(-drift, drift)
    y = HEIGHT // 2 + dice.between(-drift // 3, drift // 3)
    return f"translate({x} {y}) rotate({dice.between(0, 119)})"


def field(dice: Dice, ink: Palette) -> str:
    """Return the second tone of the ground: a band, a disc, a wedge or a floor."""
    kind, x = dice.roll(4), dice.between(90, 230)
    shapes = (
        f'd="M{x} 0H320V180H{x - dice.between(0, 80)}z"',
        f'd="M{x - 110} 90a110 110 0 1 0 220 0a110 110 0 1 0-220 0"',
        f'd="M0 180L{x + 60} 0H320V180z"',
        f'd="M0 {dice.between(96, 132)}H320V180H0z"',
    )
    return f'<path fill="{ink.shade}" {shapes[kind]}/>'


def _pinwheel(dice: Dice, ink: Palette) -> str:
    width = dice.between(30, 46)
    offset = width // 2 + dice.between(8, 20)
    shape = f'<path d="M{-offset} {-offset}H{dice.between(110, 200)}"'
    return _strokes(width, _thrice(shape, ink, _place(dice)))


def _arcs(dice: Dice, ink: Palette) -> str:
    width, place = dice.between(20, 28), _place(dice, 90)
    rings = []
    for step, colour in enumerate((ink.spark, ink.high, ink.low)):
        radius = 26 + step * (width + 8)
        rings.append(
            f'<circle r="{radius}" pathLength="12" stroke-dasharray="{dice.between(5, 9)} 12" '
            f'stroke="{colour}" transform="{place} rotate({dice.between(0, 11) * 30})"/>'
        )
    return _strokes(width, "".join(rings))


def _discs(dice: Dice, ink: Palette) -> str:
    radius = dice.between(58, 78)
    shape = f'<circle cy="{-dice.between(38, 52)}" r="{radius}" fill-opacity=".9"'
    rim = f'<circle cy="{-radius // 2}" r="{radius + 16}"'
    place = _place(dice)
    return _thrice(shape, ink, place, "fill") + _strokes(1, _thrice(rim, ink, place))


def _petals(dice: Dice, ink: Palette) -> str:
    length, belly = dice.between(120, 170), dice.between(64, 104)
    leaf = f'd="M0 0Q{belly} {-length // 2} 0 {-length}Q{-belly} {-length // 2} 0 0"'
    place = _place(dice, 60)
    vein = f'<path d="M0-14V{-length + 34}"'
    veins = Palette(ink.ground, ink.shade, ink.shade, ink.ground, ink.ground)
    return _thrice(f"<path {leaf}", ink, place, "fill") + _strokes(2, _thrice(vein, veins, place))


def _bands(dice: Dice, ink: Palette) -> str:
    slope, gap = (-1, 1)[dice.roll(2)] * dice.between(18, 42), dice.between(46, 56)
    lines = []
    for step, colour in enumerate((ink.high, ink.low, ink.spark)):
        start, end = dice.between(-60, 120), dice.between(190, 360)
        y = HEIGHT // 2 + (step - 1) * gap
        lines.append(f'<path d="M{start} {y}H{end}" stroke="{colour}"/>')
    turned = f'<g transform="rotate({slope} 160 90)">{"".join(lines)}</g>'
    return _strokes(gap - dice.between(6, 16), turned)


def _triangles(dice: Dice, ink: Palette) -> str:
    place, twist = _place(dice, 50), dice.between(12, 48)
    parts = []
    for step, colour in enumerate((ink.low, ink.high, ink.spark)):
        size = 140 - step * 48
        x, y = round(size * 0.866), size // 2
        parts.append(
            f'<path d="M0 {-size}L{x} {y}H{-x}Z" fill="{colour}" '
            f'transform="{place} rotate({step * twist})"/>'
        )
    return "".join(parts)


def _hills(dice: Dice, ink: Palette) -> str:
    first, second, third = dice.between(70, 96), dice.between(104, 124), dice.between(138, 152)
    dip = dice.between(24, 44) * (1, -1)[dice.roll(2)]
    sun = (
        f'<circle cx="{dice.between(60, 260)}" cy="{first - dice.between(6, 26)}" '
        f'r="{dice.between(28, 42)}" fill="{ink.spark}"/>'
    )
    rows = zip((first, second, third), (ink.shade, ink.high, ink.low), strict=True)
    return sun + "".join(
        f'<path d="M0 {y}C100 {y - dip} 200 {y + dip} 320 {y - dip // 2}V180H0Z" fill="{colour}"/>'
        for y, colour in rows
    )


def _spiral(dice: Dice, ink: Palette) -> str:
    bend, gap = dice.between(80, 130), dice.between(22, 30)
    shape = (
        f'<path d="M18 0Q{bend} {-bend // 3} {bend + 20} {bend}T{2 * bend} {2 * bend}" '
        f'stroke-dasharray="0 {gap}"'
    )
    return _strokes(gap - dice.between(4, 9), _thrice(shape, ink, _place(dice)))


def _quarters(dice: Dice, ink: Palette) -> str:
    tiles = []
    for step, colour in enumerate((ink.low, ink.spark, ink.high)):
        tiles.append(
            f'<path d="M-64-64H64A128 128 0 0 1-64 64Z" fill="{colour}" transform='
            f'"translate({step * 128 + 32} 90) rotate({dice.roll(4) * 90})"/>'
        )
    return "".join(tiles)


def _waves(dice: Dice, ink: Palette) -> str:
    rise, length = dice.between(36, 84), dice.between(90, 150)
    gap, lines = dice.between(44, 54), []
    for step, colour in enumerate((ink.high, ink.spark, ink.low)):
        y = HEIGHT // 2 + (step - 1) * gap
        lines.append(
            f'<path d="M-40 {y}q{length // 2} {-rise} {length} 0t{length} 0 {length} 0 '
            f'{length} 0" stroke="{colour}"/>'
        )
    return _strokes(dice.between(18, 34), "".join(lines))


def _hatch(dice: Dice, ink: Palette) -> str:
    reach, gap = dice.between(110, 150), dice.between(15, 20)
    rows = "".join(f"M4 {-8 - row * gap}h{reach - row * 14}" for row in range(6))
    return _strokes(dice.between(6, 11), _thrice(f'<path d="{rows}"', ink, _place(dice, 30)))


def _knot(dice: Dice, ink: Palette) -> str:
    radius, away = dice.between(58, 74), dice.between(34, 48)
    place = _place(dice, 60)
    thick = _thrice(f'<circle cy="{-away}" r="{radius}"', ink, place)
    thin = _thrice(f'<circle cy="{-away}" r="{radius + 16}"', ink, place)
    return _strokes(dice.between(10, 18), thick) + _strokes(1, thin)


def _arches(dice: Dice, ink: Palette) -> str:
    width, x = dice.between(24, 30), dice.between(60, 260)
    top, arches = dice.between(112, 150), []
    for step, colour in enumerate((ink.spark, ink.high, ink.low)):
        radius = 22 + step * (width + 10)
        arches.append(
            f'<path d="M{x - radius} 190V{top}a{radius} {radius} 0 0 1 {2 * radius} 0V190" '
            f'stroke="{colour}"/>'
        )
    return _strokes(width, "".join(arches), "butt")


def _rosette(dice: Dice, ink: Palette) -> str:
    long, short, place = dice.between(110, 150), dice.between(34, 58), _place(dice, 70)
    rings = "".join(
        f'<ellipse rx="{long}" ry="{short}" stroke="{colour}" transform="rotate({step * 20})"/>'
        for step, colour in enumerate((ink.high, ink.high, ink.spark) * 3)
    )
    heart = f'<circle r="20" fill="{ink.low}"/>'
    return f'<g transform="{place}">{_strokes(2, rings)}{heart}</g>'


def _steps(dice: Dice, ink: Palette) -> str:
    left, width = dice.between(0, 50), dice.between(72, 88)
    heights = sorted((dice.between(30, 60), dice.between(76, 110), dice.between(124, 158)))
    if dice.roll(2):
        heights.reverse()
    radius = width // 2
    columns = zip(heights, (ink.low, ink.high, ink.spark), strict=True)
    return "".join(
        f'<path d="M{left + step * width} 180v{radius - height}a{radius} {radius} 0 0 1 '
        f'{2 * radius} 0V180z" fill="{colour}"/>'
        for step, (height, colour) in enumerate(columns)
    )


COMPOSITIONS: Final[tuple[Callable[[Dice, Palette], str], ...]] = (
    _pinwheel, _arcs, _discs, _petals, _bands, _triangles, _hills, _spiral,
    _quarters, _waves, _hatch, _knot, _arches, _rosette, _steps,
)  # fmt: skip
