"""Letters to speech sounds: a small English rule table, enough for a speech-like voice."""

import re
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    VOWEL = "vowel"
    SONORANT = "sonorant"
    FRICATIVE = "fricative"
    STOP = "stop"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Phone:
    """A speech sound: duration in ms, three formants in Hz, noise as (Hz, amplitude 0-1)."""

    kind: Kind
    duration_ms: int
    formants: tuple[int, int, int]
    voicing: float
    noise: tuple[int, float] = (0, 0.0)


def _vowel(duration_ms: int, f1: int, f2: int, f3: int) -> Phone:
    return Phone(Kind.VOWEL, duration_ms, (f1, f2, f3), 1.0)


def _sonorant(duration_ms: int, f1: int, f2: int, f3: int, voicing: float = 0.5) -> Phone:
    return Phone(Kind.SONORANT, duration_ms, (f1, f2, f3), voicing)


def _fricative(duration_ms: int, noise_hz: int, level: float, voicing: float = 0.0) -> Phone:
    return Phone(Kind.FRICATIVE, duration_ms, (320, 1600, 2600), voicing, (noise_hz, level))


def _stop(duration_ms: int, burst_hz: int, f2: int, voicing: float = 0.0) -> Phone:
    return Phone(Kind.STOP, duration_ms, (300, f2, 2500), voicing, (burst_hz, 0.3))


PHONES: dict[str, Phone] = {
    "a": _vowel(105, 690, 1250, 2500),
    "ae": _vowel(110, 670, 1720, 2450),
    "e": _vowel(90, 540, 1820, 2500),
    "ee": _vowel(105, 300, 2230, 2950),
    "i": _vowel(75, 400, 1950, 2560),
    "o": _vowel(100, 570, 900, 2450),
    "oh": _vowel(115, 470, 940, 2400),
    "oo": _vowel(105, 330, 960, 2300),
    "uh": _vowel(75, 590, 1220, 2420),
    "schwa": _vowel(55, 500, 1430, 2450),
    "er": _vowel(95, 480, 1340, 1720),
    "w": _sonorant(60, 310, 720, 2250),
    "y": _sonorant(55, 290, 2180, 2900),
    "l": _sonorant(60, 350, 1080, 2700, 0.55),
    "r": _sonorant(60, 340, 1180, 1620, 0.5),
    "m": _sonorant(65, 260, 1020, 2250, 0.4),
    "n": _sonorant(60, 260, 1420, 2500, 0.4),
    "ng": _sonorant(70, 270, 1850, 2500, 0.4),
    "s": _fricative(85, 5600, 0.16),
    "z": _fricative(70, 5400, 0.09, 0.35),
    "sh": _fricative(90, 3000, 0.16),
    "zh": _fricative(80, 2800, 0.09, 0.35),
    "f": _fricative(80, 5000, 0.06),
    "v": _fricative(60, 4600, 0.04, 0.4),
    "th": _fricative(65, 5200, 0.05),
    "dh": _fricative(45, 4800, 0.03, 0.45),
    "h": _fricative(50, 1500, 0.06),
    "p": _stop(80, 900, 950),
    "b": _stop(70, 900, 950, 0.2),
    "t": _stop(75, 3900, 1750),
    "d": _stop(60, 3600, 1750, 0.2),
    "k": _stop(80, 2100, 1950),
    "g": _stop(65, 2000, 1950, 0.2),
    "short": Phone(Kind.REST, 170, (500, 1430, 2450), 0.0),
    "long": Phone(Kind.REST, 330, (500, 1430, 2450), 0.0),
}

# Longest pattern first; `$` marks a rule that only holds at a word's end.
RULES: tuple[tuple[str, str], ...] = (
    ("tion$", "sh schwa n"),
    ("tions$", "sh schwa n z"),
    ("ight", "a y t"),
    ("ould", "oo d"),
    ("ough", "oh"),
    ("ing$", "i ng"),
    ("are", "e er"),
    ("ere", "ee er"),
    ("our", "oh er"),
    ("ch", "t sh"),
    ("sh", "sh"),
    ("th", "dh"),
    ("ph", "f"),
    ("wh", "w"),
    ("ck", "k"),
    ("ng", "ng"),
    ("qu", "k w"),
    ("ee", "ee"),
    ("ea", "ee"),
    ("oo", "oo"),
    ("ou", "a w"),
    ("ow", "oh w"),
    ("oa", "oh"),
    ("ai", "e y"),
    ("ay", "e y"),
    ("ey$", "ee"),
    ("er", "er"),
    ("ir", "er"),
    ("ur", "er"),
    ("ar", "a r"),
    ("or", "oh r"),
    ("le$", "schwa l"),
    ("ed$", "d"),
    ("es$", "i z"),
    ("e$", ""),
    ("y$", "ee"),
    ("a$", "schwa"),
    ("ll", "l"),
    ("ss", "s"),
    ("tt", "t"),
    ("pp", "p"),
    ("mm", "m"),
    ("nn", "n"),
    ("rr", "r"),
    ("ff", "f"),
    ("ce", "s e"),
    ("ci", "s i"),
    ("a", "ae"),
    ("b", "b"),
    ("c", "k"),
    ("d", "d"),
    ("e", "e"),
    ("f", "f"),
    ("g", "g"),
    ("h", "h"),
    ("i", "i"),
    ("j", "d zh"),
    ("k", "k"),
    ("l", "l"),
    ("m", "m"),
    ("n", "n"),
    ("o", "o"),
    ("p", "p"),
    ("r", "r"),
    ("s", "s"),
    ("t", "t"),
    ("u", "uh"),
    ("v", "v"),
    ("w", "w"),
    ("x", "k s"),
    ("y", "i"),
    ("z", "z"),
)
SMALL_WORDS = {
    "a": "schwa",
    "the": "dh schwa",
    "to": "t oo",
    "of": "o v",
    "and": "ae n d",
    "is": "i z",
    "one": "w uh n",
    "two": "t oo",
    "you": "y oo",
    "your": "y oh r",
    "we": "w ee",
    "be": "b ee",
    "so": "s oh",
    "do": "d oo",
    "what": "w o t",
    "some": "s uh m",
    "was": "w o z",
    "are": "a r",
}


def _word_phones(word: str) -> list[str]:
    if word in SMALL_WORDS:
        return SMALL_WORDS[word].split()
    phones: list[str] = []
    index = 0
    while index < len(word):
        for pattern, sounds in RULES:
            letters = pattern.removesuffix("$")
            at_end = index + len(letters) == len(word)
            if word.startswith(letters, index) and (at_end or not pattern.endswith("$")):
                phones += sounds.split()
                index += len(letters)
                break
        else:
            index += 1
    return phones


def phones_of(sentence: str) -> list[str]:
    """Return the names of the speech sounds of an English sentence, rests included."""
    names: list[str] = []
    for word in re.findall(r"[a-z]+|[,;:.?!]", sentence.lower().replace("'", "")):
        if word.isalpha():
            names += _word_phones(word)
        else:
            names.append("short" if word in ",;:" else "long")
    return names
