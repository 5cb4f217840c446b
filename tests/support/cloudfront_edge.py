"""What CloudFront's edge checks before it serves: signature, key pair, resource and expiry."""

import fnmatch
import json
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class Refused(Exception):
    """The edge answers 403; the message says why."""


def check_url(url: str, key_pair_id: str, key: PublicKey, now: datetime) -> None:
    """Check a signed URL. Raises Refused."""
    query = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
    check(url.partition("?")[0], query, key_pair_id, key, now)


def check_cookies(
    url: str, cookies: Mapping[str, str], key_pair_id: str, key: PublicKey, now: datetime
) -> None:
    """Check a plain URL against signed cookies. Raises Refused."""
    prefix = "CloudFront-"
    values = {n.removeprefix(prefix): v for n, v in cookies.items() if n.startswith(prefix)}
    check(url, values, key_pair_id, key, now)


def check(
    url: str, values: Mapping[str, str], key_pair_id: str, key: PublicKey, now: datetime
) -> None:
    """Check Policy, Signature and Key-Pair-Id for `url`. Raises Refused."""
    if values.get("Key-Pair-Id") != key_pair_id:
        raise Refused("unknown key pair")
    policy, signature = _decoded(values.get("Policy", "")), _decoded(values.get("Signature", ""))
    _verify(key, signature, policy)
    statement = json.loads(policy)["Statement"][0]
    if now.timestamp() >= statement["Condition"]["DateLessThan"]["AWS:EpochTime"]:
        raise Refused("expired")
    if not fnmatch.fnmatchcase(url, statement["Resource"]):
        raise Refused("another resource")


def _decoded(value: str) -> bytes:
    if set(value) & set("+=/"):
        raise Refused("the plain base64 alphabet does not survive a URL")
    try:
        return b64decode(value.translate(str.maketrans("-_~", "+=/")), validate=True)
    except ValueError as error:
        raise Refused("not base64") from error


def _verify(key: PublicKey, signature: bytes, message: bytes) -> None:
    digest = hashes.SHA1()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), digest)
        else:
            key.verify(signature, message, ec.ECDSA(digest))
    except InvalidSignature as error:
        raise Refused("wrong signature") from error
