"""Connections: what a class gives, and what a cluster needs."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing import SizingError, estimate_connections, max_connections
from sizing.facts.published import MAX_CONNECTIONS

DOCUMENTED = Path(__file__).parent / "max_connections.csv"


def documented(engine: str, kind: str) -> list[tuple[str, int]]:
    with DOCUMENTED.open(newline="") as lines:
        return [
            (row["instance_class"], int(row["max_connections"]))
            for row in csv.DictReader(lines)
            if (row["engine"], row["kind"]) == (engine, kind)
        ]


PAGE = {  # M-20, typed again from the page so that a slip in the product's table shows
    "db.t2.medium": 318, "db.t2.large": 636, "db.t2.xlarge": 1272, "db.t2.2xlarge": 2543,
    "db.r4.large": 1212, "db.r4.xlarge": 2424, "db.r4.2xlarge": 4848, "db.r4.4xlarge": 9696,
    "db.r4.10xlarge": 19391, "db.r4.16xlarge": 38783,
    "db.m4.large": 636, "db.m4.xlarge": 1272, "db.m4.2xlarge": 2543, "db.m4.4xlarge": 5086,
    "db.m4.10xlarge": 12716, "db.m4.16xlarge": 20345,
    "db.m3.medium": 298, "db.m3.large": 596, "db.m3.xlarge": 1192, "db.m3.2xlarge": 2384,
}  # fmt: skip


@pytest.mark.parametrize(("instance_class", "limit"), PAGE.items())
def test_all_twenty_published_limits_come_out_of_the_rule(instance_class, limit):
    assert max_connections(instance_class) == limit


def test_the_published_table_is_the_page():
    assert MAX_CONNECTIONS == PAGE


def test_all_documented_aurora_limits_come_out_exactly():
    rows = documented("aurora-mysql", "documented")
    assert len(rows) == 74
    assert {name: max_connections(name, "aurora-mysql") for name, _ in rows} == dict(rows)


@pytest.mark.parametrize(
    ("engine", "kind", "rows", "tolerance"),
    [
        ("mysql", "observed", 13, 0.06),  # 4.4 % at db.m3.2xlarge: M-20 reads GiB as 10^9 bytes
        ("mysql", "documented (approximate)", 2, 0.06),  # "about 60" for db.t3.micro, "about 630" for db.m7g.large
        ("postgres", "observed", 5, 0.039),
    ],
)
def test_observed_limits_are_met_within_the_stated_error(engine, kind, rows, tolerance):
    observed = documented(engine, kind)
    assert len(observed) == rows
    for name, limit in observed:
        assert max_connections(name, engine) == pytest.approx(limit, rel=tolerance), name


def test_postgres_stops_at_its_documented_ceiling():
    assert max_connections("db.r6g.16xlarge", "postgres") == 5000


def test_an_unknown_class_and_engine_are_both_named():
    with pytest.raises(SizingError) as caught:
        max_connections("db.x.large", "oracle")
    assert [problem.parameter for problem in caught.value.problems] == ["instance_class", "engine"]


@pytest.mark.parametrize(
    ("active", "rate", "tls", "low", "expected", "high"),
    [(8, 100, False, 700, 700, 700), (8, 100, True, 1200, 1200, 1200), (32, 250, True, 1700, 1700, 3700)],
)
def test_the_published_points_and_what_they_leave_open(active, rate, tls, low, expected, high):
    estimate = estimate_connections(active, rate, tls)
    assert (estimate.low, estimate.expected, estimate.high) == (low, expected, high)
    assert not estimate.extrapolated


@pytest.mark.parametrize(("active", "rate", "far"), [(32, 250, False), (33, 10, True), (1, 250.5, True), (1, 0, False)])
def test_it_says_when_it_extrapolates(active, rate, far):
    assert estimate_connections(active, rate).extrapolated is far


coreapps = st.integers(1, 200)
rates = st.floats(0, 5000)


@given(coreapps, rates, st.booleans())
def test_low_expected_and_high_are_in_order(active, rate, tls):
    estimate = estimate_connections(active, rate, tls)
    assert 0 <= estimate.low <= estimate.expected <= estimate.high


@given(coreapps, coreapps, rates, rates, st.booleans())
def test_more_coreapps_or_messages_never_need_fewer_connections(active, more, rate, faster, tls):
    small = estimate_connections(min(active, more), min(rate, faster), tls)
    large = estimate_connections(max(active, more), max(rate, faster), tls)
    assert small.low <= large.low
    assert small.expected <= large.expected
    assert small.high <= large.high


@given(coreapps, rates)
def test_tls_never_needs_fewer_connections(active, rate):
    plain, encrypted = estimate_connections(active, rate, False), estimate_connections(active, rate, True)
    assert plain.low <= encrypted.low
    assert plain.expected <= encrypted.expected
    assert plain.high <= encrypted.high


@given(st.integers(1, 32), st.floats(0, 250), st.floats(0, 40), st.floats(0, 7))
def test_no_line_through_the_points_escapes_the_interval(active, rate, per_coreapp, per_message):
    """Any non-negative plane through the first and third point, third read without TLS, stays within."""
    constant = 700 - 8 * per_coreapp - 100 * per_message
    miss = 1700 - (constant + 32 * per_coreapp + 250 * per_message)
    per_message += miss / 150  # moves the plane onto the third point, keeping the first
    constant -= 100 * miss / 150
    if constant < 0 or per_message < 0:
        return
    estimate = estimate_connections(active, rate, tls=False)
    assert estimate.low - 1e-6 <= constant + per_coreapp * active + per_message * rate <= estimate.high + 1e-6


def test_all_bad_arguments_are_named_at_once():
    with pytest.raises(SizingError) as caught:
        estimate_connections(0, float("nan"), "yes")  # type: ignore[arg-type]
    assert [problem.parameter for problem in caught.value.problems] == [
        "active_coreapps",
        "messages_per_second",
        "tls",
    ]
