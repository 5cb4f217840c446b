"""ffmpeg's command lines, as pure functions; the runner is `ffmpeg_transcoder`."""

from fractions import Fraction
from pathlib import Path

from app.integrations.containers import FORMAT_WHITELIST
from app.integrations.transcoder import (
    INIT_NAME,
    SEGMENT_SECONDS,
    AudioRung,
    EncodeJob,
    MediaInfo,
    Rung,
    StillSheets,
    VideoRung,
    even_pixels,
)

PLAYLIST_NAME = "index.m3u8"
SAMPLE_HEIGHT = 360
SAMPLE_CRF = 23

_AUDIO_RATE = 48_000
_PEAK_LIMIT = 0.891  # -1 dB below full scale, the headroom EBU R 128 leaves to lossy coding
_AAC_PRIMING_SAMPLES = 1024
_PRESET = "veryfast"
_POSTER_WIDTH = 1280
_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error", "-nostats")
_PROGRESS = ("-progress", "pipe:1")
# Without an edit list every player sees the first picture at zero; see `_audio_graph` for sound.
_SEGMENT_OPTIONS = "movflags=+negative_cts_offsets:use_editlist=0"


def gop_frames(frame_rate: Fraction) -> int:
    """Return how many pictures a segment holds; the segment is one closed GOP."""
    return max(1, round(SEGMENT_SECONDS * frame_rate))


def encode(job: EncodeJob) -> list[str]:
    """Return the arguments that make every rung of `job` in one decode of its source."""
    videos = [rung for rung in job.rungs if isinstance(rung, VideoRung)]
    graph = [*_video_graph(job, videos)]
    if len(videos) < len(job.rungs):
        graph.append(_audio_graph(job.info, job.gain_db))
    outputs: list[str] = []
    for rung in job.rungs:
        codec = (
            _video_output(job, rung) if isinstance(rung, VideoRung) else _audio_output(job, rung)
        )
        outputs += [*codec, *_hls(job, rung)]
    return [
        *_QUIET,
        *_PROGRESS,
        *_input(job.source),
        "-filter_complex",
        ";".join(graph),
        *outputs,
    ]


def sample(source: Path, info: MediaInfo, target: Path) -> tuple[list[str], float]:
    """Return the arguments that encode a few seconds of `source`, and how many seconds.

    Long titles are sampled in three places, because an intro tells little about a lecture.
    """
    seconds = min(info.duration_seconds, max(4.0, min(24.0, info.duration_seconds / 15)))
    places = 3 if seconds >= 3 * SEGMENT_SECONDS else 1
    inputs: list[str] = []
    for place in range(places):
        middle = info.duration_seconds * (2 * place + 1) / (2 * places)
        start = max(0.0, middle - seconds / places / 2)
        inputs += ["-ss", f"{start:.3f}", "-t", f"{seconds / places:.3f}", *_input(source)]
    width, height = sample_size(info)
    scaled = f"scale={width}:{height},setsar=1,fps=30,format=yuv420p"
    chains = [f"[{place}:V:0]{scaled}[p{place}]" for place in range(places)]
    joined = "".join(f"[p{place}]" for place in range(places))
    graph = ";".join([*chains, f"{joined}concat=n={places}[v]"])
    gop = str(30 * SEGMENT_SECONDS)
    codec = ["-c:v", "libx264", "-preset", _PRESET, "-crf", str(SAMPLE_CRF), "-g", gop]
    tail = ["-filter_complex", graph, "-map", "[v]", *codec, "-f", "h264", str(target)]
    return [*_QUIET, *inputs, *tail], seconds


def sample_size(info: MediaInfo) -> tuple[int, int]:
    """Return width and height of the sample: the source's shape, no larger than 360 lines."""
    scale = min(1.0, SAMPLE_HEIGHT / min(info.width, info.height))
    return even_pixels(info.width * scale), even_pixels(info.height * scale)


def poster(source: Path, info: MediaInfo, target: Path) -> list[str]:
    """Return the arguments that write one still, taken a tenth into the title."""
    scale = min(1.0, _POSTER_WIDTH / info.width)
    size = f"scale={even_pixels(info.width * scale)}:{even_pixels(info.height * scale)},setsar=1"
    chain = ",".join([*_deinterlace(info), size, "format=yuvj420p"])
    start = f"{min(60.0, info.duration_seconds / 10):.3f}"
    still = ["-map", "0:V:0", "-frames:v", "1", "-vf", chain, "-q:v", "4"]
    image = ["-f", "image2", "-update", "1", str(target)]
    return [*_QUIET, "-ss", start, *_input(source), *still, "-map_metadata", "-1", *image]


def stills(media: Path, wanted: StillSheets, target: Path) -> list[str]:
    """Return the arguments that lay stills of an encoded rung out in numbered sheets.

    A segment begins with its only key frame, so key frames alone are decoded.
    """
    chain = [
        f"select='not(mod(n,{wanted.step}))'",
        f"scale={wanted.width}:{wanted.height},setsar=1",
        f"tile={wanted.columns}x{wanted.rows}",
        "format=yuvj420p",
    ]
    output = ["-map", "0:v:0", "-fps_mode", "passthrough", "-vf", ",".join(chain), "-q:v", "6"]
    image = ["-start_number", "0", "-f", "image2", str(target / "%05d.jpg")]
    return [*_QUIET, "-skip_frame", "nokey", *_input(media), *output, *image]


def loudness(source: Path) -> list[str]:
    """Return the arguments that print the loudness of `source` so far, ten times a second."""
    chain = "ebur128=metadata=1,ametadata=mode=print:key=lavfi.r128.I:file=-"
    return [*_QUIET, *_input(source), "-map", "0:a:0", "-af", chain, "-f", "null", "-"]


def decode(media: Path) -> list[str]:
    """Return the arguments that decode `media` and stop at the first fault.

    The loop filter is left out: it cannot fail and costs a third of the time.
    """
    strict = ["-xerror", "-err_detect", "explode", "-skip_loop_filter", "all"]
    target = ["-map", "0", "-fps_mode", "passthrough", "-f", "null", "-"]
    return [*_QUIET, *_PROGRESS, *strict, *_input(media), *target]


def trial() -> list[str]:
    """Return the arguments that encode a moment of a test picture and sound into nothing."""
    picture = "testsrc=size=320x180:rate=30:duration=0.5"
    sound = f"sine=sample_rate={_AUDIO_RATE}:duration=0.5"
    codecs = ("-c:v", "libx264", "-preset", _PRESET, "-c:a", "aac")
    return [*_QUIET, *("-f", "lavfi", "-i", picture), *("-f", "lavfi", "-i", sound), *codecs,
            *("-f", "null", "-")]  # fmt: skip


def _input(source: Path) -> list[str]:
    """Return the arguments that open `source` as a file of a known kind and nothing else."""
    lists = ["-protocol_whitelist", "file", "-format_whitelist", FORMAT_WHITELIST]
    return [*lists, "-i", f"file:{source}"]


def _deinterlace(info: MediaInfo) -> list[str]:
    return ["bwdif=mode=send_frame:deint=interlaced"] if info.is_interlaced else []


def _video_graph(job: EncodeJob, videos: list[VideoRung]) -> list[str]:
    if not videos:
        return []
    steady = [f"fps={job.frame_rate}:start_time=0", "tpad=stop_mode=clone:stop=-1"]
    labels = "".join(f"[s{index}]" for index in range(len(videos)))
    common = ",".join([*_deinterlace(job.info), *steady, f"split={len(videos)}"])
    return [
        f"[0:V:0]{common}{labels}",
        *(
            f"[s{index}]{_thinned(job, rung)}scale={rung.width}:{rung.height}:out_range=limited,"
            f"setsar=1,format=yuv420p[{_label(rung)}]"
            for index, rung in enumerate(videos)
        ),
    ]


def _thinned(job: EncodeJob, rung: VideoRung) -> str:
    if rung.frame_step == 1:
        return ""
    return f"fps={job.frame_rate / rung.frame_step}:start_time=0:round=up,"


def _audio_graph(info: MediaInfo, gain_db: float) -> str:
    """Return the sound's filters: 48 kHz, starting at zero, endless (the output ends it).

    One gain for the whole title keeps what is quiet and what is loud in it as they were.

    The encoder puts its priming samples in front; as many are cut here, so that without an edit
    list sound and picture are in step.
    """
    if not info.has_audio:
        return f"anullsrc=r={_AUDIO_RATE}:cl=mono[audio]"
    limiter = f"alimiter=limit={_PEAK_LIMIT}:level=false:latency=true,"
    louder = f"volume={gain_db:.2f}dB,{limiter}" if gain_db else ""
    return (
        f"[0:a:0]aresample={_AUDIO_RATE}:async=1:first_pts=0,"
        f"atrim=start_sample={_AAC_PRIMING_SAMPLES},asetpts=PTS-STARTPTS,{louder}apad[audio]"
    )


def _video_output(job: EncodeJob, rung: VideoRung) -> list[str]:
    gop = str(gop_frames(job.frame_rate) // rung.frame_step)
    return [
        *("-map", f"[{_label(rung)}]", "-frames:v", str(job.frame_count // rung.frame_step)),
        *("-fps_mode", "passthrough"),
        *("-c:v", "libx264", "-preset", _PRESET, "-profile:v", "high", "-crf", str(rung.crf)),
        *("-maxrate", str(rung.max_bit_rate), "-bufsize", str(2 * rung.max_bit_rate)),
        *("-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-flags:v", "+cgop+bitexact"),
    ]


def _audio_output(job: EncodeJob, rung: AudioRung) -> list[str]:
    seconds = job.frame_count / job.frame_rate - Fraction(_AAC_PRIMING_SAMPLES, _AUDIO_RATE)
    return [
        *("-map", "[audio]", "-t", f"{max(float(seconds), 0.05):.6f}"),
        *("-c:a", "aac", "-b:a", str(rung.bit_rate), "-ac", str(rung.channels)),
        *("-flags:a", "+bitexact"),
    ]


def _hls(job: EncodeJob, rung: Rung) -> list[str]:
    """Return the muxer's arguments.

    Pictures: half the segment's length makes the muxer cut at each key frame, wherever rounding
    puts it. Sound has a key frame everywhere and is cut at the picture's boundaries.
    """
    segment = gop_frames(job.frame_rate) / job.frame_rate
    seconds = segment / 2 if isinstance(rung, VideoRung) else segment
    folder = job.target / rung.name
    return [
        *("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"),
        *("-f", "hls", "-hls_time", f"{float(seconds):.6f}", "-hls_list_size", "0"),
        *("-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"),
        *("-hls_segment_options", _SEGMENT_OPTIONS, "-hls_fmp4_init_filename", INIT_NAME),
        *("-hls_segment_filename", str(folder / "%05d.m4s"), str(folder / PLAYLIST_NAME)),
    ]


def _label(rung: VideoRung) -> str:
    return f"v{rung.name}"
