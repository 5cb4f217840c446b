"""The doctor and a real bucket: whether browsers may send it the parts of uploads."""

from collections.abc import Iterator

import pytest

from app.cli.checks.findings import State
from app.config import StorageKind
from app.integrations.s3_storage import S3Storage
from tests.cli.checks.conftest import Doctor
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY, S3Server, s3_server

SITE = "https://courses.example.org"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3"), volumes=8) as server:
        yield server


@pytest.fixture
def patient(doctor: Doctor, server: S3Server) -> Doctor:
    doctor.change(
        public_base_url=SITE,
        storage=StorageKind.S3,
        s3_bucket_name=server.bucket,
        aws_endpoint_url=server.endpoint_url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    return doctor


def _let_in(doctor: Doctor, origin: str) -> None:
    storage = doctor.app.extensions["integrations"].storage
    assert isinstance(storage, S3Storage)
    rule = {
        "AllowedOrigins": [origin],
        "AllowedMethods": ["PUT"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
    }
    storage.client.put_bucket_cors(Bucket=storage.name, CORSConfiguration={"CORSRules": [rule]})


def test_a_bucket_that_works_is_well_and_left_as_it_was(patient: Doctor) -> None:
    patient.one("storage", State.OK)
    _let_in(patient, SITE)
    assert SITE in patient.one("bucket", State.OK).detail
    storage = patient.app.extensions["integrations"].storage
    assert storage.list_keys("doctor") == []
    assert storage.uploads.list_open("doctor") == []


def test_a_bucket_whose_rules_let_another_site_in_is_told(patient: Doctor) -> None:
    _let_in(patient, "https://elsewhere.example.org")
    found = patient.one("bucket", State.FAIL)
    assert f"do not let {SITE} upload" in found.detail
    assert "expose ETag" in found.remedy


def test_a_wrong_key_is_told(patient: Doctor) -> None:
    patient.change(aws_secret_access_key="another-secret-of-some-length")
    for name in ("storage", "bucket"):
        assert "S3_BUCKET_NAME" in patient.one(name, State.FAIL).remedy
