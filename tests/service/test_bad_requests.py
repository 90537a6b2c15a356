"""Every bad request gets its status and a problem that names the mend."""

import io
import json
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from service import answers

MARK = "SECRET-of-the-caller"
HOUR = "2024-01-01T00:00:00"
GOOD = {"unique_id": "a", "ds": [HOUR], "y": [1.0]}


def one(**changed: Any) -> dict[str, Any]:
    """A body of one series with something changed."""
    return {"series": {**GOOD, **changed}}


def raw(y: str) -> bytes:
    """A body whose only value is written like this."""
    return b'{"series": {"unique_id": "a", "ds": ["%b"], "y": [%b]}}' % (
        HOUR.encode(),
        y.encode(),
    )


# (body, status, a fragment of the detail)
BODIES: dict[str, tuple[Any, int, str]] = {
    "empty": (b"", 400, "it is empty"),
    "truncated": (json.dumps(one()).encode()[:-3], 400, "expected JSON in UTF-8: EOF"),
    "not JSON": (b"{series: 1}", 400, "expected JSON in UTF-8: key must be a string"),
    "trailing comma": (b'{"series": [],}', 400, "trailing comma at line 1 column 15"),
    "byte order mark": (b"\xef\xbb\xbf{}", 400, "byte order mark; leave that out"),
    "not UTF-8": (b'{"series": "\xff"}', 400, "invalid unicode code point"),
    "half a surrogate": (rb'{"series": "\ud800"}', 400, "expected JSON in UTF-8"),
    "two documents": (b"{} {}", 400, "trailing characters"),
    "deeply nested": (b"[" * 100_000, 422, "recursion limit"),
    "deeply nested inside": (
        b'{"series": ' + b'{"a":' * 100_000,
        422,
        "recursion limit",
    ),
    "an integer of 5,000 digits": (raw("9" * 5_000), 422, "number out of range"),
    "an integer of 4,000 digits": (raw("9" * 4_000), 422, "expected a number"),
    "NaN": (raw("NaN"), 422, "a missing value is null"),
    "Infinity": (raw("-Infinity"), 422, "a missing value is null"),
    "1e999": (raw("1e999"), 422, "a missing value is null"),
    "1e31": (raw("1e31"), 422, "between -1e30 and 1e30; use another unit"),
    "text for a number": (raw('"1.5"'), 422, "expected a number, neither text nor"),
    "true for a number": (raw("true"), 422, "expected a number, neither text nor"),
    "an object for a number": (raw("{}"), 422, "expected a number"),
    "a list": ([], 422, 'such as {"series": [...]}'),
    "a text": (json.dumps(one()), 422, 'such as {"series": [...]}'),
    "null": (None, 422, 'such as {"series": [...]}'),
    "no series": ({}, 422, "is needed, but absent"),
    "an empty list of series": ({"series": []}, 422, "at least one series"),
    "series is text": ({"series": MARK}, 422, "expected an object"),
    "series is null": ({"series": None}, 422, "expected an object"),
    "no unique_id": ({"series": {"y": [1]}}, 422, "is needed, but absent"),
    "an empty unique_id": (one(unique_id=""), 422, "at least 1 character"),
    "a long unique_id": (one(unique_id=MARK * 50), 422, "at most 256 characters"),
    "unique_id with NUL": (one(unique_id="a\0"), 422, "without the character NUL"),
    "unique_id is true": (one(unique_id=True), 422, "or a whole number within"),
    "unique_id is huge": (one(unique_id=2**60), 422, "or a whole number within ±2^53"),
    "an unknown field": (
        one(values=[1]),
        422,
        "unknown field 'values'; expected one of",
    ),
    "a strange field": (
        {**one(), MARK + "<script>": 1},
        422,
        "unknown field; expected one of",
    ),
    "y is a number": (one(y=1.0), 422, "expected a list"),
    "y is null": (one(y=None), 422, "expected a list"),
    "lengths differ": (one(y=[1.0, 2.0]), 422, "one value for each time"),
    "times without values": (
        {"series": {"unique_id": "a", "ds": [HOUR]}},
        422,
        "one value for each time",
    ),
    "a time nobody can read": (one(ds=[MARK]), 422, "such as 2024-01-31T18:00:00"),
    "a time of another style": (one(ds=["01/02/2024"]), 422, "such as 2024-01-31T18"),
    "a number for a time": (one(ds=[7]), 422, "such as 2024-01-31T18:00:00"),
    "a fraction for a time": (one(ds=[1.5]), 422, "time, or a whole number within"),
    "a huge step": (
        one(ds=[2**60]),
        422,
        "expected an ISO-8601 time, or a whole number",
    ),
    "null for a time": (one(ds=[None]), 422, "expected an ISO-8601 time, or a whole"),
    "a day that is none": (one(ds=["2024-02-30"]), 422, "such as 2024-01-31T18:00:00"),
    "off the grid": (
        one(ds=[HOUR, "2024-01-01T00:20"], y=[1, 2]),
        422,
        "not a whole number of 'h' steps",
    ),
    "one time, two values": (
        one(ds=[HOUR, HOUR], y=[1, 2]),
        422,
        "send each time once",
    ),
    "no times for a new series": (one(ds=None), 422, "'ds' is needed"),
    "nothing carried yet": (
        {"series": {"unique_id": "new"}},
        404,
        "nothing is carried for this series yet",
    ),
    "nothing to forecast from": (
        {"series": {"unique_id": "new"}, "stateless": True},
        422,
        "needs points",
    ),
    "a gap of ages": (
        one(ds=[HOUR, "2025-01-01T00:00:00"], y=[1, 2]),
        422,
        "(max_gap); send what lies between",
    ),
    "covariates": (one(futr_exog={MARK: [1]}), 422, "leave out 'futr_exog'"),
    "a constant": (one(stat_exog={MARK: MARK}), 422, "leave out 'stat_exog'"),
    "covariates of text": (one(hist_exog={MARK: [MARK]}), 422, "expected a number"),
    "covariates of yes": (one(hist_exog={MARK: [True]}), 422, "expected a number"),
    "a list of constants": (one(stat_exog={MARK: [1]}), 422, "a number, or text of"),
    "a long constant": (
        one(stat_exog={MARK: "x" * 257}),
        422,
        "at most 256 characters",
    ),
    "a constant of yes": (one(stat_exog={MARK: True}), 422, "a number, or text of"),
    "huge covariates": (one(futr_exog={MARK: [1e300]}), 422, "use another unit"),
    "a huge constant": (one(stat_exog={MARK: -1e300}), 422, "use another unit"),
    "the same series twice": ({"series": [GOOD, GOOD]}, 422, "points in one entry"),
    "too many series": (
        {"series": [{**GOOD, "unique_id": str(i)} for i in range(21)]},
        422,
        "max_series is 20",
    ),
    "too many points": (
        {"series": {"unique_id": "a", "y": [1] * 5_001}},
        422,
        "max_points is 5000",
    ),
    "body too large": (raw("1" + " " * 2**20), 413, "max_body_bytes"),
    "no such model": (
        {**one(), "name": MARK},
        404,
        "no model of that name; there is: demo",
    ),
    "name is a number": ({**one(), "name": 7}, 422, "expected text"),
    "a horizon of 0": ({**one(), "h": 0}, 422, "greater than or equal to 1"),
    "a horizon of 1.5": ({**one(), "h": 1.5}, 422, "expected a whole number"),
    "a horizon in text": ({**one(), "h": "3"}, 422, "expected a whole number"),
    "a horizon of ages": ({**one(), "h": 51}, 422, "max_horizon is 50"),
    "a horizon beyond counting": ({**one(), "h": 10**30}, 422, "less than or equal to"),
    "a level of 100": ({**one(), "level": [100]}, 422, "less than 100"),
    "a level beyond the model": (
        {**one(), "level": [99]},
        422,
        "Ask for a level inside",
    ),
    "level is a number": ({**one(), "level": 80}, 422, "expected a list"),
    "level is empty": ({**one(), "level": []}, 422, "at least 1 item"),
    "a quantile of 2": ({**one(), "quantiles": [2]}, 422, "less than 1"),
    "level and quantiles": (
        {**one(), "level": [80], "quantiles": [0.1]},
        422,
        "send 'level' or 'quantiles', not both",
    ),
    "stateless in text": ({**one(), "stateless": "yes"}, 422, "expected true or false"),
    "an unknown on_conflict": (
        {**one(), "on_conflict": MARK},
        422,
        "'error', 'ignore' or 'revise'",
    ),
}


def post(client: FlaskClient, body: Any, **how: Any) -> TestResponse:
    """POST to /predict; bytes as they are, everything else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(
        "/predict", data=data, **{"content_type": "application/json", **how}
    )


def check(answer: TestResponse, status: int, fragment: str) -> None:
    """A problem of that status that tells the mend, shortly, and repeats nothing."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert len(answer.data) <= 4096
    problem = json.loads(answer.data)
    assert {"type", "title", "status", "detail"} <= set(problem)
    assert problem["status"] == status
    assert fragment in problem["detail"]
    assert MARK not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("case", BODIES)
def test_a_bad_body_is_refused(shared_client: FlaskClient, case: str) -> None:
    """Quickly, by its own status, and without a trace of it in the store."""
    body, status, fragment = BODIES[case]
    began = time.monotonic()
    check(post(shared_client, body), status, fragment)
    assert time.monotonic() - began < 2
    assert shared_client.get("/series").json["series"] == []


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"],
)
def test_a_body_that_does_not_say_json_is_refused(
    shared_client: FlaskClient, content_type: str | None
) -> None:
    """415, whatever the bytes are."""
    check(
        post(shared_client, one(), content_type=content_type), 415, "application/json"
    )


@pytest.mark.parametrize("asked", [{"level": [99]}, {"quantiles": [0.99]}])
def test_what_the_model_cannot_tell_is_named_as_it_was_asked_for(
    shared_client: FlaskClient, asked: dict[str, Any]
) -> None:
    """The place is the field that was sent."""
    answer = post(shared_client, {**one(), **asked})
    check(answer, 422, "Ask for a level inside")
    assert [error["loc"] for error in answer.json["errors"]] == list(asked)


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_of_retries_has_a_length(shared_client: FlaskClient, key: str) -> None:
    """It is kept with the series."""
    answer = post(shared_client, one(), headers={"Idempotency-Key": key})
    check(answer, 422, "expected 1 to 255 characters")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
SERIES = st.fixed_dictionaries(
    {"unique_id": st.sampled_from(["a", "b"]) | ANYTHING},
    optional={
        "ds": st.lists(st.sampled_from([HOUR, "2024-01-01T03:00Z", "0001-01-01"]))
        | ANYTHING,
        "y": st.lists(st.floats() | st.none()) | ANYTHING,
        "futr_exog": ANYTHING,
        "hist_exog": ANYTHING,
        "stat_exog": ANYTHING,
    },
)
REQUESTS = st.fixed_dictionaries(
    {"series": SERIES | st.lists(SERIES, max_size=3) | ANYTHING},
    optional={
        "h": st.integers(-1, 60) | ANYTHING,
        "level": st.lists(st.integers(-1, 101), max_size=2) | ANYTHING,
        "quantiles": st.lists(st.floats(0, 1), max_size=2) | ANYTHING,
        "stateless": st.booleans() | ANYTHING,
        "on_conflict": st.sampled_from(["error", "ignore", "revise"]) | ANYTHING,
        "name": st.just("demo") | ANYTHING,
    },
)


@given(body=REQUESTS | ANYTHING, path=st.sampled_from(["/predict", "/observe"]))
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_body_breaks_the_service(client: FlaskClient, body: Any, path: str) -> None:
    """It is answered as documented, or refused with a short problem."""
    data = json.dumps(body).encode()  # NaN and Infinity are written as such
    answer = client.post(path, data=data, content_type="application/json")

    if answer.status_code == 200:
        kind = answers.Predicted if path == "/predict" else answers.Observed
        kind.model_validate_json(answer.data, strict=True)
    else:
        assert answer.status_code in (404, 409, 422), answer.text
        assert len(answer.data) <= 4096
        answers.Problem.model_validate_json(answer.data, strict=True)


# (method, path, status, a fragment of the detail)
URLS: dict[str, tuple[str, str, int, str]] = {
    "no such path": ("GET", f"/{MARK}", 404, "/docs tells what there is"),
    "wrong method": ("PUT", "/predict", 405, "see the Allow header"),
    "GET for POST": ("GET", "/observe", 405, "see the Allow header"),
    "no such series": ("GET", f"/series/{MARK}", 404, "nothing is carried"),
    "no such series to delete": (
        "DELETE",
        f"/series/{MARK}",
        404,
        "nothing is carried",
    ),
    "no such series to forecast": (
        "GET",
        "/series/unheard-of/forecast",
        404,
        "nothing is carried",
    ),
    "a name that is no model": (
        "GET",
        f"/series/a?name={MARK}",
        404,
        "nothing is carried",
    ),
    "no such model": ("GET", f"/models/{MARK}", 404, "there is: demo"),
    "no such model to forecast": (
        "GET",
        f"/series/a/forecast?name={MARK}",
        404,
        "there is: demo",
    ),
    "limit in words": ("GET", f"/series?limit={MARK}", 422, "expected a whole number"),
    "limit of 0": ("GET", "/series?limit=0", 422, "greater than or equal to 1"),
    "limit of ages": (
        "GET",
        "/series?limit=1000000",
        422,
        "less than or equal to 1000",
    ),
    "a made-up cursor": ("GET", f"/series?cursor={MARK}", 422, "'next_cursor'"),
    "a cursor in other characters": ("GET", "/series?cursor=%ff", 422, "'next_cursor'"),
    "a cursor with NUL": ("GET", "/series?cursor=WyJhXHUwMDAwIiwiYiJd", 422, "cursor"),
    "an id with NUL": ("GET", "/series/a%00", 422, "without the character NUL"),
    "a name with NUL": ("GET", "/series/a?name=%00", 422, "without the character NUL"),
    "a prefix with NUL": (
        "GET",
        "/series?prefix=%00",
        422,
        "without the character NUL",
    ),
    "to forget NUL": ("DELETE", "/series/%00", 422, "without the character NUL"),
    "an unknown parameter": ("GET", "/series?limits=1", 422, "unknown field 'limits'"),
    "horizon in words": (
        "GET",
        "/series/a/forecast?h=ten",
        422,
        "expected a whole number",
    ),
    "level in words": (
        "GET",
        "/series/a/forecast?level=wide",
        422,
        "expected a number",
    ),
    "level of NaN": (
        "GET",
        "/series/a/forecast?level=nan",
        422,
        "expected a finite number",
    ),
    "level and quantiles": (
        "GET",
        "/series/a/forecast?level=80&quantiles=0.5",
        422,
        "not both",
    ),
}


@pytest.mark.parametrize("case", URLS)
def test_a_bad_url_is_refused(shared_client: FlaskClient, case: str) -> None:
    """In the same way as a bad body."""
    method, path, status, fragment = URLS[case]
    check(shared_client.open(path, method=method), status, fragment)


def test_the_allowed_methods_are_told(client: FlaskClient) -> None:
    """As RFC 9110 wants it."""
    assert set(client.put("/predict").headers["Allow"].split(", ")) == {
        "OPTIONS",
        "POST",
    }


def test_a_conflict_names_the_time_and_the_ways_out(client: FlaskClient) -> None:
    """409 for that series."""
    post(client, one())
    check(post(client, one(y=[2.0])), 409, f'{HOUR}; send "on_conflict": "revise"')


def test_a_bad_series_leaves_the_good_ones_alone(client: FlaskClient) -> None:
    """The answer is 200, and lists each bad one with its status and place."""
    bad = {"unique_id": "b", "y": ["x"]}
    answer = post(client, {"series": [bad, GOOD, {"unique_id": "c"}, MARK]})

    assert answer.status_code == 200
    assert [f["unique_id"] for f in answer.json["forecasts"]] == ["a"]
    told = {
        (e.get("unique_id"), e["status"], e.get("loc")) for e in answer.json["errors"]
    }
    assert told == {
        ("b", 422, "series[0].y[0]"),
        ("c", 404, None),
        (None, 422, "series[3]"),
    }
    assert MARK not in answer.text


@pytest.mark.parametrize(
    ("series", "status"),
    [
        ([{"unique_id": "x"}, {"unique_id": "y"}], 404),
        ([{"unique_id": "x"}, {"unique_id": "y", "y": [True]}], 422),
    ],
)
def test_when_all_series_are_bad_the_status_is_theirs(
    client: FlaskClient, series: list[Any], status: int
) -> None:
    """Of one kind it is that one, of several 422."""
    answer = post(client, {"series": series})
    assert answer.status_code == status
    assert {e["unique_id"] for e in answer.json["errors"]} == {"x", "y"}


def test_many_bad_series_are_one_short_problem(client: FlaskClient) -> None:
    """As many as fit are listed, and the rest counted."""
    series = [{"unique_id": "日" * 200 + str(i)} for i in range(20)]
    answer = post(client, {"series": series})
    check(answer, 404, "more series refused, not listed")
    assert 0 < len(answer.json["errors"]) < 20


def test_a_failure_of_our_own_is_a_short_problem_too(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 tells nothing of the inside."""
    client.application.testing = False
    monkeypatch.setattr("service.routes.predict.read_ask", lambda *a, **k: 1 / 0)
    answer = post(client, one())
    check(answer, 500, "safe to send again")
    assert "division" not in answer.text


@pytest.mark.parametrize(("beyond", "status"), [(0, 200), (1, 413), (2**20, 413)])
def test_a_body_in_chunks_keeps_to_the_limit(
    client: FlaskClient, beyond: int, status: int
) -> None:
    """Without a Content-Length it is refused as well, and never cut."""
    body = json.dumps({**one(), "stateless": True}).encode()
    answer = client.post(
        "/predict",
        input_stream=io.BytesIO(body.ljust(2**20 + beyond)),
        headers={"Transfer-Encoding": "chunked", "Content-Type": "application/json"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == status
