"""The images role: pictures that people send become pictures of our own making, in fixed sizes.

The client lives in `pillow_images`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

CONTENT_TYPES = ("image/jpeg", "image/png", "image/webp")
VARIANT_TYPE = "image/webp"


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture is, upright, in pixels.

    `fingerprint` is 64 bits of what it shows, as a signed number: of two pictures that look the
    same, however they were saved, only few bits differ.
    """

    width: int
    height: int
    fingerprint: int


class Images(Protocol):
    """Reads hostile pictures and draws them anew: nothing of the sender's file is kept."""

    def make_variants(
        self,
        source: Path,
        target: Path,
        widths: Sequence[int],
        aspect: tuple[int, int] | None = None,
        min_side: int = 16,
    ) -> Picture:
        """Write `<width>.webp` for each of `widths` into the folder `target`.

        With `aspect` the picture is cut to it around its middle, else its own shape is kept. No
        variant is larger than the source, whose sides need `min_side` pixels. Raises FileRefused,
        StorageFull.
        """
        ...
