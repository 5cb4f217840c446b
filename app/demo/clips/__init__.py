"""The three lectures that ship with the demo. `python -m app.demo.clips FOLDER` makes them anew.

All pictures, words and voices are our own: scenes drawn by libass with vendored fonts, a formant
synthesiser that speaks the captions. Seeding only copies the finished files.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "files"
LANGUAGE_LABELS = {"en": "English", "am": "አማርኛ"}


@dataclass(frozen=True)
class Clip:
    """A shipped lecture; `languages` are those of its captions."""

    key: str
    title: str
    duration_seconds: int
    frame_rate: int
    languages: tuple[str, ...]
    width: int = 1280
    height: int = 720

    @property
    def path(self) -> Path:
        """Return where the source file lies."""
        return FOLDER / f"{self.key}.mp4"

    def captions(self, language: str) -> str:
        """Return the WebVTT of `language`, one of `languages`."""
        return (FOLDER / f"{self.key}.{language}.vtt").read_text(encoding="utf-8")


# In the order in which they are transcoded: the first is the first lesson of every course.
CLIPS = {
    clip.key: clip
    for clip in (
        Clip("welcome", "How to study here", 74, 25, ("en", "am")),
        Clip("functions", "Small functions", 67, 25, ("en",)),
        Clip("coffee-stall", "One month on one page", 65, 25, ("en", "am")),
    )
}
