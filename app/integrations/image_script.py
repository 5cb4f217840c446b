"""Run as a script in the sandbox, never imported: draws a picture anew in several widths.

    python -I image_script.py SOURCE TARGET '{"widths": [...], "aspect": [16, 9] | null, ...}'

What a camera wrote beside the picture (place, time, device, thumbnail) is left behind; how it was
held and which colours it meant are drawn in.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

QUALITY = 80
FINGERPRINT_SIDE = 8
SIGN_BIT = 1 << 63


def main() -> None:
    """Write the variants and say how large the source is, or {"problem": ...}."""
    source, target, options = sys.argv[1:]
    try:
        found = convert(source, Path(target), json.loads(options))
    except UnidentifiedImageError:
        found = {"problem": "kind"}
    except Image.DecompressionBombError:
        found = {"problem": "pixels"}
    except OSError as error:
        # Pillow's own have no number; those of the system do.
        found = {"problem": "disk" if error.errno else "broken"}
    except (ValueError, SyntaxError, EOFError, OverflowError):
        found = {"problem": "broken"}
    sys.stdout.write(json.dumps(found) + "\n")


def convert(source: str, target: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Write the variants of `source`; return its size, upright."""
    with Image.open(source, formats=options["formats"]) as opened:
        if opened.width * opened.height > options["max_pixels"]:
            return {"problem": "pixels"}
        full, widest = opened.size, max(options["widths"])
        opened.draft("RGB", (2 * widest, 2 * widest))  # a JPEG may be read at a half or a quarter
        profile = opened.info.get("icc_profile")
        upright = ImageOps.exif_transpose(opened)
    picture = in_srgb(upright, profile)
    scale = max(full) / max(picture.size)
    size = {"width": round(picture.width * scale), "height": round(picture.height * scale)}
    if min(size.values()) < options["min_side"]:
        return {"problem": "small", **size}
    for width in options["widths"]:
        variant = sized(picture, width, options["aspect"])
        variant.save(target / f"{width}.webp", "WEBP", quality=QUALITY, method=4, exact=False)
    return {**size, "fingerprint": fingerprint_of(picture)}


def in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture's first frame in the colours that every screen knows."""
    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    mode = "RGBA" if has_alpha else "RGB"
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return picture.convert(mode)
    meant = io.BytesIO(profile)
    try:
        drawn = ImageCms.profileToProfile(
            picture, meant, ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except (ImageCms.PyCMSError, ValueError):
        drawn = None
    return drawn or picture.convert(mode)


def sized(picture: Image.Image, width: int, aspect: list[int] | None) -> Image.Image:
    """Return the picture at most `width` wide, cut to `aspect` around its middle."""
    if aspect is None:
        fitting = picture.copy()
        fitting.thumbnail((width, width), Image.Resampling.LANCZOS)
        return fitting
    across, down = aspect
    widest = min(picture.width, picture.height * across // down, width)
    size = (max(1, widest), max(1, round(widest * down / across)))
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


def fingerprint_of(picture: Image.Image) -> int:
    """Return the picture's difference hash (dHash) as a signed 64-bit number.

    Of 9 spots in each of 8 rows, is each one darker than the next?
    """
    spot_count = (FINGERPRINT_SIDE + 1, FINGERPRINT_SIDE)
    small = picture.resize(spot_count, Image.Resampling.BOX)
    grey = Image.new("L", spot_count, "white")
    grey.paste(small.convert("L"), mask=small.getchannel("A") if small.mode == "RGBA" else None)
    spots = grey.tobytes()
    bits = 0
    for row in range(FINGERPRINT_SIDE):
        start = row * (FINGERPRINT_SIDE + 1)
        for column in range(FINGERPRINT_SIDE):
            bits = bits << 1 | (spots[start + column] < spots[start + column + 1])
    return bits - 2 * SIGN_BIT if bits & SIGN_BIT else bits


if __name__ == "__main__":
    main()
