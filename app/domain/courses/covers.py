"""Generated course covers: an abstract SVG of three strokes, drawn from the slug alone.

No ids, style attributes or text, so any number of covers may stand inline on one page.
"""

from app.domain.courses.cover_ink import Dice, palette
from app.domain.courses.cover_shapes import COMPOSITIONS, HEIGHT, WIDTH, field


def cover_svg(slug: str, hue: int) -> str:
    """Return the cover of the course `slug` as an inline SVG of 16:9, at most 1.2 kB.

    `hue` is the category's, 0-359 degrees in OKLCH. The same arguments give the same bytes.
    """
    dice = Dice(slug)
    compose = COMPOSITIONS[dice.roll(len(COMPOSITIONS))]
    ink = palette(dice, hue)
    body = field(dice, ink) + compose(dice, ink)
    return (
        f'<svg class="cover" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="xMidYMid slice" '
        f'aria-hidden="true" focusable="false"><path fill="{ink.ground}" '
        f'd="M0 0h{WIDTH}v{HEIGHT}H0z"/>{body}</svg>'
    )
