"""Time zones as people pick them: by region and city, with what their clocks show today."""

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from pathlib import Path

UNIVERSAL = "UTC"
MAX_NAME_LENGTH = 64
# Files of the zone database that name the zones in use, old spellings left out.
TABLES = ("zone.tab", "zone1970.tab")


@dataclass(frozen=True, slots=True)
class TimeZone:
    """A zone; `offset_minutes` is how far its clocks are ahead of UTC on the day asked about."""

    name: str
    region: str
    city: str
    offset_minutes: int

    @property
    def offset(self) -> str:
        """Return the offset as clocks show it: +03:00."""
        hours, minutes = divmod(abs(self.offset_minutes), 60)
        return f"{'-' if self.offset_minutes < 0 else '+'}{hours:02d}:{minutes:02d}"


def is_known(name: str) -> bool:
    """Whether `name` is a zone of the zone database, under a current or an older name."""
    return len(name) <= MAX_NAME_LENGTH and name in _all_names()


def get_time_zone(name: str, day: date) -> TimeZone:
    """Return a known zone as it is on `day`."""
    noon = datetime.combine(day, time(12), UTC)
    ahead = noon.astimezone(zoneinfo.ZoneInfo(name)).utcoffset() or timedelta(0)
    region, _, city = name.partition("/")
    city = city.replace("_", " ").replace("/", " · ") or name
    return TimeZone(name, region if "/" in name else "", city, round(ahead.total_seconds() / 60))


@lru_cache(maxsize=2)
def list_time_zones(day: date) -> tuple[TimeZone, ...]:
    """Return the zones to choose from as they are on `day`, by region and city."""
    zones = (get_time_zone(name, day) for name in (UNIVERSAL, *_listed_names()))
    return tuple(sorted(zones, key=lambda zone: (zone.region, zone.city)))


@cache
def _all_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) | {UNIVERSAL}


@cache
def _listed_names() -> frozenset[str]:
    for name in TABLES:
        for folder in zoneinfo.TZPATH:
            table = Path(folder) / name
            if table.is_file():
                return frozenset(_rows(table)) & _all_names()
    return frozenset(name for name in _all_names() if "/" in name and not name.startswith("Etc/"))


def _rows(table: Path) -> Iterator[str]:
    for line in table.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")[2].strip()
