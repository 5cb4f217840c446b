"""A restored house's settings: its secrets in files, the rest for the set-up to take up."""

from collections.abc import Mapping
from pathlib import Path

# What belongs to the machine that was backed up and not to the house.
OF_THE_MACHINE = (
    "DATABASE_", "DATA_DIR", "MEDIA_ROOT", "PAGE_CACHE_URL", "PORT", "RELEASE", "WEB_WORKERS",
)  # fmt: skip
OWN_SECRETS = (
    "SECRET_KEY", "PLAYBACK_JWT_SECRET", "CONTENT_KEY_SECRET", "PAGE_CACHE_KEY", "METRICS_TOKEN",
)  # fmt: skip
FILE = "restored.env"


def write_settings(settings: Mapping[str, str], folder: Path) -> None:
    """Write each secret of ours to a file of its name in `folder`, the other settings to one file.

    What has several lines, a key, gets a file of its name, too.
    """
    folder.mkdir(parents=True, mode=0o700)
    lines = []
    for name, value in sorted(settings.items()):
        if name in OWN_SECRETS or "\n" in value:
            _write_private(folder / name.lower(), value.rstrip("\n") + "\n")
        elif not name.startswith(OF_THE_MACHINE) and not _is_own_disk(name, value):
            lines.append(f"{name}={value}\n")
    _write_private(folder / FILE, "".join(lines))


def _is_own_disk(name: str, value: str) -> bool:
    """Whether this is the place of backups on the lost machine; the new one has its own."""
    return name == "BACKUP_URL" and value.startswith("file:")


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
