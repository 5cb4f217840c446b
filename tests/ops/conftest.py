"""Which of these tests run: building images needs a network and minutes, so it is asked for.

And the site that several of them examine from outside.
"""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.ops.proxied_site import ProxiedSite, proxied_site

collect_ignore = [] if os.environ.get("IMAGE_BUILD") == "1" else ["test_image.py"]


@pytest.fixture(scope="session")
def proxied(
    environment: dict[str, str],
    fresh_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ProxiedSite]:
    """The application in production behind nginx, made once."""
    with proxied_site(environment, fresh_database(), tmp_path_factory.mktemp("proxied")) as site:
        yield site
