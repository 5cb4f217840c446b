"""The contract of uploads in parts, on the directory and on a real S3 server."""

import hashlib
import io
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.clock import utcnow
from app.errors import InvalidInput, NotFound, StorageFull
from app.integrations import local_uploads
from app.integrations.local_storage import LocalStorage
from app.integrations.storage import Storage
from app.integrations.uploads import MIN_PART_BYTES, Part, Plan
from tests.integrations.test_storage import s3_storage
from tests.support.s3_server import S3Server, s3_server

pytestmark = pytest.mark.no_database

KEY = "sources/one/source.mp4"
SIZE = 2 * MIN_PART_BYTES + 12_345
Put = Callable[[str, int, bytes], str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "root")
    storage = s3_storage(request.getfixturevalue("server"))
    for left in storage.uploads.list_open("sources"):
        storage.uploads.abort(left.key, left.upload)
    storage.delete_prefix("sources")
    return storage


@pytest.fixture(scope="module")
def data() -> bytes:
    return os.urandom(SIZE)


@pytest.fixture
def plan(data: bytes) -> Plan:
    return Plan(KEY, "video/mp4", len(data), MIN_PART_BYTES)


@pytest.fixture
def put(storage: Storage) -> Put:
    """Send one part as its sender would; return its etag."""

    def send(upload: str, number: int, body: bytes) -> str:
        address = storage.uploads.part_url(KEY, upload, number, 60)
        if address is None:
            assert isinstance(storage, LocalStorage)
            return storage.uploads.put_part(KEY, upload, number, io.BytesIO(body)).etag
        request = urllib.request.Request(address, data=body, method="PUT")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.headers["ETag"]).strip('"')

    return send


def _pieces(data: bytes, plan: Plan) -> dict[int, bytes]:
    size = plan.part_size_bytes
    return {n: data[(n - 1) * size : n * size] for n in range(1, plan.part_count + 1)}


def _read(storage: Storage) -> bytes:
    with storage.open(KEY) as file:
        return file.read()


def test_parts_in_any_order_become_the_object(
    storage: Storage, plan: Plan, data: bytes, put: Put
) -> None:
    upload = storage.uploads.begin(plan)
    etags = {n: put(upload, n, piece) for n, piece in reversed(_pieces(data, plan).items())}
    arrived = storage.uploads.list_parts(KEY, upload)
    assert [(part.number, part.etag, part.size_bytes) for part in arrived] == [
        (n, etags[n], plan.size_of(n)) for n in (1, 2, 3)
    ]
    storage.uploads.complete(KEY, upload, arrived)
    assert hashlib.sha256(_read(storage)).digest() == hashlib.sha256(data).digest()
    assert storage.uploads.list_open("sources") == []


def test_nothing_is_there_before_the_end(
    storage: Storage, plan: Plan, data: bytes, put: Put
) -> None:
    upload = storage.uploads.begin(plan)
    put(upload, 1, _pieces(data, plan)[1])
    assert storage.list_keys("sources") == []
    with pytest.raises(NotFound):
        storage.size(KEY)
    [left] = storage.uploads.list_open("sources")
    assert (left.key, left.upload) == (KEY, upload)
    assert abs((left.began_at - utcnow()).total_seconds()) < 60


def test_a_part_sent_again_replaces_the_first(
    storage: Storage, plan: Plan, data: bytes, put: Put
) -> None:
    upload = storage.uploads.begin(plan)
    pieces = _pieces(data, plan)
    put(upload, 2, bytes(len(pieces[2])))
    for number, piece in pieces.items():
        put(upload, number, piece)
    storage.uploads.complete(KEY, upload, storage.uploads.list_parts(KEY, upload))
    assert _read(storage) == data


def test_another_process_sees_what_has_arrived(
    storage: Storage, plan: Plan, data: bytes, put: Put, server: S3Server, tmp_path: Path
) -> None:
    """A restarted server, or another day."""
    upload = storage.uploads.begin(plan)
    put(upload, 1, _pieces(data, plan)[1])
    is_local = isinstance(storage, LocalStorage)
    later: Storage = LocalStorage(tmp_path / "root") if is_local else s3_storage(server)
    assert [part.number for part in later.uploads.list_parts(KEY, upload)] == [1]


def test_parts_that_never_arrived_complete_nothing(
    storage: Storage, plan: Plan, data: bytes, put: Put
) -> None:
    upload = storage.uploads.begin(plan)
    etag = put(upload, 1, _pieces(data, plan)[1])
    invented = [Part(1, etag, plan.size_of(1)), Part(2, "0" * 32, plan.size_of(2))]
    with pytest.raises(InvalidInput) as refused:
        storage.uploads.complete(KEY, upload, invented)
    assert "parts" in refused.value.fields
    assert [part.number for part in storage.uploads.list_parts(KEY, upload)] == [1]


def test_an_aborted_upload_is_gone(storage: Storage, plan: Plan, data: bytes, put: Put) -> None:
    upload = storage.uploads.begin(plan)
    put(upload, 1, _pieces(data, plan)[1])
    storage.uploads.abort(KEY, upload)
    storage.uploads.abort(KEY, upload)
    assert storage.uploads.list_open("sources") == []
    with pytest.raises(NotFound):
        storage.uploads.list_parts(KEY, upload)


def test_an_upload_is_known_by_its_key_too(storage: Storage, plan: Plan) -> None:
    upload = storage.uploads.begin(plan)
    with pytest.raises(NotFound):
        storage.uploads.list_parts("sources/two/source.mp4", upload)
    with pytest.raises(NotFound):
        storage.uploads.list_parts(KEY, "0" * 32)


def test_an_address_takes_its_own_part_only(server: S3Server, plan: Plan, data: bytes) -> None:
    storage = s3_storage(server)
    upload = storage.uploads.begin(plan)
    address = storage.uploads.part_url(KEY, upload, 1, 60) or ""
    other = address.replace("partNumber=1", "partNumber=2")
    assert other != address
    request = urllib.request.Request(other, data=data[:MIN_PART_BYTES], method="PUT")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as answer:
        assert answer.code == 403
    storage.uploads.abort(KEY, upload)


@pytest.fixture
def local(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "root")


@pytest.mark.parametrize("change", [-1, 1])
def test_a_part_of_the_wrong_length_does_not_count(
    local: LocalStorage, plan: Plan, data: bytes, change: int
) -> None:
    """A connection cut in the middle looks like this."""
    upload = local.uploads.begin(plan)
    body = data[: MIN_PART_BYTES + change]
    with pytest.raises(InvalidInput):
        local.uploads.put_part(KEY, upload, 1, io.BytesIO(body))
    assert local.uploads.list_parts(KEY, upload) == []


@pytest.mark.parametrize("number", [0, -1, 4])
def test_there_are_no_other_parts(local: LocalStorage, plan: Plan, number: int) -> None:
    upload = local.uploads.begin(plan)
    with pytest.raises(InvalidInput):
        local.uploads.put_part(KEY, upload, number, io.BytesIO(b"x"))


def test_a_cut_replacement_takes_the_first_back(
    local: LocalStorage, plan: Plan, data: bytes
) -> None:
    """What is on the disk is then neither of the two, so neither may be believed."""
    upload = local.uploads.begin(plan)
    local.uploads.put_part(KEY, upload, 1, io.BytesIO(data[:MIN_PART_BYTES]))
    with pytest.raises(InvalidInput):
        local.uploads.put_part(KEY, upload, 1, io.BytesIO(b"other"))
    assert local.uploads.list_parts(KEY, upload) == []


def test_what_cannot_fit_is_refused_before_the_first_byte(
    local: LocalStorage, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_uploads, "SPARE_BYTES", 1 << 60)
    with pytest.raises(StorageFull):
        local.uploads.begin(plan)
    assert local.uploads.list_open("sources") == []


@pytest.mark.parametrize("upload", ["../../etc", "", "a/b", "."])
def test_no_name_leads_out_of_the_folder(local: LocalStorage, upload: str) -> None:
    with pytest.raises(NotFound):
        local.uploads.list_parts(KEY, upload)
