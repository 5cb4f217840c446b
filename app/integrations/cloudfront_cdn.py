"""Amazon CloudFront: one signed wildcard policy a grant, as query string and as cookies."""

import json
from base64 import b64encode
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.config import ConfigurationError
from app.integrations.cdn import MEDIA_PATH, Grant, GrantCookie

_RSA_BITS = 2048
_PARAMETERS = ("Policy", "Signature", "Key-Pair-Id")
_ALPHABET = bytes.maketrans(b"+=/", b"-_~")


class CloudFrontCdn:
    """Signs with RSA-2048 or ECDSA P-256; the key is parsed once, at construction.

    CloudFront verifies both kinds over SHA-1. `cookie_domain` is the parent domain that the site
    and the CDN share; without one no cookies are given and only scripted players can fetch.
    """

    def __init__(
        self, base_url: str, key_pair_id: str, private_key_pem: str, cookie_domain: str | None
    ) -> None:
        """Load the key. Raises ConfigurationError when CloudFront would not accept it."""
        self._base_url = base_url.rstrip("/")
        self._key_pair_id = key_pair_id
        self._cookie_domain = cookie_domain
        self._key = _load_key(private_key_pem)

    def grant(
        self,
        prefix: str,
        login_session_hash: bytes,  # noqa: ARG002 - CloudFront cannot see our sign-in
        playback_session_id: UUID,  # noqa: ARG002
        expires_at: datetime,
    ) -> Grant:
        """Return a grant for everything below `prefix`, good wherever it is shown."""
        policy = _policy(f"{self.segment_base(prefix)}/*", expires_at)
        signed = (_encoded(policy), _encoded(self._sign(policy)), self._key_pair_id)
        values = dict(zip(_PARAMETERS, signed, strict=True))
        query = "&".join(f"{name}={value}" for name, value in values.items())
        return Grant(query, self._cookies(prefix, values), expires_at)

    def segment_base(self, prefix: str) -> str:
        """Return the CDN's absolute URL of the generation."""
        return f"{self._base_url}{MEDIA_PATH}/{prefix}"

    def expired_cookies(self, prefix: str) -> tuple[GrantCookie, ...]:
        """Return the three signed cookies without values."""
        return self._cookies(prefix, dict.fromkeys(_PARAMETERS, ""))

    def _cookies(self, prefix: str, values: dict[str, str]) -> tuple[GrantCookie, ...]:
        if self._cookie_domain is None:
            return ()
        path = f"{MEDIA_PATH}/{prefix}/"
        return tuple(
            GrantCookie(f"CloudFront-{name}", value, path, self._cookie_domain)
            for name, value in values.items()
        )

    def _sign(self, message: bytes) -> bytes:
        digest = hashes.SHA1()  # noqa: S303 - the only digest CloudFront verifies
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(message, padding.PKCS1v15(), digest)
        return self._key.sign(message, ec.ECDSA(digest))


def shared_domain(site_url: str, cdn_url: str) -> str | None:
    """Return the domain on which the site may set cookies that the CDN receives, or None.

    Only the site's own host or its parent of at least two labels counts, so that a bare public
    suffix such as `com` is never named.
    """
    site, cdn = urlsplit(site_url).hostname or "", urlsplit(cdn_url).hostname or ""
    if cdn == site or cdn.endswith(f".{site}"):
        return site
    parent = site.partition(".")[2]
    return parent if "." in parent and cdn.endswith(f".{parent}") else None


def _policy(resource: str, expires_at: datetime) -> bytes:
    condition = {"DateLessThan": {"AWS:EpochTime": int(expires_at.timestamp())}}
    statement = {"Resource": resource, "Condition": condition}
    return json.dumps({"Statement": [statement]}, separators=(",", ":")).encode()


def _encoded(raw: bytes) -> str:
    return b64encode(raw).translate(_ALPHABET).decode()


def _load_key(pem: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError("CLOUDFRONT_PRIVATE_KEY is not an unencrypted PEM key") from error
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size == _RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ConfigurationError("CLOUDFRONT_PRIVATE_KEY must be RSA-2048 or ECDSA P-256")
