"""Observations for `calibrate`, read from CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd  # type: ignore[import-untyped]

from sizing.errors import Problem, SizingError


@dataclass(frozen=True, slots=True)
class Metric:
    """A CloudWatch metric.

    Attributes:
        namespace: Such as "AWS/RDS".
        name: Such as "DatabaseConnections".
        dimensions: Dimension name to value.
        statistic: "Average", "Sum", "Maximum" or "Minimum".
    """

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str = "Average"


def observe(
    *,
    database: str | Metric,
    cluster: str,
    service: str,
    rate: Metric,
    start: datetime,
    end: datetime,
    tls: bool,
    spares: int = 1,
    period_seconds: int = 300,
    region: str | None = None,
    client: Any = None,
) -> pd.DataFrame:
    """Read what `calibrate` takes from CloudWatch: DatabaseConnections, running coreapps and rate.

    A period counts when all three metrics have a value and the number of coreapps did not change in it.

    Args:
        database: Identifier of the RDS instance, or the metric of its connections, such as an Aurora cluster's.
        cluster: Name of the ECS cluster; it needs Container Insights.
        service: Name of the coreapp service.
        rate: Metric that counts messages. With the statistic "Sum" it is divided by the period; otherwise it is taken
            as messages/s. The client itself publishes none to CloudWatch.
        start: First moment, with a time zone.
        end: Last moment, with a time zone.
        tls: Whether connections to the database were encrypted in that time.
        spares: Coreapps beyond the active ones (M-5). Default 1.
        period_seconds: Length of an observation; a multiple of 60. Default 300.
        region: AWS region. Default: what boto3 finds.
        client: A boto3 CloudWatch client to use instead of a new one.

    Returns:
        One row a period, index its start: coreapps (active), rate (messages/s), tls, connections (the period's most).

    Raises:
        SizingError: For bad arguments, or when a metric has no values there.
    """
    problems = []
    if not isinstance(period_seconds, int) or period_seconds < 60 or period_seconds % 60:
        problems.append(Problem("period_seconds", period_seconds, "multiples of 60"))
    for name, moment in (("start", start), ("end", end)):
        if moment.tzinfo is None:
            problems.append(Problem(name, moment.isoformat(), "a moment with a time zone, such as UTC"))
    if not problems and end <= start:
        problems.append(Problem("end", end.isoformat(), f"a moment after start, {start.isoformat()}"))
    if not isinstance(spares, int) or spares < 0:
        problems.append(Problem("spares", spares, "a whole number from 0"))
    if problems:
        raise SizingError(problems)
    if client is None:
        import boto3  # type: ignore[import-untyped]

        client = boto3.client("cloudwatch", region_name=region)
    if isinstance(database, str):
        database = Metric("AWS/RDS", "DatabaseConnections", {"DBInstanceIdentifier": database}, "Maximum")
    running = {"ClusterName": cluster, "ServiceName": service}
    metrics = {
        "database": database,
        "service": Metric("ECS/ContainerInsights", "RunningTaskCount", running, "Average"),
        "rate": rate,
    }
    series = {name: _series(client, metric, start, end, period_seconds) for name, metric in metrics.items()}
    for name, metric in metrics.items():
        if not len(series[name]):
            shown = f"{metric.namespace} {metric.name} {dict(metric.dimensions)}"
            reason = f"no values from {start.isoformat()} to {end.isoformat()}"
            problems.append(Problem(name, shown, "a metric that has some", reason))
    if problems:
        raise SizingError(problems)
    table: Any = pd.DataFrame(series).dropna()
    # Where the average number of tasks is not whole, tasks started or stopped in that period: it is left out.
    table = table[table["service"] == table["service"].round()]
    table = table[table["service"] > spares]
    if table.empty:
        allowed = f"a time in which all three metrics have values and more than {spares} coreapps run steadily"
        raise SizingError([Problem("start", start.isoformat(), allowed)])
    return pd.DataFrame(
        {
            "coreapps": (table["service"] - spares).astype(int),
            "rate": table["rate"] / period_seconds if rate.statistic == "Sum" else table["rate"],
            "tls": tls,
            "connections": table["database"],
        }
    )


def _series(client: Any, metric: Metric, start: datetime, end: datetime, period_seconds: int) -> pd.Series:
    """Return a metric's values by time, over all pages of the answer."""
    query = {
        "Id": "m",
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
            },
            "Period": period_seconds,
            "Stat": metric.statistic,
        },
    }
    values: dict[datetime, float] = {}
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[query], StartTime=start, EndTime=end, ScanBy="TimestampAscending"
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            values.update(zip(result["Timestamps"], result["Values"], strict=True))
    return pd.Series(values, dtype=float).sort_index()
