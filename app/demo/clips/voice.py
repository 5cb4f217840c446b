"""A formant synthesiser of our own: glottal pulses and noise through moving resonators, to WAV."""

import math
import random
import wave
from array import array
from dataclasses import dataclass
from pathlib import Path

from app.demo.clips.narration import Cue, Narration
from app.demo.clips.phones import PHONES, Kind

SAMPLE_RATE = 16_000
FRAME_SECONDS = 0.005
FRAME_SAMPLES = int(SAMPLE_RATE * FRAME_SECONDS)
SPEECH_RMS = 0.055  # about -25 dBFS while speaking: present, never loud
BANDWIDTHS_HZ = (85.0, 105.0, 160.0, 260.0)


@dataclass(frozen=True)
class Voice:
    """A speaker: mean pitch in Hz and the scale of the vocal tract (below 1 is a longer one)."""

    pitch_hz: float
    tract: float
    seed: int


@dataclass
class Tracks:
    """Parameters per frame of 5 ms for one sentence."""

    formants: list[list[float]]
    voicing: list[float]
    noise_hz: list[float]
    noise: list[float]
    accents: list[float]


def _tracks(cue: Cue, tempo: float, dice: random.Random) -> Tracks:
    tracks = Tracks([[], [], []], [], [], [], [])
    vowels = 0
    stress = dice.randint(0, 1)
    for name in cue.phones:
        phone = PHONES[name]
        frames = max(2, round(phone.duration_ms / 1000 / tempo / FRAME_SECONDS))
        accent = 0.0
        if phone.kind is Kind.VOWEL:
            vowels += 1
            accent = 1.0 if vowels % 3 == stress else 0.25
        closure = frames - 4 if phone.kind is Kind.STOP else 0
        for index in range(frames):
            for track, value in zip(tracks.formants, phone.formants, strict=True):
                track.append(float(value))
            swell = math.sin(math.pi * (index + 0.5) / frames) ** 0.35
            tracks.voicing.append(phone.voicing * (swell if phone.kind is Kind.VOWEL else 1.0))
            tracks.noise_hz.append(float(phone.noise[0] or 2500))
            burst = phone.kind is not Kind.STOP or index >= closure
            tracks.noise.append(phone.noise[1] * swell if burst else 0.0)
            tracks.accents.append(accent)
    return tracks


def _smooth(values: list[float], radius: int) -> list[float]:
    """Return the moving average over 2 * radius + 1 frames: the glide between two sounds."""
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    last = len(values)
    result = []
    for index in range(last):
        low, high = max(0, index - radius), min(last, index + radius + 1)
        result.append((sums[high] - sums[low]) / (high - low))
    return result


def _pitch(cue: Cue, tracks: Tracks, voice: Voice) -> list[float]:
    """Return Hz per frame: declination over the sentence, accents, a rise for questions."""
    count = len(tracks.voicing)
    accents = _smooth(_smooth(tracks.accents, 9), 9)
    is_question = cue.line.text.endswith("?")
    pitch = []
    for index, accent in enumerate(accents):
        share = index / max(1, count - 1)
        fall = 1.08 - 0.22 * share
        if is_question and share > 0.75:
            fall += (share - 0.75) * 1.1
        elif share > 0.88:
            fall -= (share - 0.88) * 0.7
        drift = 0.012 * math.sin(index * 0.031 + voice.seed)
        pitch.append(voice.pitch_hz * (fall + 0.16 * accent + drift))
    return pitch


def _pole(hertz: float, bandwidth_hz: float) -> tuple[float, float, float]:
    radius = math.exp(-math.pi * bandwidth_hz / SAMPLE_RATE)
    first = 2 * radius * math.cos(2 * math.pi * hertz / SAMPLE_RATE)
    second = -radius * radius
    return 1 - first - second, first, second


def _speak(cue: Cue, tempo: float, voice: Voice, dice: random.Random) -> list[float]:
    """Return the samples of one sentence, unscaled."""
    tracks = _tracks(cue, tempo, dice)
    formants = [_smooth(_smooth(track, 4), 4) for track in tracks.formants]
    voicing = _smooth(_smooth(tracks.voicing, 2), 2)
    noise_hz, noise = _smooth(tracks.noise_hz, 2), _smooth(tracks.noise, 2)
    pitch = _pitch(cue, tracks, voice)
    uniform = dice.uniform
    out: list[float] = []
    state = [0.0] * 8
    fricative = [0.0, 0.0]
    phase = tilt = 0.0
    for frame in range(len(voicing)):
        frequencies = [track[frame] * voice.tract for track in formants] + [3400 * voice.tract]
        poles = [_pole(f, b) for f, b in zip(frequencies, BANDWIDTHS_HZ, strict=True)]
        gain, first, second = _pole(min(noise_hz[frame], 7200), 1100)
        step = pitch[frame] / SAMPLE_RATE * (1 + uniform(-0.006, 0.006))
        level, hiss = voicing[frame], noise[frame]
        for _ in range(FRAME_SAMPLES):
            phase += step
            if phase >= 1:
                phase -= 1
            # Derivative of a Rosenberg pulse that is open for 62 % of the cycle.
            opening = phase / 0.62
            pulse = (2 * opening - 3 * opening * opening) if opening < 1 else 0.0
            breath = uniform(-0.05, 0.05)
            tilt += 0.55 * ((pulse + breath) * level - tilt)
            sample = tilt
            for index, (a, b, c) in enumerate(poles):
                one, two = state[2 * index], state[2 * index + 1]
                sample = a * sample + b * one + c * two
                state[2 * index + 1], state[2 * index] = one, sample
            grain = gain * uniform(-1, 1) + first * fricative[0] + second * fricative[1]
            fricative[1], fricative[0] = fricative[0], grain
            out.append(sample + grain * hiss * 0.9)
    return out


def write_wav(narration: Narration, voice: Voice, path: Path) -> None:
    """Speak the whole narration into a mono 16-bit WAV at `path`, silence where nobody talks."""
    dice = random.Random(voice.seed)  # noqa: S311 - sound, not secrets
    samples = [0.0] * (narration.duration * SAMPLE_RATE)
    power = 0.0
    spoken = 0
    for cue in narration.cues:
        sentence = _speak(cue, narration.tempo, voice, dice)
        begin = int(cue.start * SAMPLE_RATE)
        samples[begin : begin + len(sentence)] = sentence
        power += sum(sample * sample for sample in sentence)
        spoken += len(sentence)
    scale = SPEECH_RMS / math.sqrt(power / spoken)
    pcm = array("h", (int(32767 * max(-0.9, min(0.9, sample * scale))) for sample in samples))
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(pcm.tobytes())
