"""`python -m app.demo.clips FOLDER [key …]` makes the shipped clips anew, into FOLDER."""

import sys
from pathlib import Path

from app.demo.clips import coffee_stall, functions, welcome
from app.demo.clips.render import Production, produce
from app.demo.clips.scripts import COFFEE_STALL, FUNCTIONS, WELCOME
from app.demo.clips.voice import Voice

PRODUCTIONS = (
    Production(
        key="welcome",
        lines=WELCOME,
        draw=welcome.draw,
        voice=Voice(pitch_hz=168, tract=1.12, seed=3),
        tempo=0.8,
        background=welcome.BACKGROUND,
        frame_rate=25,
        crf=23,
    ),
    Production(
        key="functions",
        lines=FUNCTIONS,
        draw=functions.draw,
        voice=Voice(pitch_hz=112, tract=0.98, seed=7),
        tempo=0.78,
        background=functions.BACKGROUND,
        frame_rate=25,
        crf=23,
    ),
    Production(
        key="coffee-stall",
        lines=COFFEE_STALL,
        draw=coffee_stall.draw,
        voice=Voice(pitch_hz=186, tract=1.16, seed=5),
        tempo=0.76,
        background=coffee_stall.BACKGROUND,
        frame_rate=coffee_stall.FRAME_RATE,
        crf=28,
        picture=coffee_stall.picture,
    ),
)


def main(arguments: list[str]) -> None:
    """Produce the clips named after the folder, or all of them."""
    folder, *keys = arguments
    for production in PRODUCTIONS:
        if not keys or production.key in keys:
            produce(production, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
