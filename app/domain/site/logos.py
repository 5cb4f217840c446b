"""The site's logo: drawn anew from what was sent, kept under a name of its own."""

import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

from app.current import integrations
from app.errors import FileRefused

FOLDER = "site/logos"
WIDTH = 480
MIN_SIDE = 32
MAX_BYTES = 900 * 1024  # with the form around it below what a request may be
TYPE = "image/webp"
MAX_RATIO = 8


def draw(source: Path) -> uuid.UUID:
    """Store the picture at `source` as a logo and return its name; it is not chosen by that.

    Raises FileRefused, StorageFull, StorageUnavailable.
    """
    logo_id = uuid.uuid4()
    with TemporaryDirectory() as folder:
        drawn = Path(folder)
        picture = integrations.images.make_variants(source, drawn, [WIDTH], min_side=MIN_SIDE)
        if max(picture.width / picture.height, picture.height / picture.width) > MAX_RATIO:
            raise FileRefused(f"The logo is more than {MAX_RATIO} times as wide as it is high.")
        integrations.storage.put_file(_key(logo_id), drawn / f"{WIDTH}.webp", TYPE)
    return logo_id


def draw_bytes(sent: bytes) -> uuid.UUID:
    """Do what `draw` does with a picture at hand. Raises as `draw` does."""
    if len(sent) > MAX_BYTES:
        raise FileRefused(f"The picture is larger than {MAX_BYTES // 1024} kB. Save a smaller one.")
    with TemporaryDirectory() as folder:
        source = Path(folder) / "sent"
        source.write_bytes(sent)
        return draw(source)


def read(logo_id: uuid.UUID) -> bytes:
    """Return a logo's picture. Raises NotFound, StorageUnavailable."""
    with integrations.storage.open(_key(logo_id)) as file:
        return file.read()


def remove_others(logo_id: uuid.UUID | None) -> int:
    """Delete every stored logo but `logo_id`; return how many objects went."""
    folders = {key.rsplit("/", 1)[0] for key in integrations.storage.list_keys(FOLDER)}
    spared = f"{FOLDER}/{logo_id}"
    return sum(integrations.storage.delete_prefix(folder) for folder in folders - {spared})


def _key(logo_id: uuid.UUID) -> str:
    return f"{FOLDER}/{logo_id}/{WIDTH}.webp"
