"""Shapes as vector paths in pixels: what a scene draws. A path is a list of closed polygons."""

import itertools
import math
from collections.abc import Sequence

Point = tuple[float, float]
Polygon = list[Point]
Path = list[Polygon]

ARC_STEPS = 10


def rectangle(x: float, y: float, width: float, height: float) -> Path:
    """Return a rectangle by its top left corner."""
    return [[(x, y), (x + width, y), (x + width, y + height), (x, y + height)]]


def rounded(x: float, y: float, width: float, height: float, radius: float) -> Path:
    """Return a rectangle with round corners."""
    corners = (
        (x + width - radius, y + radius, -90.0),
        (x + width - radius, y + height - radius, 0.0),
        (x + radius, y + height - radius, 90.0),
        (x + radius, y + radius, 180.0),
    )
    points: Polygon = []
    for cx, cy, start in corners:
        points += arc((cx, cy), radius, start, start + 90)
    return [points]


def arc(centre: Point, radius: float, start: float, end: float, steps: int = ARC_STEPS) -> Polygon:
    """Return points of an arc; degrees run clockwise from three o'clock."""
    return [
        (
            centre[0] + radius * math.cos(math.radians(start + (end - start) * i / steps)),
            centre[1] + radius * math.sin(math.radians(start + (end - start) * i / steps)),
        )
        for i in range(steps + 1)
    ]


def circle(centre: Point, radius: float) -> Path:
    """Return a filled circle."""
    return [arc(centre, radius, 0, 360, 40)[:-1]]


def ring(centre: Point, radius: float, thickness: float) -> Path:
    """Return a circle drawn with a pen of `thickness`."""
    outer = arc(centre, radius + thickness / 2, 0, 360, 48)[:-1]
    inner = arc(centre, radius - thickness / 2, 360, 0, 48)[:-1]
    return [outer, inner]


def capsule(start: Point, end: Point, thickness: float) -> Path:
    """Return a straight stroke with round ends."""
    angle = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
    half = thickness / 2
    return [arc(end, half, angle - 90, angle + 90) + arc(start, half, angle + 90, angle + 270)]


def polyline(points: Sequence[Point], thickness: float) -> Path:
    """Return a stroke through `points`; the pieces overlap, all turning the same way."""
    path: Path = []
    for start, end in itertools.pairwise(points):
        path += capsule(start, end, thickness)
    return path


def arrow(start: Point, end: Point, thickness: float, head: float) -> Path:
    """Return a straight arrow with an open head of `head` pixels."""
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    path = capsule(start, end, thickness)
    for turn in (2.6, -2.6):
        tip = (end[0] + head * math.cos(angle + turn), end[1] + head * math.sin(angle + turn))
        path += capsule(end, tip, thickness)
    return path


def partial(points: Sequence[Point], share: float) -> list[Point]:
    """Return the first `share` (0-1) of a polyline by length: the stroke so far."""
    lengths = [math.dist(a, b) for a, b in itertools.pairwise(points)]
    left = sum(lengths) * min(1.0, max(0.0, share))
    drawn = [points[0]]
    for (start, end), length in zip(itertools.pairwise(points), lengths, strict=True):
        if left >= length:
            drawn.append(end)
            left -= length
            continue
        if length > 0:
            ratio = left / length
            drawn.append(
                (start[0] + (end[0] - start[0]) * ratio, start[1] + (end[1] - start[1]) * ratio)
            )
        break
    return drawn


def moved(path: Path, dx: float, dy: float) -> Path:
    """Return `path` moved by (dx, dy)."""
    return [[(x + dx, y + dy) for x, y in polygon] for polygon in path]
