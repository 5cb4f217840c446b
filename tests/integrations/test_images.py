"""Pictures drawn anew: sizes, shapes and colours kept, everything else of the sender's gone."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageDraw

from app.errors import FileRefused
from app.integrations.pillow_images import MAX_PIXELS, PillowImages
from tests.support.server import ROOT
from tests.support.small_disk import run_on_small_disk

pytestmark = pytest.mark.no_database
WIDTHS = (320, 640)
ORIENTATION, MAKER, GPS = 0x0112, 0x010F, 0x8825


def _halves(size: tuple[int, int]) -> Image.Image:
    """A picture whose upper half is red and whose lower half is blue."""
    picture = Image.new("RGB", size, "red")
    picture.paste("blue", (0, size[1] // 2, *size))
    return picture


def _saved(picture: Image.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)
    return path


def _variants(source: Path, folder: Path, **options: object) -> list[Image.Image]:
    folder.mkdir(exist_ok=True)
    PillowImages().make_variants(source, folder, WIDTHS, **options)  # type: ignore[arg-type]
    return [_opened(folder / f"{width}.webp") for width in WIDTHS]


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
    return picture


def _is_close(pixel: object, wanted: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(pixel, wanted, strict=False))  # type: ignore[call-overload]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_picture_is_cut_to_its_shape_in_every_width(tmp_path: Path, suffix: str) -> None:
    source = _saved(_halves((1600, 1200)), tmp_path / f"a{suffix}")
    small, large = _variants(source, tmp_path / "out", aspect=(16, 9))
    assert (small.format, small.size, large.size) == ("WEBP", (320, 180), (640, 360))
    assert _is_close(small.getpixel((160, 20)), (255, 0, 0))
    assert _is_close(small.getpixel((160, 160)), (0, 0, 255))


def test_a_small_picture_is_not_blown_up(tmp_path: Path) -> None:
    source = _saved(_halves((400, 300)), tmp_path / "a.png")
    small, large = _variants(source, tmp_path / "out", aspect=(16, 9))
    assert (small.size, large.size) == ((320, 180), (400, 225))


def test_without_a_shape_the_pictures_own_is_kept_and_so_is_what_shows_through(
    tmp_path: Path,
) -> None:
    source = _saved(Image.new("RGBA", (800, 200), (0, 128, 0, 0)), tmp_path / "logo.png")
    small, _ = _variants(source, tmp_path / "out")
    assert (small.size, small.mode) == ((320, 80), "RGBA")
    assert small.getpixel((10, 10))[3] == 0  # type: ignore[index]


def test_how_the_camera_was_held_is_drawn_in_and_what_it_wrote_is_gone(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = 6, "SecretCam"  # lying on its side
    exif[GPS] = {1: "N", 2: (9.0, 1.0, 48.0)}
    source = _saved(_halves((900, 1600)).rotate(90, expand=True), tmp_path / "a.jpg", exif=exif)
    assert b"SecretCam" in source.read_bytes()
    found = PillowImages().make_variants(source, tmp_path, (320,), (9, 16))
    assert (found.width, found.height) == (900, 1600)
    drawn = _opened(tmp_path / "320.webp")
    assert _is_close(drawn.getpixel((160, 30)), (255, 0, 0))
    assert not drawn.getexif()
    assert b"SecretCam" not in (tmp_path / "320.webp").read_bytes()


def test_colours_are_those_that_the_profile_meant(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.new("CMYK", (400, 300), (0, 255, 255, 0))
    source = _saved(picture, tmp_path / "a.jpg", icc_profile=lab)  # a profile of another kind
    small, _ = _variants(source, tmp_path / "out")
    assert small.getpixel((5, 5))[0] > 200  # type: ignore[index]


def _png(width: int, height: int) -> bytes:
    """A PNG that says it is huge and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b""))
    )


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 400 400\n(/etc/passwd) run\n"


def _jpeg() -> bytes:
    held = io.BytesIO()
    _halves((400, 300)).save(held, "JPEG")
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (SVG, "no JPEG"),
        (EPS, "no JPEG"),
        (b"", "no JPEG"),
        (b"GIF89a" + b"\0" * 100, "no JPEG"),
        (_png(30_000, 30_000), "million pixels"),
        (_png(2**31 - 1, 2**31 - 1), ""),
        (_png(1000, 1000), "damaged"),
        (_jpeg()[:1500], "damaged"),
        (b"\xff\xd8\xff" + b"\0" * 500, ""),
    ],
    ids=["svg", "eps", "empty", "gif", "bomb", "giant", "hollow", "cut off", "head only"],
)
def test_what_is_no_whole_picture_is_refused_with_a_reason(
    tmp_path: Path, content: bytes, fault: str
) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(content)
    with pytest.raises(FileRefused) as refused:
        _variants(source, tmp_path / "out")
    assert fault in refused.value.detail


def test_the_limit_of_pixels_is_not_read_past(tmp_path: Path) -> None:
    assert MAX_PIXELS < 30_000 * 30_000
    source = _saved(Image.new("1", (10_000, 5_001)), tmp_path / "a.png")
    with pytest.raises(FileRefused, match="million pixels"):
        _variants(source, tmp_path / "out")


def test_a_picture_that_is_too_small_says_how_small(tmp_path: Path) -> None:
    source = _saved(_halves((400, 100)), tmp_path / "a.png")
    with pytest.raises(FileRefused, match="400 x 100"):
        _variants(source, tmp_path / "out", min_side=180)


def _receipt(amount: str, seed: int) -> Image.Image:
    """Something like a photographed receipt: paper on a table, lines of writing, a stamp."""
    picture = Image.new("RGB", (900, 1200), (96, 72, 56))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((90, 70, 810, 1130), fill=(244, 241, 232))
    pen.text((160, 140), f"Paid {amount}", fill=(20, 20, 30), font_size=64)
    for line in range(10):
        width = (seed * 97 + line * 53) % 480 + 60
        top = 280 + line * 78
        pen.rectangle((160, top, 160 + width, top + 30), fill=(70, 70, 80))
    left = 200 + seed * 131 % 400
    pen.ellipse((left, 860, left + 200, 1060), fill=(30, 60, 160))
    return picture


def _fingerprint(source: Path, folder: Path) -> int:
    folder.mkdir(exist_ok=True)
    return PillowImages().make_variants(source, folder, (320,)).fingerprint


def _distance(one: int, other: int) -> int:
    return ((one ^ other) & (2**64 - 1)).bit_count()


def test_the_same_picture_saved_otherwise_has_nearly_the_same_fingerprint(tmp_path: Path) -> None:
    picture = _receipt("ETB 2,500", 1)
    first = _fingerprint(_saved(picture, tmp_path / "a.png"), tmp_path / "out")
    small = _saved(picture.resize((450, 600)), tmp_path / "b.jpg", quality=35)
    again = _saved(picture, tmp_path / "c.webp", quality=20)
    assert _distance(first, _fingerprint(small, tmp_path / "out")) <= 6
    assert _distance(first, _fingerprint(again, tmp_path / "out")) <= 6
    assert -(2**63) <= first < 2**63


def test_another_picture_has_another_fingerprint(tmp_path: Path) -> None:
    one, other = (
        _fingerprint(_saved(_receipt("ETB 2,500", seed), tmp_path / f"{seed}.png"), tmp_path / "o")
        for seed in (1, 2)
    )
    assert _distance(one, other) > 6


def test_a_fingerprint_is_of_the_upright_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    picture = _receipt("ETB 900", 3)
    upright = _saved(picture, tmp_path / "a.jpg")
    lying = _saved(picture.rotate(90, expand=True), tmp_path / "b.jpg", exif=exif)
    found = [_fingerprint(source, tmp_path / "out") for source in (upright, lying)]
    assert _distance(*found) <= 2


FILL_THE_DISK = """
import sys
from pathlib import Path
from app.errors import StorageFull
from app.integrations.pillow_images import PillowImages
try:
    PillowImages().make_variants(Path(sys.argv[1]), Path(sys.argv[2]), (1280,))
except StorageFull:
    print("full")
"""


def test_a_full_disk_is_not_the_pictures_fault(tmp_path: Path) -> None:
    source = _saved(Image.effect_noise((1600, 1200), 90), tmp_path / "a.png")
    folder = tmp_path / "disk"
    folder.mkdir()
    arguments = ("-c", FILL_THE_DISK, str(source), str(folder))
    ended = run_on_small_disk(folder, "16k", *arguments, environment={"PYTHONPATH": str(ROOT)})
    assert ended.stdout.strip() == "full", ended.stderr
