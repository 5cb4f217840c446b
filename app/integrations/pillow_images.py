"""Draws pictures anew with Pillow, in a sandboxed process of its own."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from app.errors import FileRefused, StorageFull
from app.integrations import sandbox
from app.integrations.images import Picture
from app.integrations.sandbox import Limits, ProgramFailed

_SCRIPT = Path(__file__).with_name("image_script.py")
_FORMATS = ("JPEG", "PNG", "WEBP")
_WALL_SECONDS = 8  # a transaction may be waiting for it
_MEMORY_BYTES = 1536 * 1024**2
_VARIANT_BYTES = 8 * 1024**2
MAX_PIXELS = 50_000_000

_PROBLEMS = {
    "kind": "This is no JPEG, PNG or WebP picture. Save it as one of them and send it again.",
    "pixels": f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels. "
    "Make it smaller and send it again.",
    "broken": "The picture is damaged. Save it anew and send it again.",
}


class PillowImages:
    """Starts a process per picture; what the picture does to it stays in there."""

    def make_variants(
        self,
        source: Path,
        target: Path,
        widths: Sequence[int],
        aspect: tuple[int, int] | None = None,
        min_side: int = 16,
    ) -> Picture:
        """Write `<width>.webp` for each of `widths`. Raises FileRefused, StorageFull."""
        options = {
            "widths": list(widths),
            "aspect": aspect,
            "formats": _FORMATS,
            "max_pixels": MAX_PIXELS,
            "min_side": min_side,
        }
        command = [
            *(sys.executable, "-I", str(_SCRIPT)),
            *(str(source), str(target), json.dumps(options)),
        ]
        limits = Limits(_WALL_SECONDS, memory_bytes=_MEMORY_BYTES, file_bytes=_VARIANT_BYTES)
        try:
            printed = sandbox.run(command, limits, reads=[source, _SCRIPT], writes=target)
            found = json.loads(printed[-1])
        except (ProgramFailed, ValueError, IndexError) as error:
            raise FileRefused(_PROBLEMS["broken"]) from error
        problem = found.get("problem")
        if problem == "disk":
            raise StorageFull
        if problem == "small":
            raise FileRefused(
                f"The picture has only {found['width']} x {found['height']} pixels. "
                f"Each side needs at least {min_side}."
            )
        if problem is not None:
            raise FileRefused(_PROBLEMS.get(problem, _PROBLEMS["broken"]))
        return Picture(found["width"], found["height"], found["fingerprint"])
