"""Figures of this host: its processes, its disks, its certificate, the age of its backups."""

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from app import metrics
from app.backups.state import read_state
from app.backups.trouble import BackupError
from app.config import ConfigurationError, Settings
from app.errors import DomainError
from app.integrations.certificates import certificate_end

log = logging.getLogger("metrics")

CERTIFICATE_EVERY_SECONDS = 10.0
BACKUPS_EVERY_SECONDS = 300.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class MachineFigures:
    """What is told of the host beside what its processes count."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._certificate = _Behind(self._ask_certificate, CERTIFICATE_EVERY_SECONDS)
        self._backup = _Behind(self._ask_backups, BACKUPS_EVERY_SECONDS)

    def families(self) -> Iterator[Metric]:
        """Return the figures; nothing is waited for."""
        info = GaugeMetricFamily("triple_release", "What runs here", labels=["release"])
        info.add_metric([self._settings.release or "unknown"], 1)
        yield info
        yield from _of_processes()
        yield from self._of_disks()
        if self._settings.is_https and (ends := self._certificate.get()):
            yield GaugeMetricFamily(
                "triple_certificate_end_timestamp_seconds", "When the certificate ends", value=ends
            )
        if self._settings.backup_url:
            yield GaugeMetricFamily(
                "triple_backup_timestamp_seconds",
                "When the newest backup was taken; 0 for never",
                value=self._backup.get() or 0.0,
            )

    def _of_disks(self) -> Iterator[Metric]:
        free = GaugeMetricFamily("triple_disk_free_bytes", "Room that is left", labels=["folder"])
        size = GaugeMetricFamily("triple_disk_size_bytes", "Room of the disk", labels=["folder"])
        folders = {"media": self._settings.media_directory, "data": self._settings.data_dir}
        for name, folder in folders.items():
            if folder.exists():
                usage = shutil.disk_usage(folder)
                free.add_metric([name], usage.free)
                size.add_metric([name], usage.total)
        yield free
        yield size

    def _ask_certificate(self) -> float | None:
        """Ask nginx of this host, as visitors would; the name may lead to a load balancer."""
        public = urlsplit(self._settings.public_base_url)
        name = public.hostname or ""
        near = urlsplit(self._settings.page_cache_url).hostname or name
        try:
            return certificate_end((near, public.port or 443), name).timestamp()
        except OSError as error:
            log.warning("the certificate could not be looked at: %s", type(error).__name__)
            return None

    def _ask_backups(self) -> float | None:
        try:
            state = read_state(self._settings)
        except (BackupError, ConfigurationError, DomainError, OSError) as error:
            log.warning("backups could not be looked at: %s", type(error).__name__)
            return self._backup.told
        return state.base_at.timestamp() if state and state.base_at else None


class _Behind:
    """A figure that takes a while: found out behind the back of who asks, and kept."""

    def __init__(self, find_out: Callable[[], float | None], every_seconds: float) -> None:
        self._find_out, self._every_seconds = find_out, every_seconds
        self._asked_at = float("-inf")
        self.told: float | None = None

    def get(self) -> float | None:
        """Return the figure as it was last found; the first who asks waits a moment for it."""
        now = time.monotonic()
        if now - self._asked_at > self._every_seconds:
            is_first = self._asked_at == float("-inf")
            self._asked_at = now
            thread = threading.Thread(target=self._run, daemon=True, name="figures")
            thread.start()
            if is_first:
                thread.join(1.0)
        return self.told

    def _run(self) -> None:
        self.told = self._find_out()


def _of_processes() -> Iterator[Metric]:
    memory = GaugeMetricFamily(
        "triple_process_resident_bytes", "Memory of a process", labels=["process"]
    )
    cpu = CounterMetricFamily(
        "triple_process_cpu_seconds", "Time of a core that a process took", labels=["process"]
    )
    for process in metrics.processes():
        if not process.is_near:  # its engine tells of it
            continue
        folder = Path("/proc") / str(process.pid)
        try:
            pages = int((folder / "statm").read_text().split()[1])
            spent = (folder / "stat").read_text().rpartition(") ")[2].split()
        except OSError:  # it ended this moment
            continue
        memory.add_metric([process.place], pages * _PAGE_BYTES)
        cpu.add_metric([process.place], (int(spent[11]) + int(spent[12])) / _TICKS)
    yield memory
    yield cpu
