"""How loud lessons are: each title's sound is brought to one loudness by one gain."""

TARGET_LUFS = -16.0
_MAX_GAIN_DB = 20.0
_UNHEARD_DB = 0.5


def gain_db(measured_lufs: float | None) -> float:
    """Return the gain that brings a title to TARGET_LUFS; 0 for silence and where it fits already.

    Streams are heard on phones and laptops, hence the target of AES TD1008 for speech rather than
    television's -23.
    """
    if measured_lufs is None:
        return 0.0
    gain = TARGET_LUFS - measured_lufs
    if abs(gain) < _UNHEARD_DB:
        return 0.0
    return round(min(gain, _MAX_GAIN_DB), 2)
