"""nginx's cache of visitors' pages: emptied where a page has changed."""

import http.client
import ssl
from collections.abc import Iterable
from itertools import product
from typing import Protocol
from urllib.parse import urlsplit

from app.config import ConfigurationError, Settings

LANGUAGES = ("en", "am")
ENCODINGS = ("gzip", "identity")
TIMEOUT_SECONDS = 5


class PageCacheUnavailable(Exception):
    """nginx could not be asked, or did not do it; the message says why."""


class PageCache(Protocol):
    """What keeps pages for visitors."""

    def empty(self, paths: Iterable[str]) -> int:
        """Forget the pages at `paths` in every language; return how many.

        Raises PageCacheUnavailable.
        """
        ...


class NoPageCache:
    """Nothing keeps pages."""

    def empty(self, paths: Iterable[str]) -> int:  # noqa: ARG002
        """Return 0: there is nothing to forget."""
        return 0


class NginxPageCache:
    """The cache of `nginx/`, asked as a visitor would ask, with the key it knows us by."""

    def __init__(self, settings: Settings) -> None:
        """Raise ConfigurationError unless PAGE_CACHE_URL is an address and there is a key."""
        parts = urlsplit(settings.page_cache_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError("PAGE_CACHE_URL must be nginx's address: http://127.0.0.1:80")
        if not settings.page_cache_key:
            raise ConfigurationError("PAGE_CACHE_URL needs PAGE_CACHE_KEY, the key nginx has")
        self._is_https = parts.scheme == "https"
        self._address = (parts.hostname, parts.port or (443 if self._is_https else 80))
        self._host = urlsplit(settings.public_base_url).hostname or ""
        self._key = settings.page_cache_key

    def empty(self, paths: Iterable[str]) -> int:
        """Forget the pages at `paths` in every language; return how many.

        Raises PageCacheUnavailable.
        """
        connection = self._connection()
        count = 0
        try:
            for path in paths:
                for language, encoding in product(LANGUAGES, ENCODINGS):
                    self._forget(connection, path, language, encoding)
                count += 1
        except (OSError, http.client.HTTPException) as error:
            raise PageCacheUnavailable(f"nginx does not answer: {error}") from error
        finally:
            connection.close()
        return count

    def _connection(self) -> http.client.HTTPConnection:
        if not self._is_https:
            return http.client.HTTPConnection(*self._address, timeout=TIMEOUT_SECONDS)
        return _NamedConnection(*self._address, self._host)

    def _forget(
        self, connection: http.client.HTTPConnection, path: str, language: str, encoding: str
    ) -> None:
        headers = {
            "Host": self._host,
            "X-Page-Cache-Key": self._key,
            "Accept-Language": language,
            "Accept-Encoding": encoding,
        }
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        if response.status != 200 or response.headers["X-Page-Cache"] != "emptied":
            raise PageCacheUnavailable(
                f"nginx answered {response.status} and emptied nothing; "
                "is PAGE_CACHE_KEY the one it was rendered with?"
            )


class _NamedConnection(http.client.HTTPSConnection):
    """TLS to an address whose certificate is the site's."""

    def __init__(self, host: str, port: int, name: str) -> None:
        super().__init__(host, port, timeout=TIMEOUT_SECONDS)
        self._name = name

    def connect(self) -> None:
        """Connect, and check the certificate against the site's own name."""
        http.client.HTTPConnection.connect(self)
        context = ssl.create_default_context()
        self.sock = context.wrap_socket(self.sock, server_hostname=self._name)
