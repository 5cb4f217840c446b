"""CloudFront grants: accepted by an edge for one generation until they expire, by nobody else."""

import time
from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits
from uuid import UUID

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from app.config import ConfigurationError, load_settings
from app.integrations import build
from app.integrations.cdn import Grant
from app.integrations.cloudfront_cdn import CloudFrontCdn, shared_domain
from tests.support.cloudfront_edge import Refused, check_cookies, check_url

pytestmark = pytest.mark.no_database

BASE = "https://media.example.com"
PREFIX = "0a1b/3"
SEGMENT = f"{BASE}/media/{PREFIX}/720p/00000.m4s"
KEY_ID = "K2JCJMDEHXQW5F"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(seconds=300)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@pytest.fixture(scope="module", params=["rsa", "ecdsa"])
def key(request: pytest.FixtureRequest) -> PrivateKey:
    if request.param == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: PrivateKey, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def cdn_of(key: PrivateKey, cookie_domain: str | None = "example.com") -> CloudFrontCdn:
    return CloudFrontCdn(BASE + "/", KEY_ID, pem(key), cookie_domain)


def granted(key: PrivateKey) -> Grant:
    return cdn_of(key).grant(PREFIX, b"h" * 32, UUID(int=1), UNTIL)


def cookies_of(grant: Grant) -> dict[str, str]:
    return {cookie.name: cookie.value for cookie in grant.cookies}


def test_query_and_cookies_open_every_file_of_the_generation(key: PrivateKey) -> None:
    grant = granted(key)
    for file in ("720p/00000.m4s", "audio/init.mp4", "720p/01799.m4s"):
        url = f"{BASE}/media/{PREFIX}/{file}"
        check_url(f"{url}?{grant.query}", KEY_ID, key.public_key(), NOW)
        check_cookies(url, cookies_of(grant), KEY_ID, key.public_key(), NOW)


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE}/media/0a1b/4/720p/00000.m4s",
        f"{BASE}/media/0a1b/30/720p/00000.m4s",
        f"{BASE}/media/ffff/3/720p/00000.m4s",
        f"https://other.example.com/media/{PREFIX}/720p/00000.m4s",
        f"http://media.example.com/media/{PREFIX}/720p/00000.m4s",
    ],
)
def test_other_addresses_stay_closed(key: PrivateKey, url: str) -> None:
    with pytest.raises(Refused, match="another resource"):
        check_url(f"{url}?{granted(key).query}", KEY_ID, key.public_key(), NOW)


def test_the_grant_ends_when_it_says(key: PrivateKey) -> None:
    url = f"{SEGMENT}?{granted(key).query}"
    check_url(url, KEY_ID, key.public_key(), UNTIL - timedelta(seconds=1))
    with pytest.raises(Refused, match="expired"):
        check_url(url, KEY_ID, key.public_key(), UNTIL)


def test_a_changed_policy_or_signature_is_refused(key: PrivateKey) -> None:
    fields = dict(part.split("=", 1) for part in granted(key).query.split("&"))
    later = cdn_of(key).grant(PREFIX, b"", UUID(int=1), UNTIL + timedelta(days=1))
    foreign = dict(part.split("=", 1) for part in later.query.split("&"))
    signature = fields["Signature"]
    swapped = signature[:-9] + ("A" if signature[-9] != "A" else "B") + signature[-8:]
    for change in ({"Policy": foreign["Policy"]}, {"Signature": swapped}):
        query = "&".join(f"{name}={value}" for name, value in (fields | change).items())
        with pytest.raises(Refused, match="wrong signature"):
            check_url(f"{SEGMENT}?{query}", KEY_ID, key.public_key(), NOW)


def test_another_key_opens_nothing(key: PrivateKey) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(Refused, match="wrong signature"):
        check_url(f"{SEGMENT}?{granted(stranger).query}", KEY_ID, stranger_to(key), NOW)


def stranger_to(key: PrivateKey) -> ec.EllipticCurvePublicKey:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.public_key()
    return ec.generate_private_key(ec.SECP256R1()).public_key()


def test_botocore_signs_the_same_policy_alike() -> None:
    """RSA with PKCS #1 v1.5 is deterministic, so the whole URL must be equal to Amazon's own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = CloudFrontSigner(
        KEY_ID, lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA1())
    )
    epoch = int(UNTIL.timestamp())
    policy = (
        f'{{"Statement":[{{"Resource":"{BASE}/media/{PREFIX}/*",'
        f'"Condition":{{"DateLessThan":{{"AWS:EpochTime":{epoch}}}}}}}]}}'
    )
    theirs = signer.generate_presigned_url(SEGMENT, policy=policy)
    assert f"{SEGMENT}?{granted(key).query}" == theirs


def test_the_query_needs_no_quoting() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert set(granted(key).query) <= set(ascii_letters + digits + "-_~=&")


def test_cookies_cover_one_generation_on_the_shared_domain(key: PrivateKey) -> None:
    cookies = granted(key).cookies
    names = {"CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id"}
    assert {cookie.name for cookie in cookies} == names
    assert {cookie.path for cookie in cookies} == {f"/media/{PREFIX}/"}
    assert {cookie.domain for cookie in cookies} == {"example.com"}
    assert {c.name for c in cdn_of(key).expired_cookies(PREFIX)} == names


def test_without_a_shared_domain_there_are_no_cookies(key: PrivateKey) -> None:
    grant = cdn_of(key, cookie_domain=None).grant(PREFIX, b"", UUID(int=1), UNTIL)
    assert grant.cookies == ()
    assert grant.mode == "query"


@pytest.mark.parametrize(
    ("site", "cdn", "domain"),
    [
        ("https://example.com", "https://media.example.com", "example.com"),
        ("https://learn.example.com", "https://media.example.com", "example.com"),
        ("https://learn.example.com", "https://learn.example.com", "learn.example.com"),
        ("https://example.com", "https://d111.cloudfront.net", None),
        ("https://school.com", "https://media.com", None),
        ("https://learn.example.com", "https://notexample.com", None),
    ],
)
def test_the_shared_domain_is_never_a_bare_suffix(site: str, cdn: str, domain: str | None) -> None:
    assert shared_domain(site, cdn) == domain


def test_a_key_in_one_environment_line_is_read(key: PrivateKey) -> None:
    line = pem(key).replace("\n", "\\n")
    grant = CloudFrontCdn(BASE, KEY_ID, line, None).grant(PREFIX, b"", UUID(int=1), UNTIL)
    check_url(f"{SEGMENT}?{grant.query}", KEY_ID, key.public_key(), NOW)


@pytest.mark.parametrize(
    "text",
    [
        "not a key",
        pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        pem(ec.generate_private_key(ec.SECP384R1())),
    ],
)
def test_keys_that_cloudfront_refuses_are_refused_at_start(text: str) -> None:
    with pytest.raises(ConfigurationError, match="CLOUDFRONT_PRIVATE_KEY"):
        CloudFrontCdn(BASE, KEY_ID, text, None)


def test_settings_choose_cloudfront() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    integrations = build(
        load_settings(
            {
                "DATABASE_URL": "postgresql://unused",
                "PUBLIC_BASE_URL": "https://learn.example.com",
                "CDN_BASE_URL": BASE,
                "CLOUDFRONT_KEYPAIR_ID": KEY_ID,
                "CLOUDFRONT_PRIVATE_KEY": pem(key),
            }
        )
    )
    grant = integrations.cdn.grant(PREFIX, b"", UUID(int=1), UNTIL)
    assert integrations.cdn.segment_base(PREFIX) == f"{BASE}/media/{PREFIX}"
    check_cookies(SEGMENT, cookies_of(grant), KEY_ID, key.public_key(), NOW)


def test_a_grant_costs_no_key_parsing(key: PrivateKey) -> None:
    """Parsing the key costs 25 ms; a signature at most a few."""
    cdn = cdn_of(key)
    started = time.process_time()
    for _ in range(20):
        cdn.grant(PREFIX, b"", UUID(int=1), UNTIL)
    assert (time.process_time() - started) / 20 < 0.01
