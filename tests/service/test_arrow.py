"""Laws of Arrow: it says what JSON says, and no stream breaks the service."""

import io
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from forecaster.covariates import Column, Covariates

ARROW = "application/vnd.apache.arrow.stream"
BEGIN = np.datetime64("2024-01-01T00", "us")
HOUR = np.timedelta64(1, "h")


def stream(
    columns: Mapping[str, Any] | pa.Table, batch: int | None = None, **how: Any
) -> bytes:
    """A stream of a table."""
    table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(**how)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=batch)
    return sink.getvalue()


def hours(count: int, begin: int = 0) -> np.ndarray:
    """So many hours."""
    return BEGIN + (begin + np.arange(count)) * HOUR


def long(series: Mapping[str, Sequence[float | None]], begin: int = 0) -> pa.Table:
    """A long table of hourly series that begin at the same hour."""
    return pa.table(
        {
            "unique_id": [name for name, y in series.items() for _ in y],
            "ds": np.concatenate([hours(len(y), begin) for y in series.values()]),
            "y": [value for y in series.values() for value in y],
        }
    )


def body(series: Mapping[str, Sequence[float | None]], begin: int = 0) -> Any:
    """The same in JSON."""
    return [
        {"unique_id": name, "ds": hours(len(y), begin).astype(str).tolist(), "y": y}
        for name, y in series.items()
    ]


def post(
    client: FlaskClient, data: bytes, path: str = "/predict", accept: str = ARROW
) -> TestResponse:
    """POST an Arrow stream."""
    return client.post(path, data=data, content_type=ARROW, headers={"Accept": accept})


def read(answer: TestResponse) -> tuple[pa.Table, Any]:
    """The table of an answer, and what stands beside it."""
    assert answer.status_code == 200, answer.text
    assert answer.content_type == ARROW
    table = pa.ipc.open_stream(answer.data).read_all()
    table.validate(full=True)
    return table, json.loads(table.schema.metadata[b"forecaster"])


def rows(table: pa.Table, unique_id: str) -> dict[str, list[Any]]:
    """What a table says of a series, times as JSON has them."""
    frame = table.filter(pa.compute.equal(table["unique_id"], unique_id))
    found: dict[str, list[Any]] = frame.to_pydict()
    return found


def texts(times: Sequence[Any]) -> list[Any]:
    """Times as JSON has them."""
    return [t.isoformat() if isinstance(t, datetime) else t for t in times]


SERIES = {"a": [1.0, None, 3.5], "b": [7.0], "ä/日 本": [0.0, -1e30, 2.0, None]}


def test_arrow_and_json_answer_the_same(make_app: Callable[..., Flask]) -> None:
    """Forecasts, states, scores and errors, whichever way points come and go."""
    client = make_app(frequency="h").test_client()
    more = {"b": [2.0, 4.0], "c": [5.0], "a": [9.0]}
    table = pa.concat_tables([long(more, begin=3), long({"bad": [1e31]})])
    url = "/predict?h=3&level=80,95"

    told = client.post(
        f"{url}&stateless=true",
        json={"series": [*body(more, begin=3), *body({"bad": [1e31]})]},
    ).json
    found, about = read(post(client, stream(table), f"{url}&stateless=true"))
    as_json = post(client, stream(table), f"{url}&stateless=true", "*/*").json

    assert as_json["forecasts"] == told["forecasts"]
    assert about["model"] == told["model"]
    for errors in (as_json["errors"], about["errors"]):
        assert [(e["unique_id"], e["status"]) for e in errors] == [("bad", 422)]
        assert errors[0]["loc"] == "y[0]"
    assert found.column_names == [
        *("unique_id", "ds", "median", "lo-80", "hi-80", "lo-95", "hi-95")
    ]
    assert [one["unique_id"] for one in about["series"]] == list(more)
    for one, beside in zip(told["forecasts"], about["series"], strict=True):
        shown = rows(found, one["unique_id"])
        assert texts(shown["ds"]) == one["ds"]
        expected = {"median": one["median"], **one["intervals"]}
        for name, values in expected.items():
            np.testing.assert_array_equal(np.float32(shown[name]), np.float32(values))
        assert beside["state"] == one["state"]
        assert beside["anomaly"] == one["anomaly"]


@pytest.mark.parametrize("path", ["/predict", "/observe"])
def test_what_is_carried_is_the_same(make_app: Callable[..., Flask], path: str) -> None:
    """After points in Arrow and after the same in JSON, also sent again."""
    client = make_app(frequency="h").test_client()
    names = {name: f"{name} too" for name in SERIES}
    twin = {names[name]: y for name, y in SERIES.items()}
    for _ in range(2):
        post(client, stream(long(SERIES), batch=2), path)
        client.post("/observe", json={"series": body(twin)})
    answer = client.post(
        "/predict", json={"series": [{"unique_id": n} for n in SERIES]}
    )
    other = client.post("/predict", json={"series": [{"unique_id": n} for n in twin]})

    for one, two in zip(answer.json["forecasts"], other.json["forecasts"], strict=True):
        assert one["state"]["seq"] == len(SERIES[one["unique_id"]])
        assert {**one, "unique_id": ""} == {**two, "unique_id": ""}


def test_observing_answers_how_unusual_points_were(client: FlaskClient) -> None:
    """A row for each point applied, null where nothing was expected; states beside."""
    table, about = read(post(client, stream(long(SERIES)), "/observe"))
    told = client.post(
        "/observe",
        json={"series": body({f"{k} too": v for k, v in SERIES.items()})},
    ).json

    for one, beside in zip(told["series"], about["series"], strict=True):
        shown = rows(table, beside["unique_id"])
        assert texts(shown["ds"]) == one["anomaly"]["ds"]
        assert shown["anomaly"] == one["anomaly"]["score"]
        assert beside == {"unique_id": beside["unique_id"], "state": one["state"]}


# The same three hours, or the same three values, in every type that can hold them.
TIMES = {
    **{unit: pa.array(hours(3)).cast(pa.timestamp(unit)) for unit in ("s", "ms", "ns")},
    "UTC": pa.array(hours(3)).cast(pa.timestamp("us", "UTC")),
    "zone": pa.array(hours(3)).cast(pa.timestamp("ms", "Europe/Berlin")),
    "text": pa.array(hours(3).astype(str)),
    "offsets": pa.array([f"2024-01-01T0{h}:00+02:00" for h in (2, 3, 4)]),
    "large text": pa.array(hours(3).astype(str)).cast(pa.large_string()),
    "coded text": pa.array(hours(3).astype(str)).dictionary_encode(),
}
VALUES = {
    **{
        str(kind): pa.array([1, None, 3]).cast(kind)
        for kind in (pa.int8(), pa.uint64(), pa.float32(), pa.decimal128(25, 2))
    },
    "half": pa.array([1, None, 3]).cast(pa.float16()),
    "NaN": pa.array([1, np.nan, 3]),
    "decimal": pa.array([Decimal("1.0"), None, Decimal("3.0")]),
}
IDS = {
    "text": pa.array(["7", "7", "7"]),
    "large": pa.array(["7", "7", "7"], pa.large_string()),
    "coded": pa.array(["7", "7", "7"]).dictionary_encode(),
    "coded twice": pa.DictionaryArray.from_arrays([0, 1, 0], ["7", "7", "unused"]),
    "number": pa.array([7, 7, 7], pa.uint8()),
}


@pytest.mark.parametrize(
    ("column", "array"),
    [
        pytest.param(column, array, id=f"{column} {kind}")
        for column, kinds in (("ds", TIMES), ("y", VALUES), ("unique_id", IDS))
        for kind, array in kinds.items()
    ],
)
def test_a_column_may_have_any_type_that_can_hold_it(
    shared_client: FlaskClient, column: str, array: pa.Array
) -> None:
    """They mean the same."""
    plain = {"unique_id": ["7"] * 3, "ds": hours(3), "y": [1.0, None, 3.0]}
    path = "/predict?stateless=true&h=2"
    expected, _ = read(post(shared_client, stream(plain), path))
    found, about = read(post(shared_client, stream({**plain, column: array}), path))

    assert about["errors"] == []
    assert found == expected


@pytest.mark.parametrize(
    ("frequency", "times"),
    [
        ("1", pa.array([4, 5], pa.int16())),
        ("D", pa.array([date(2024, 1, 4), date(2024, 1, 5)])),
        ("D", pa.array([date(2024, 1, 4), date(2024, 1, 5)]).cast(pa.date64())),
    ],
)
def test_dates_and_steps_are_times(
    make_app: Callable[..., Flask], frequency: str, times: pa.Array
) -> None:
    """Those of a model of days, and of one that counts."""
    client = make_app(frequency=frequency).test_client()
    sent = {"unique_id": ["a", "a"], "ds": times, "y": [1.0, 2.0]}
    found, about = read(post(client, stream(sent), "/predict?h=1"))

    assert about["series"][0]["state"]["seq"] == 2
    assert str(found["ds"][0]) in ("6", "2024-01-06 00:00:00")


def test_rows_of_a_series_may_stand_anywhere(client: FlaskClient) -> None:
    """In any order, in any batch, each batch with a dictionary of its own."""
    table = long({"a": [1.0, 2.0, 3.0], "b": [5.0, 6.0, 7.0]})
    mixed = table.take([5, 0, 3, 2, 1, 4])
    coded = pa.concat_tables(
        mixed.slice(i, 2).set_column(
            0, "unique_id", mixed.slice(i, 2)["unique_id"].dictionary_encode()
        )
        for i in (0, 2, 4)
    )
    path = "/predict?stateless=true"
    expected, _ = read(post(client, stream(table), path))
    for sent in (stream(mixed), stream(mixed, batch=1), stream(coded)):
        found, about = read(post(client, sent, path))
        assert [one["unique_id"] for one in about["series"]] == ["b", "a"]
        for name in ("a", "b"):
            assert rows(found, name) == rows(expected, name)


def test_rows_without_time_and_value_name_a_series(client: FlaskClient) -> None:
    """A forecast from what is carried; without `ds` at all, values are the next steps."""
    read(post(client, stream(long({"a": [1.0], "b": [2.0]}))))
    sent = {"unique_id": ["b", "a"], "ds": [None, hours(2)[1].item()], "y": [None, 4.0]}
    _, about = read(post(client, stream(sent)))
    assert [one["state"]["seq"] for one in about["series"]] == [1, 2]
    _, about = read(post(client, stream({"unique_id": ["a"]})))
    assert about["series"][0]["state"]["applied"] == 0
    _, about = read(post(client, stream({"unique_id": ["a", "a"], "y": [1.0, None]})))
    assert about["series"][0]["state"]["seq"] == 4


# --- covariates -----------------------------------------------------------------------

COVARIATES = Covariates(
    (
        Column("promo", "futr"),
        Column("stock", "hist"),
        Column("kind", "stat", categories=("inn", "shop")),
    )
)


def test_covariates_are_columns_by_name(make_app: Callable[..., Flask]) -> None:
    """Rows behind the last value that know one of `futr_exog` are what is ahead."""
    client = make_app(frequency="h", covariates=COVARIATES).test_client()
    entry = {
        **body({"a": [1.0, None, 3.0]})[0],
        "futr_exog": {"promo": [0, 1, None, 1, 0]},
        "hist_exog": {"stock": [4, None, 2]},
        "stat_exog": {"kind": "shop"},
    }
    expected = client.post("/predict?stateless=true", json={"series": entry}).json
    table = pa.table(
        {
            "unique_id": ["a"] * 5,
            "ds": hours(5),
            "y": [1.0, None, 3.0, None, None],
            "promo": pa.array([0, 1, None, 1, 0], pa.int8()),
            "stock": [4.0, None, 2.0, None, None],
            "kind": pa.array(["shop"] * 4 + [None]).dictionary_encode(),
        }
    )
    for sent in (table, table.take([4, 2, 0, 1, 3])):
        found, about = read(post(client, stream(sent), "/predict?stateless=true"))
        assert found["median"].to_pylist() == expected["forecasts"][0]["median"]
        assert about["series"][0]["state"]["seq"] == 3

    with_gap = table.take([0, 1, 2, 4])
    only_ahead = table.take([3, 4])
    two_kinds = table.set_column(5, "kind", pa.array(["inn"] + ["shop"] * 4))
    for sent, fragment in (
        (with_gap, "step by step"),
        (only_ahead, "must follow a row with one"),
        (two_kinds, "expected one value in all rows"),
    ):
        problem = post(client, stream(sent)).json
        assert problem["status"] == 422
        assert fragment in problem["detail"]


# --- what is refused ------------------------------------------------------------------

GOOD = {"unique_id": ["a"], "ds": hours(1), "y": [1.0]}
WHOLE = stream(GOOD)
MANY = stream(long({"a": [1.0, 2.0, 3.0]}), batch=1)


def changed(**columns: Any) -> bytes:
    """A good stream with some columns changed; None leaves one out."""
    kept = {k: v for k, v in {**GOOD, **columns}.items() if v is not None}
    return stream(kept)


def duplicated() -> bytes:
    """A column that stands there twice."""
    table = pa.table(GOOD)
    return stream(table.append_column("y", table["y"]))


def parquet() -> bytes:
    """Another format."""
    import pyarrow.parquet

    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(GOOD), sink)
    return sink.getvalue()


def file() -> bytes:
    """Arrow, but the file format."""
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, pa.table(GOOD).schema) as writer:
        writer.write_table(pa.table(GOOD))
    return sink.getvalue()


def bad_text() -> pa.Array:
    """Text that is not UTF-8."""
    offsets = pa.py_buffer(np.array([0, 1], np.int32))
    return pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff")])


def bad_offsets() -> bytes:
    """Text that would lie far outside its bytes."""
    right, wrong = struct.pack("<ii", 0, 239), struct.pack("<ii", 0, 2**30)
    # The metadata in front tells the length too.
    before, _, behind = changed(unique_id=["a" * 239]).rpartition(right)
    return before + wrong + behind


def bad_codes() -> pa.Array:
    """An entry of a dictionary that it does not have."""
    return pa.DictionaryArray.from_arrays(pa.array([7]), pa.array(["a"]), safe=False)


def dictionary_bomb() -> bytes:
    """Half a megabyte of text that five thousand rows refer to."""
    text = pa.array(["x" * 500_000])
    ids = pa.DictionaryArray.from_arrays(np.zeros(5_000, np.int8), text)
    return stream({"unique_id": ids, "y": np.zeros(5_000)})


# (the stream, status, a fragment of the detail)
STREAMS: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "the body was cut off"),
    "JSON": (b'{"series": []}', 400, "expected an Arrow IPC stream"),
    "Parquet": (parquet(), 400, "not a file of Arrow, Feather or Parquet"),
    "an Arrow file": (file(), 400, "not a file of Arrow"),
    "zeros": (bytes(1_000), 400, "expected"),
    "huge metadata": (b"\xff\xff\xff\xff\xff\xff\xff\x7f" + WHOLE, 400, "expected"),
    "negative metadata": (b"\xff\xff\xff\xff\xff\xff\xff\xff" + WHOLE, 400, "expected"),
    "no end": (WHOLE[:-8], 400, "up to its end marker"),
    "cut between batches": (MANY[: len(MANY) * 3 // 4 // 8 * 8], 400, "expected"),
    "two streams": (WHOLE + WHOLE, 400, "or more follows"),
    "junk behind": (WHOLE + b"junk", 400, "or more follows"),
    "only a schema": (
        stream(pa.table(GOOD).slice(0, 0)),
        422,
        "expected at least one row",
    ),
    "text that is not UTF-8": (changed(unique_id=bad_text()), 400, "damaged"),
    "text outside its bytes": (bad_offsets(), 400, "damaged"),
    "codes without texts": (changed(unique_id=bad_codes()), 400, "damaged"),
    "compressed buffers": (
        stream(GOOD, compression="zstd"),
        422,
        "without compression",
    ),
    "a bomb": (
        stream({**GOOD, "y": np.zeros(1)}, compression="lz4"),
        422,
        "Content-Encoding",
    ),
    "a bomb of a dictionary": (dictionary_bomb(), 422, "1 to 256 characters"),
    "too many rows": (
        stream({"unique_id": pa.nulls(5_001), "y": pa.nulls(5_001)}),
        422,
        "max_points",
    ),
    "rows without bytes": (
        stream({"unique_id": pa.nulls(2**20), "y": pa.nulls(2**20)}),
        422,
        "max_points",
    ),
    "too many batches": (
        stream({"unique_id": ["a"] * 2_001, "y": [1.0] * 2_001}, batch=1),
        422,
        "batches in one stream",
    ),
    "no unique_id": (changed(unique_id=None), 422, "is needed, but absent"),
    "times without values": (changed(y=None), 422, "is needed, but absent"),
    "an unknown column": (changed(SECRET=[1]), 422, "a column that is not known"),
    "a column twice": (duplicated(), 422, "stands there twice"),
    "ids of fractions": (changed(unique_id=[1.5]), 422, "got the type double"),
    "ids of lists": (changed(unique_id=[["a"]]), 422, "got the type list"),
    "ids of bytes": (changed(unique_id=[b"a"]), 422, "got the type binary"),
    "values in text": (changed(y=["1.5"]), 422, "got the type string"),
    "values yes": (changed(y=[True]), 422, "got the type bool"),
    "values coded": (
        changed(y=pa.array([1.0]).dictionary_encode()),
        422,
        "got the type dictionary",
    ),
    "values in a structure": (changed(y=[{"a": 1.0}]), 422, "got the type struct"),
    "values run-length encoded": (
        changed(y=pa.RunEndEncodedArray.from_arrays([1], [1.0])),
        422,
        "got the type run",
    ),
    "times of day": (
        changed(ds=pa.array([1], pa.time64("us"))),
        422,
        "got the type time",
    ),
    "a time beyond counting": (
        changed(ds=pa.array([2**62], pa.timestamp("s"))),
        422,
        "out of range",
    ),
    "a time of year 20000": (
        changed(ds=np.array(["20000-01-01"], "M8[us]")),
        422,
        "2024-01-31T18:00:00",
    ),
    "steps for times": (changed(ds=[7]), 422, "such as 2024-01-31T18:00:00"),
    "no time": (
        changed(ds=pa.array([None], pa.timestamp("us"))),
        422,
        "where there is a value",
    ),
    "a text that is no time": (changed(ds=["SECRET"]), 422, "such as 2024-01-31T18:00"),
    "infinity": (changed(y=[np.inf]), 422, "expected a finite value"),
    "1e31": (changed(y=[-1e31]), 422, "use another unit"),
    "an empty name": (changed(unique_id=[""]), 422, "1 to 256 characters"),
    "a long name": (changed(unique_id=["SECRET" * 50]), 422, "1 to 256 characters"),
    "a name with NUL": (changed(unique_id=["a\0"]), 422, "none of them NUL"),
    "no name": (
        changed(unique_id=pa.array([None], pa.string())),
        422,
        "no name of a series",
    ),
    "a body too large": (WHOLE + bytes(2**20), 413, "max_body_bytes"),
}


@pytest.mark.parametrize("case", STREAMS)
def test_a_bad_stream_is_refused(shared_client: FlaskClient, case: str) -> None:
    """By its own status, shortly, and without a trace of it anywhere."""
    data, status, fragment = STREAMS[case]
    answer = post(shared_client, data)

    assert (answer.status_code, answer.content_type) == (
        status,
        "application/problem+json",
    ), answer.text
    assert fragment in answer.json["detail"]
    assert len(answer.data) <= 4096
    assert "SECRET" not in answer.text
    assert shared_client.get("/series").json["series"] == []


@pytest.mark.parametrize("query", ["h=ten", "level=80&quantiles=0.1", "hs=3", "h=51"])
def test_wishes_in_the_url_are_checked(shared_client: FlaskClient, query: str) -> None:
    """As those of a body are."""
    assert post(shared_client, WHOLE, f"/predict?{query}").status_code == 422


def test_the_body_goes_before_the_url(shared_client: FlaskClient) -> None:
    """With JSON a wish may stand in both."""
    sent = {"series": body({"a": [1.0]}), "h": 2, "stateless": True}
    answer = shared_client.post("/predict?h=3&level=80", json=sent)
    assert len(answer.json["forecasts"][0]["median"]) == 2
    assert list(answer.json["forecasts"][0]["intervals"]) == ["lo-80", "hi-80"]


@example(cut=0, flips=[384_259])  # a place before the beginning
@given(cut=st.integers(0, 2**16), flips=st.lists(st.integers(0, 2**20), max_size=4))
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_damage_breaks_the_service(
    shared_client: FlaskClient, cut: int, flips: list[int]
) -> None:
    """A stream with bits flipped, or cut off, is read or refused."""
    data = bytearray(stream(long(SERIES), batch=3))
    for flip in flips:
        data[flip // 8 % len(data)] ^= 1 << flip % 8
    path = "/predict?stateless=true"
    answer = post(shared_client, bytes(data[: len(data) - cut % len(data)]), path)
    assert answer.status_code in (200, 400, 404, 422), answer.text
