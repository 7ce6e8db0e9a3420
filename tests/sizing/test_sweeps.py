"""`sweep` answers row for row what `plan` answers, only faster."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sizing
from sizing import SizingError, plan, sweep
from sizing.engines import ENGINES
from sizing.facts.published import DATABASE_VCPU_FLOOR, RATE_TO_COREAPPS

corners = [rate for rate, _ in RATE_TO_COREAPPS] + [rate for rate, _ in DATABASE_VCPU_FLOOR] + [0, 251, 400]
rates = st.lists(st.one_of(st.sampled_from(corners), st.floats(0, 600)), min_size=1, max_size=4)


def several(values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


def agrees(row, answer):
    cost = answer.monthly_cost
    assert (row.low, row.expected, row.high) == (
        answer.connections.low,
        answer.connections.expected,
        answer.connections.high,
    )
    assert row.extrapolated == answer.connections.extrapolated
    assert row.instance_class == answer.database.instance_class
    assert row.max_connections == answer.database.max_connections
    assert row.utilization == answer.database.utilization
    assert row.host_type == answer.hosts.instance_type
    assert (row.hosts_minimum, row.hosts_maximum) == (answer.hosts.minimum, answer.hosts.maximum)
    for swept, total in (
        (row.usd_at_minimum, cost.at_minimum),
        (row.usd_at_cap, cost.at_cap),
        (row.known_usd_at_cap, cost.known_at_cap),
    ):
        assert (math.isnan(swept) and total is None) or swept == total


@settings(max_examples=120, deadline=None)
@given(
    active=several(sizing.SHARD_COUNTS),
    rates=rates,
    tls=several([True, False]),
    engine=several(sorted(ENGINES)),
    region=several(["us-east-1", "eu-west-1", "sa-east-1", "eu-west-2"]),
    options=st.fixed_dictionaries(
        {},
        optional={
            "environment": st.sampled_from(["production", "staging"]),
            "message_type": st.sampled_from(["text", "video", "image2MB"]),
            "database_families": st.sampled_from([("m6g",), ("r6g", "r5"), ("t4g", "r6g")]),
            "eni_trunking": st.booleans(),
            "spares": st.sampled_from([0, 1]),
        },
    ),
)
def test_every_row_is_what_plan_answers(active, rates, tls, engine, region, options):
    frame: Any = sweep(active, rates, tls=tls, engine=engine, region=region, **options)
    assert len(frame) == len(active) * len(rates) * len(tls) * len(engine) * len(region)
    for row in frame.itertuples():
        asked = {"tls": row.tls, "engine": row.engine, "region": row.region, **options}
        try:
            answer = plan(row.active_coreapps, row.messages_per_second, **asked)
        except SizingError:
            assert not isinstance(row.instance_class, str) or not isinstance(row.host_type, str)
            continue
        agrees(row, answer)


@settings(max_examples=30, deadline=None)
@given(rates=st.lists(st.floats(0, 350), min_size=1, max_size=5))
def test_rates_alone_take_the_coreapps_of_the_map(rates):
    frame: Any = sweep(messages_per_second=rates)
    assert sorted(frame.messages_per_second) == sorted(rates)
    for row in frame.itertuples():
        answer = plan(messages_per_second=row.messages_per_second)
        assert row.active_coreapps == answer.active_coreapps
        agrees(row, answer)


def test_a_named_class_too_small_leaves_the_row_open():
    frame = sweep(8, [20, 100], database_class="db.r6g.xlarge")
    assert frame.instance_class.tolist()[0] == "db.r6g.xlarge"
    assert frame.instance_class.isna().tolist() == [False, True]
    assert math.isnan(frame.utilization[1])
    assert math.isnan(frame.known_usd_at_cap[1])


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"active_coreapps": [2, 3], "region": ["us-east-1", "mars-1"]}, ["active_coreapps", "region"]),
        ({"messages_per_second": [10, -1]}, ["messages_per_second"]),
        ({"messages_per_second": [10, 400]}, ["messages_per_second"]),
        ({"messages_per_second": []}, ["messages_per_second"]),
        ({"messages_per_second": "fast"}, ["messages_per_second"]),
        ({"active_coreapps": 2, "spares": 9, "engine": "oracle"}, ["engine", "spares"]),
        ({"model": object()}, ["model"]),
        ({"active_coreapps": [2, 8], "database_families": ["z9"]}, ["database_families"]),
    ],
)
def test_bad_values_are_named_all_at_once_and_once_each(arguments, parameters):
    with pytest.raises(SizingError) as caught:
        sweep(**arguments)
    assert sorted(problem.parameter for problem in caught.value.problems) == parameters


def test_a_row_takes_under_two_hundred_bytes():
    frame = sweep((2, 8, 32), range(350), tls=(True, False))
    assert frame.memory_usage(deep=False).sum() / len(frame) < 200


def test_the_catalogue_comes_as_tables():
    classes = sizing.classes("aurora-mysql", "eu-west-1")
    assert classes.loc["db.r6g.large", "max_connections"] == 1000
    assert set(classes.status) == {"current", "previous", "retired"}
    assert (classes.price_source[classes.usd_per_hour.notna()] != "").all()
    hosts = sizing.hosts()
    assert hosts.loc["m5.large", ["tasks_without_trunking", "tasks_with_trunking"]].tolist() == [2, 10]
    assert (hosts.usd_per_hour > 0).all()
    with pytest.raises(SizingError, match=r"region: got 'mars-1'.*\n?engine: got 'oracle'"):
        sizing.classes("oracle", "mars-1")
