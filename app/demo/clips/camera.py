"""A camera over a larger stage: key views eased into each other, as an ffmpeg filter."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """What the camera frames at a moment: centre and width in stage pixels (16:9)."""

    at: float
    x: float
    y: float
    width: float


def hold(start: float, end: float, x: float, y: float, width: float) -> tuple[View, View]:
    """Return two equal views, so that the camera rests from `start` to `end`."""
    return View(start, x, y, width), View(end, x, y, width)


def _eased(name: str, views: Sequence[View], frame_rate: int) -> str:
    """Return an expression of the frame number that moves smoothly from view to view."""
    values = [float(getattr(view, name)) for view in views]
    expression = f"{values[-1]:.1f}"
    for index in range(len(views) - 2, -1, -1):
        start, end = views[index].at * frame_rate, views[index + 1].at * frame_rate
        share = f"clip((on-{start:.0f})/{end - start:.0f},0,1)"
        eased = f"({share})*({share})*(3-2*({share}))"
        step = f"{values[index]:.1f}+({values[index + 1] - values[index]:.1f})*{eased}"
        expression = f"if(lt(on,{end:.0f}),{step},{expression})"
    return f"({expression})"


def camera(views: Sequence[View], frame_rate: int) -> str:
    """Return the filter that shows the stage through `views`, `frame_rate` frames a second."""
    x = _eased("x", views, frame_rate)
    y = _eased("y", views, frame_rate)
    half = f"({_eased('width', views, frame_rate)}/2)"
    left, right = f"{x}-{half}", f"{x}+{half}"
    top, bottom = f"{y}-{half}*9/16", f"{y}+{half}*9/16"
    corners = f"x0='{left}':y0='{top}':x1='{right}':y1='{top}'"
    corners += f":x2='{left}':y2='{bottom}':x3='{right}':y3='{bottom}'"
    return f"perspective={corners}:interpolation=cubic:sense=source:eval=frame"
