"""Run as a script in the sandbox, never imported: describes a media file as one line of JSON.

    python -I probe_script.py FILE FORMAT_WHITELIST

Reads the whole file, because what a header claims about its length may be untrue.
"""

import json
import sys
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

ATTACHED_PICTURE = 1 << 10


def main() -> None:
    """Write the description, or {"problem": ...} when the file cannot be shown."""
    try:
        found = probe(*sys.argv[1:])
    except av.FFmpegError as error:
        found = {"problem": error.strerror}
    sys.stdout.write(json.dumps(found) + "\n")


def probe(path: str, whitelist: str) -> dict[str, Any]:
    """Describe the file at `path`. Raises FFmpegError when it is broken."""
    options = {"format_whitelist": whitelist, "protocol_whitelist": "file"}
    with av.open(path, options=options) as container:
        video = find_video(container)
        frame = next(container.decode(video), None) if video else None
        if video is None or frame is None:
            return {"problem": "there is no picture in it"}
        found = describe(container, video, frame)
    with av.open(path, options=options) as container:
        streams = [container.streams[found["video_index"]], *container.streams.audio[:1]]
        found["seconds"] = measure(container, streams)
    return found


def find_video(container: InputContainer) -> VideoStream | None:
    """Return the first video stream that is not a cover picture."""
    pictures = (s for s in container.streams.video if not int(s.disposition) & ATTACHED_PICTURE)
    return next(pictures, None)


def describe(container: InputContainer, video: VideoStream, frame: VideoFrame) -> dict[str, Any]:
    """Return what headers and the first frame say."""
    width, height = frame.width, frame.height
    aspect = video.sample_aspect_ratio or Fraction(1)
    if aspect > 0:
        width = round(width * aspect)
    if frame.rotation % 180:
        width, height = height, width
    rates = (video.guessed_rate, video.average_rate, video.base_rate)
    rate = next((rate for rate in rates if rate), Fraction(30))
    audio = container.streams.audio
    return {
        "format": container.format.name,
        "claimed_seconds": container.duration / av.time_base if container.duration else None,
        "video_index": video.index,
        "video_codec": video.codec_context.name,
        "width": width,
        "height": height,
        "frame_rate": [rate.numerator, rate.denominator],
        "is_interlaced": frame.interlaced_frame,
        "audio_channels": audio[0].codec_context.channels if audio else 0,
    }


def measure(container: InputContainer, streams: list[Any]) -> float:
    """Return the seconds from the first to the last packet of `streams`."""
    first, last = None, Fraction(0)
    for packet in container.demux(streams):
        position = packet.dts if packet.pts is None else packet.pts
        if position is None or packet.time_base is None:
            continue
        start = position * packet.time_base
        first = start if first is None else min(first, start)
        last = max(last, start + (packet.duration or 0) * packet.time_base)
    return float(last - first) if first is not None else 0.0


if __name__ == "__main__":
    main()
