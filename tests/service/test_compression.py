"""Laws of compressed bodies: they mean what they hold, and never cost more than a limit."""

import gzip
import json
import tracemalloc
import zlib

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.compression import SMALLEST, TooMuch, unpack

HOUR = "2024-01-01T00:00:00"
BODY = {"series": {"unique_id": "a", "ds": [HOUR], "y": [8.0]}, "h": 2}
WHOLE = gzip.compress(json.dumps(BODY).encode())
LIMIT = 2**20  # as in conftest


def post(client: FlaskClient, data: bytes, coding: str, **how: str) -> TestResponse:
    """POST to /predict in some coding."""
    headers = {"Content-Encoding": coding, **how}
    return client.post(
        "/predict", data=data, headers=headers, content_type="application/json"
    )


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
def test_a_packed_body_means_what_it_holds(client: FlaskClient, coding: str) -> None:
    """It is answered as if it had come plain, also in several parts of gzip."""
    text = json.dumps({**BODY, "stateless": True}).encode()
    plain = client.post("/predict", data=text, content_type="application/json")
    parts = gzip.compress(text[:20]) + gzip.compress(text[20:])

    for packed in (gzip.compress(text), parts):
        answer = post(client, packed, coding)
        assert (answer.status_code, answer.data) == (200, plain.data)


@pytest.mark.parametrize(
    ("data", "coding", "status", "fragment"),
    [
        (WHOLE, "br", 415, "Content-Encoding: gzip"),
        (WHOLE, "zstd", 415, "Content-Encoding: gzip"),
        (WHOLE, "gzip, gzip", 415, "Content-Encoding: gzip"),
        (b"", "gzip", 400, "expected JSON"),
        (b"\x1f\x8b", "gzip", 400, "damaged or cut off"),
        (WHOLE[:-1], "gzip", 400, "damaged or cut off"),
        (WHOLE[:-8] + b"\0" * 8, "gzip", 400, "damaged or cut off"),
        (WHOLE + b"junk", "gzip", 400, "damaged or cut off"),
        (json.dumps(BODY).encode(), "gzip", 400, "damaged or cut off"),
        (zlib.compress(json.dumps(BODY).encode()), "gzip", 400, "damaged or cut off"),
        (gzip.compress(b" " * (LIMIT + 1)), "gzip", 413, "max_body_bytes"),
        (gzip.compress(gzip.compress(b" " * LIMIT)), "gzip", 400, "expected JSON"),
    ],
    ids=lambda given: "" if isinstance(given, bytes) else None,  # data hold the time
)
def test_what_cannot_be_unpacked_is_refused(
    shared_client: FlaskClient, data: bytes, coding: str, status: int, fragment: str
) -> None:
    """By its own status, with what would be taken; 415 names the coding in a header."""
    answer = post(shared_client, data, coding)

    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert fragment in answer.json["detail"]
    assert status != 415 or answer.headers["Accept-Encoding"] == "gzip"


def test_a_bomb_costs_no_more_than_the_limit() -> None:
    """A gigabyte of zeros in a megabyte is not unpacked beyond what is taken."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(2**20)
    bomb = b"".join(packer.compress(zeros) for _ in range(1024)) + packer.flush()
    tracemalloc.start()
    try:
        with pytest.raises(TooMuch):
            unpack(bomb, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 4 * LIMIT
    finally:
        tracemalloc.stop()


def test_a_large_answer_is_packed_on_wish(client: FlaskClient) -> None:
    """A small one is not, nor one nobody wants packed; caches are told what it hangs on."""
    body = {**BODY, "h": 50, "quantiles": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]}
    plain = client.post("/predict", json=body)
    packed = client.post("/predict", json=body, headers={"Accept-Encoding": "gzip"})
    unwanted = client.post(
        "/predict", json=body, headers={"Accept-Encoding": "gzip;q=0"}
    )
    small = client.get("/version", headers={"Accept-Encoding": "gzip"})

    assert len(plain.data) >= SMALLEST > len(packed.data)
    # The second time the point is a duplicate, so forecasts alone can be compared.
    read = json.loads(gzip.decompress(packed.data))["forecasts"][0]
    assert read["quantiles"] == plain.json["forecasts"][0]["quantiles"]
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data)
    for answer in (plain, unwanted, small):
        assert "Content-Encoding" not in answer.headers
        assert "Accept-Encoding" in answer.headers["Vary"]
