"""Calibration: known truth comes back, its interval covers what it says, and bad observations are named."""

from datetime import UTC, datetime, timedelta

import boto3
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from sizing import Metric, SizingError, calibrate, observe, plan
from sizing.connections.calibration import _student

LOADS = [(active, rate) for active in (2, 4, 8, 16) for rate in (10, 20, 40, 80, 120)]


def observed(seed=0, noise=25.0, tls=True, constant=60.0, per_coreapp=22.0, per_message=3.5, loads=LOADS):
    dice = np.random.default_rng(seed)
    table = pd.DataFrame(loads, columns=["coreapps", "rate"])
    exact = constant + per_coreapp * table.coreapps + per_message * table.rate
    table["tls"] = tls
    table["connections"] = np.maximum(exact + dice.normal(0, noise, len(table)), 0)
    return table


def test_exact_observations_give_the_truth_back():
    fit = calibrate(observed(noise=0)).fits[True]
    assert (fit.constant, fit.per_coreapp, fit.per_message) == pytest.approx((60, 22, 3.5))


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("constant", [60.0, 0.0])
def test_the_stated_interval_covers_what_it_states(level, constant):
    """A new observation at a new load falls inside as often as the model says, over 250 sets of observations."""
    dice = np.random.default_rng(7)
    inside = 0
    sets = 250
    for seed in range(sets):
        model = calibrate(observed(seed, constant=constant), level=level)
        active, rate = int(dice.integers(2, 17)), float(dice.uniform(10, 120))
        new = constant + 22 * active + 3.5 * rate + dice.normal(0, 25)
        estimate = model.estimate(active, rate, True)
        inside += estimate.low <= new <= estimate.high
    error = (level * (1 - level) / sets) ** 0.5
    assert abs(inside / sets - level) < 3 * error + 0.01  # whole connections make the interval a little wider


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 500), st.floats(0, 100), st.floats(0, 20))
def test_any_non_negative_truth_comes_back(constant, per_coreapp, per_message):
    if constant + per_coreapp + per_message < 1:
        return
    table = observed(noise=0, constant=constant, per_coreapp=per_coreapp, per_message=per_message)
    estimate = calibrate(table).estimate(8, 50, True)
    assert abs(estimate.expected - (constant + 8 * per_coreapp + 50 * per_message)) <= 1


def test_a_plan_uses_the_model_and_says_so():
    model = calibrate(observed())
    answer = plan(8, 100, model=model)
    assert answer.connections.expected == pytest.approx(60 + 22 * 8 + 350, abs=40)
    assert any("20 observations of your own, 95 % interval" in reason for reason in answer.reasons)
    assert plan(2, 20, model=model).database.max_connections < plan(2, 20).database.max_connections


def test_each_encryption_is_fitted_by_itself():
    model = calibrate(pd.concat([observed(1), observed(2, tls=False, constant=10)], ignore_index=True))
    assert set(model.fits) == {True, False}
    assert model.estimate(4, 40, False).expected < model.estimate(4, 40, True).expected
    with pytest.raises(SizingError, match="tls: got False; allowed True"):
        calibrate(observed()).estimate(4, 40, False)


def test_outliers_are_named_and_left_out():
    table = observed()
    table.index = [f"hour {number}" for number in range(len(table))]
    table.loc["hour 7", "connections"] += 900
    model = calibrate(table)
    assert [outlier.label for outlier in model.outliers] == ["hour 7"]
    assert model.outliers[0].expected == pytest.approx(60 + 22 * 4 + 3.5 * 40, abs=60)
    assert model.estimate(8, 80, True).expected == pytest.approx(60 + 22 * 8 + 3.5 * 80, abs=30)


def test_rows_may_share_a_label():
    twice = pd.concat([observed(1), observed(2)])
    twice.iloc[27, twice.columns.get_loc("connections")] += 900
    model = calibrate(twice)
    assert [(outlier.label, outlier.coreapps, outlier.rate) for outlier in model.outliers] == [(7, 4, 40)]


def test_good_observations_seldom_hold_an_outlier():
    assert sum(bool(calibrate(observed(seed)).outliers) for seed in range(300)) < 12  # 1 % each, so 3 in 300


def test_observations_of_one_size_answer_for_that_size_only():
    model = calibrate(observed(loads=[(8, rate) for rate in range(10, 110, 10)]))
    assert model.estimate(8, 60, True).expected == pytest.approx(60 + 176 + 210, abs=40)
    assert model.estimate(8, 200, True).extrapolated
    with pytest.raises(SizingError, match=r"active_coreapps: got 16; allowed 8.*observe another size"):
        plan(16, 100, model=model)


def falling():
    table = observed(noise=2)
    table["connections"] = 900 - 3 * table.rate
    return table


def scattered():
    table = observed()
    table["connections"] = [1, 900] * 10
    return table


def some_wrong():
    table = observed(noise=1)
    table.loc[[3, 9, 15], "connections"] += [2000, 90, 400]
    return table


def half_wrong():
    table = observed(noise=1)
    table.loc[::4, "connections"] += [400, 300, 500, 350, 450]
    return table


@pytest.mark.parametrize(
    ("observations", "message"),
    [
        (observed().head(7), r"7 rows with tls=True'; allowed 8 or more rows"),
        (observed(loads=[(8, 50)] * 12), "two or more rates or numbers of coreapps"),
        (falling(), "do not fall as the rate grows"),
        (scattered(), "equal loads differ by"),
        (half_wrong(), "equal loads differ by"),
        (some_wrong(), "more than a tenth do not fit the others: row "),
        (observed().head(0), "got 'no rows'; allowed 8"),
        (observed().drop(columns=["tls", "rate"]), "add rate, tls"),
        (observed().assign(rate=np.nan), r"finite numbers from 0 in rate; see row 0"),
        (observed().assign(coreapps=2.5), "whole numbers from 1 in coreapps"),
        (observed().assign(tls="yes"), "True or False in tls"),
        (observed().assign(connections="many"), "in connections"),
        ([1, 2, 3], "got 'list'; allowed a DataFrame"),
    ],
)
def test_observations_that_cannot_be_used_are_refused_with_the_reason(observations, message):
    with pytest.raises(SizingError, match=message):
        calibrate(observations)


def test_a_bad_level_is_named_with_the_rest():
    with pytest.raises(SizingError) as caught:
        calibrate(observed().assign(rate=-1), level=2)  # type: ignore[arg-type]
    assert [problem.parameter for problem in caught.value.problems] == ["level", "observations"]


@pytest.mark.parametrize(
    ("freedom", "level", "table"), [(5, 0.95, 2.571), (10, 0.95, 2.228), (17, 0.8, 1.333), (60, 0.99, 2.660)]
)
def test_quantiles_are_those_of_students_table(freedom, level, table):
    assert _student(freedom, level) == pytest.approx(table, rel=2e-3)


START = datetime(2026, 11, 2, tzinfo=UTC)
RATE = Metric("Messages", "Accepted", {"Cluster": "wa"}, "Sum")


@pytest.fixture
def cloudwatch(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("cloudwatch", region_name="us-east-1")


def put(client, namespace, name, dimensions, values):
    for number, value in enumerate(values):
        client.put_metric_data(
            Namespace=namespace,
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": key, "Value": one} for key, one in dimensions.items()],
                    "Timestamp": START + timedelta(minutes=5 * number, seconds=30),
                    "Value": value,
                }
            ],
        )


def seen(client, **changed):
    asked = {
        "database": "wa-db",
        "cluster": "wa",
        "service": "coreapp",
        "rate": RATE,
        "start": START,
        "end": START + timedelta(hours=4),
        "tls": True,
        "client": client,
    }
    return observe(**(asked | changed))


def test_cloudwatch_gives_what_calibrate_takes(cloudwatch):
    table = observed(noise=3)
    put(cloudwatch, "AWS/RDS", "DatabaseConnections", {"DBInstanceIdentifier": "wa-db"}, table.connections)
    running = {"ClusterName": "wa", "ServiceName": "coreapp"}
    put(cloudwatch, "ECS/ContainerInsights", "RunningTaskCount", running, [*(table.coreapps[:-1] + 1), 16.5])
    put(cloudwatch, "Messages", "Accepted", {"Cluster": "wa"}, table.rate * 300)
    read = seen(cloudwatch)
    assert len(read) == len(table) - 1  # in the last period a coreapp came or went
    assert read.coreapps.tolist() == table.coreapps.tolist()[:-1]
    assert read.rate.tolist() == pytest.approx(table.rate.tolist()[:-1])
    assert read.connections.tolist() == pytest.approx(table.connections.tolist()[:-1])
    assert calibrate(read).estimate(8, 80, True).expected == pytest.approx(60 + 176 + 280, abs=10)


def test_metrics_without_values_are_all_named(cloudwatch):
    with pytest.raises(SizingError) as caught:
        seen(cloudwatch)
    assert [problem.parameter for problem in caught.value.problems] == ["database", "service", "rate"]


def test_a_bad_time_and_period_are_refused_before_asking(cloudwatch):
    with pytest.raises(SizingError) as caught:
        seen(cloudwatch, start=datetime(2026, 1, 1), period_seconds=90, spares=-1)
    assert [problem.parameter for problem in caught.value.problems] == ["period_seconds", "start", "spares"]
    with pytest.raises(SizingError, match="end"):
        seen(cloudwatch, end=START)
