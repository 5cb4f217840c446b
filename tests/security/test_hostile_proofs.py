"""Threats 8, 9 and 16: what somebody sends as a proof of payment is drawn anew or refused.

Nothing of it is believed: not its name, not its type, not its size; and nobody but staff gets it.
"""

import base64
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from app.current import integrations, settings
from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout.models import Order
from app.domain.checkout.transfer_models import PaymentProof
from app.domain.courses.models import Course
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.receipts import PDF, make_transfer_order, photo

ClientOf = Callable[[User], CheckedClient]
HTML = b"<!doctype html><script>fetch('/api/auth/me')</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200


@pytest.fixture
def order(learner: User, course: Course) -> Order:
    return make_transfer_order(learner, course)


@pytest.fixture
def buyer(client_of: ClientOf, learner: User) -> CheckedClient:
    return client_of(learner)


def send(client: CheckedClient, order: Order, content: bytes, **claims: str) -> TestResponse:
    body = {
        "filename": "receipt.jpg",
        "content_type": "image/jpeg",
        "data_base64": base64.b64encode(content).decode(),
        **claims,
    }
    return client.post(f"/api/orders/{order.id}/proof", json=body)


def post_form(
    client: FlaskClient, path: str, content: bytes, token: str = "", **options: Any
) -> TestResponse:
    """Send a large file as a form does, without a temporary file that nobody closes."""
    values = {"csrf_token": token, "file": FileStorage(io.BytesIO(content), "x.jpg")}
    boundary, body = encode_multipart(values)
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post(path, data=body, content_type=kind, **options)


def huge_png(side: int) -> bytes:
    """A PNG that says it is huge and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = (
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(b"\0" * 999)),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (HTML, "Send a photo"),
        (SVG, "Send a photo"),
        (b"GIF89a" + b"\0" * 99, "Send a photo"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run\n", "Send a photo"),
        (HEIC, "HEIC"),
        (huge_png(30_000), "million pixels"),
        (photo()[:900], "damaged"),
        (b"\xff\xd8\xff" + HTML, ""),
        (b"\x89PNG\r\n\x1a\n" + HTML, ""),
        (photo(size=(90, 119)), "Each side needs"),
        (HTML + PDF, "Send a photo"),
        (PDF[:-6], "end of this PDF"),
        (PDF.replace(b"/Root", b"/Encrypt 2 0 R/Root"), "password"),
        (PDF.replace(b"/Catalog", b"/Catalog/OpenAction<</S/JavaScript/JS(x)>>"), "programs"),
        (PDF.replace(b"/Catalog", b"/Catalog/AA<</S /Launch>>"), "programs"),
    ],
    ids=[
        "empty", "html", "svg", "gif", "eps", "heic", "bomb", "cut photo", "html as jpeg",
        "html as png", "tiny", "html before pdf", "cut pdf", "locked pdf", "pdf with a program",
        "pdf that starts one",
    ],
)  # fmt: skip
def test_what_is_no_proof_is_refused_with_a_remedy_and_nothing_is_kept(
    buyer: CheckedClient, order: Order, content: bytes, words: str
) -> None:
    refused = send(buyer, order, content)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "FILE_REFUSED")
    assert words in refused.get_json()["detail"]
    assert db.session.query(PaymentProof).count() == 0
    assert integrations.storage.list_keys(f"proofs/{order.id}") == []


def test_a_photo_loses_what_the_camera_wrote_and_what_was_hidden_behind_it(
    buyer: CheckedClient, order: Order
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCam"
    exif[0x8825] = {1: "N", 2: (9.0, 1.0, 48.0)}
    content = photo(exif=exif) + HTML
    assert b"SecretCam" in content
    assert send(buyer, order, content).status_code == 201
    for key in integrations.storage.list_keys(f"proofs/{order.id}"):
        with integrations.storage.open(key) as file:
            kept = file.read()
        assert kept[8:12] == b"WEBP"
        assert b"SecretCam" not in kept
        assert b"script" not in kept


def test_the_names_and_types_that_are_claimed_are_never_used(
    buyer: CheckedClient, order: Order
) -> None:
    claims = {"filename": "../../../etc/cron.d/x.html", "content_type": "text/html"}
    assert send(buyer, order, photo(), **claims).status_code == 201
    (proof,) = db.session.query(PaymentProof)
    assert proof.content_type == "image/webp"
    assert proof.storage_key == f"proofs/{order.id}/{proof.id}"


def test_a_file_beyond_the_limit_is_refused_however_it_is_sent(
    buyer: CheckedClient, order: Order
) -> None:
    content = photo() + b"\0" * settings.max_proof_upload_bytes
    too_large = send(buyer, order, content)
    assert (too_large.status_code, too_large.get_json()["code"]) == (413, "TOO_LARGE")
    assert too_large.get_json()["limit_bytes"] == settings.max_proof_upload_bytes
    far_too_large = send(buyer, order, content * 2)
    assert far_too_large.status_code == 413
    page = f"/orders/{order.id}"
    token = html.csrf_token(buyer.get(page).text)
    assert post_form(buyer, f"{page}/proof", content, token).status_code == 303
    assert "The file is larger than" in buyer.get(page).text
    assert db.session.query(PaymentProof).count() == 0


def test_who_is_not_signed_in_sends_no_megabytes(app: Flask, order: Order) -> None:
    stranger = app.test_client()
    content = b"\0" * 2 * 1024**2
    assert post_form(stranger, f"/orders/{order.id}/proof", content).status_code == 413
    own = {"Sec-Fetch-Site": "same-origin"}
    path = f"/api/orders/{order.id}/proof"
    assert post_form(stranger, path, content, headers=own).status_code == 401


@pytest.mark.parametrize("text", ["not base64!", "AAA", "é"], ids=["words", "cut", "letters"])
def test_what_is_no_base64_is_named(buyer: CheckedClient, order: Order, text: str) -> None:
    refused = send(buyer, order, b"", data_base64=text)
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["field"] == "data_base64"


@pytest.mark.parametrize(
    ("reference", "is_taken"),
    [("<img src=x>{{ 7*7 }}", True), ("a\0b", False), ("a\u202eb", False), ("x" * 81, False)],
    ids=["markup", "nul", "turned around", "long"],
)
def test_a_reference_is_text_or_refused(
    buyer: CheckedClient,
    order: Order,
    client_of: ClientOf,
    admin: User,
    reference: str,
    is_taken: bool,
) -> None:
    answer = send(buyer, order, PDF, reference=reference)
    if not is_taken:
        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["field"] == "reference"
        return
    (proof,) = db.session.query(PaymentProof)
    page = client_of(admin).get(f"/admin/proofs/{proof.id}").text
    assert "&lt;img src=x&gt;{{ 7*7 }}" in page
    assert "<img src=x>" not in page


def test_nobody_but_staff_gets_the_picture_not_even_by_its_address_in_storage(
    buyer: CheckedClient, order: Order, client_of: ClientOf, outsider: User, instructor: User
) -> None:
    send(buyer, order, photo())
    (proof,) = db.session.query(PaymentProof)
    paths = [
        f"/admin/proofs/{proof.id}/480.webp",
        f"/{proof.storage_key}/480.webp",
        f"/media/{proof.storage_key}/480.webp",
        f"/_stored/{proof.storage_key}/480.webp",
    ]
    for person in (outsider, instructor):
        client = client_of(person)
        answers = [client.get(path).status_code for path in paths]
        assert answers[0] == 403
        assert set(answers[1:]) <= {401, 403, 404}
