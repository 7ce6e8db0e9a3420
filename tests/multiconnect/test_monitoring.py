"""Alarms that tell of everything that somebody must know, and a dashboard that CloudWatch can read."""

import json
import re
from typing import Any

import pytest

from sizing import Plan
from stacks.settings import Settings
from tests.assembly import Assembly
from tests.conftest import Synth


def resolved(body: dict[str, Any] | str) -> Any:
    """Return a dashboard's JSON with a word in the place of each value that only a deploy knows."""
    if isinstance(body, str):
        return json.loads(body)
    return json.loads("".join(part if isinstance(part, str) else "token" for part in body["Fn::Join"][1]))


WHEN_NO_DATA_COMES = {
    "DatabaseConnections": ("ignore", "an instance that is down sends nothing: DatabaseSilent tells of that"),
    "DatabaseCpu": ("ignore", "an instance that is down sends nothing: DatabaseSilent tells of that"),
    "DatabaseFreeStorage": ("ignore", "storage that ran out does not come back by silence"),
    "DatabaseSilent": ("breaching", "silence itself is what it watches"),
    "DatabaseUnused": ("breaching", "an instance that sends nothing serves nobody"),
    "DatabaseUserFails": ("notBreaching", "a function that nobody calls cannot fail"),
    "EniTrunkingFails": ("notBreaching", "a function that nobody calls cannot fail"),
    "FirstWebappFails": ("notBreaching", "a function that nobody calls cannot fail"),
    "HostsAboveCap": ("ignore", "a group always sends the number of its hosts"),
    "HostsFails": ("notBreaching", "a function that nobody calls cannot fail"),
    "MastersMissing": ("breaching", "ECS counts no tasks where none runs"),
    "MemoryAtCap": ("ignore", "without hosts nothing is reserved: the alarms on tasks tell of that"),
    "NoHealthyWebapp": ("breaching", "a target group without targets sends nothing"),
    "NoMaster": ("breaching", "ECS counts no tasks where none runs"),
    "ProtectionFails": ("notBreaching", "a function that nobody calls cannot fail"),
    "ShardsAskFails": ("notBreaching", "a function that nobody calls cannot fail"),
    "ShardsReconcileFails": ("notBreaching", "a function that nobody calls cannot fail"),
    "ShardsStepFails": ("notBreaching", "a function that nobody calls cannot fail"),
    "ShardsMissing": ("breaching", "ECS counts no tasks where none runs"),
    "SparesMissing": ("breaching", "ECS counts no tasks where none runs"),
    "UnhealthyWebapps": ("notBreaching", "without targets none is unhealthy: NoHealthyWebapp tells of that"),
    "WebappsMissing": ("breaching", "ECS counts no tasks where none runs"),
}
"""What each alarm makes of a period without data, and why that is right (T-41).

RunningTaskCount is made of events that are not written while no task runs:
https://dev.classmethod.jp/etc/tsnote-container-insights-metrics-missing/
"""

A_TOTAL_LOSS = {
    "webapps": ("NoHealthyWebapp", "HealthyHostCount", 1, 2),
    "all coreapps": ("ShardsMissing", "RunningTaskCount", 2, 2),
    "masters": ("NoMaster", "RunningTaskCount", 1, 2),
    "the database": ("DatabaseSilent", "CPUUtilization", 1, 5),
    "the way to the database": ("DatabaseUnused", "DatabaseConnections", 1, 5),
}
"""What can be lost as a whole, and the alarm that tells of it: its metric, its threshold and its minutes."""


def alarm_id(name: str) -> str:
    """Return an alarm's construct id, which stands in its logical id."""
    found = re.fullmatch(r"\w+/Alarms(\w+)[0-9A-F]{8}", name)
    assert found, name
    return found[1]


def minutes_of(alarm: dict[str, Any]) -> int:
    """Return for how long the metric must be beyond the threshold."""
    read = [metric["MetricStat"] for metric in alarm.get("Metrics", []) if "MetricStat" in metric] or [alarm]
    (seconds,) = {each["Period"] for each in read}
    return int(alarm["EvaluationPeriods"]) * int(seconds) // 60


def test_every_alarm_has_decided_what_silence_means(synth: Synth) -> None:
    made = synth(manage_shards="true")
    assert {
        alarm_id(name): alarm["Properties"]["TreatMissingData"]
        for name, alarm in made.of("AWS::CloudWatch::Alarm").items()
    } == {name: treated for name, (treated, _) in WHEN_NO_DATA_COMES.items()}


@pytest.mark.parametrize("context", [{"manage_shards": "true"}, {"deployment": "local"}], ids=str)
def test_every_function_of_ours_is_watched(synth: Synth, context: dict[str, Any]) -> None:
    made = synth(**context)
    watched = {
        dimension["Value"]["Ref"]
        for alarm in made.functions.of("AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Properties"]["Dimensions"]
        if alarm["Properties"]["MetricName"] == "Errors"
    }
    functions = made.functions.of("AWS::Lambda::Function").items()
    assert watched == {name for name, body in functions if body["Properties"]["Handler"].startswith("functions.")}


@pytest.mark.parametrize("lost", A_TOTAL_LOSS)
def test_no_total_loss_is_silent(production: Assembly, lost: str) -> None:
    name, metric, threshold, minutes = A_TOTAL_LOSS[lost]
    (alarm,) = [
        body["Properties"] for path, body in production.of("AWS::CloudWatch::Alarm").items() if alarm_id(path) == name
    ]
    assert metric in json.dumps(alarm)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", threshold)
    assert alarm["TreatMissingData"] == "breaching"
    assert minutes_of(alarm) == minutes


def test_an_alarm_that_waits_for_tasks_is_made_after_its_service(production: Assembly) -> None:
    """Otherwise each first deployment would wake somebody."""
    for name, role in {"NoHealthyWebapp": "Webapp", "DatabaseUnused": "Coreapp"}.items():
        (alarm,) = production.enterprise.of("AWS::CloudWatch::Alarm", name)
        (service,) = production.enterprise.of("AWS::ECS::Service", role)
        assert service in production.enterprise.waits_for(alarm)


def test_every_alarm_speaks_when_it_fires_and_when_all_is_well(production: Assembly) -> None:
    alarms = production.of("AWS::CloudWatch::Alarm")
    assert len(alarms) >= 7
    for name, body in alarms.items():
        properties = body["Properties"]
        assert "Topic" in str(properties["AlarmActions"]), name
        assert properties["AlarmActions"] == properties["OKActions"], name


MINUTES = {"two minutes": 2, "five minutes": 5, "ten minutes": 10, "15 minutes": 15, "30 minutes": 30}
DIRECTIONS = {
    "GreaterThanThreshold": r"\bover\b|\bA\b.* has (?:not|failed)\b",
    "LessThanThreshold": r"\b(fewer|less) than\b",
}
PLACES = ("events", "log", "Database Insights")
"""Where the reader of an alarm can look, beside the settings that can be changed."""
NUMBERED = ("error 1040", "M-6", "M-21")
"""Names with a figure in them: MySQL's error for too many connections, and a citation."""


def shown(alarm: dict[str, Any]) -> str:
    """Return an alarm's threshold as a person writes it: bytes in GiB, and the first one of what must be none."""
    threshold = float(alarm["Threshold"])
    if threshold == 0:
        return "A"
    return f"{threshold / 2**30:g} GiB" if alarm.get("MetricName") == "FreeStorageSpace" else f"{threshold:g}"


def faults(alarm: dict[str, Any], plan: Plan) -> list[str]:
    """Return what an alarm's description says wrongly or leaves out, for the person who is woken by it.

    Args:
        alarm: The properties in the template.
        plan: Its figures may be named too.
    """
    text, threshold = alarm["AlarmDescription"], shown(alarm)
    # "Condition: what to do." or "Condition: what it means. What to do."
    condition, *_, action = (
        re.split(r"(?:: |\. )", text.removesuffix(".")) if re.search(r": |\. ", text) else (text, "")
    )
    duration = next((minutes for name, minutes in MINUTES.items() if name in text), minutes_of(alarm))
    left = text
    for name in (*NUMBERED, *MINUTES):
        left = left.replace(name, "")
    figures = set(re.findall(r"\d+", left))
    allowed = {threshold.removesuffix(" GiB"), str(plan.database.max_connections), str(plan.hosts.maximum)}
    names = [*Settings.model_fields, *PLACES]
    found = {
        "does not end in one full stop": not re.fullmatch(r".*[^.]\.", text),
        f"does not name its threshold, {threshold}": not re.search(rf"\b{threshold}\b", condition),
        "does not say whether more or less is bad": not re.search(
            DIRECTIONS[alarm["ComparisonOperator"]], condition, re.IGNORECASE
        ),
        "names another duration than its own": duration != minutes_of(alarm),
        f"names figures that are not its own: {figures - allowed}": bool(figures - allowed),
        "does not end with what to do": not re.match(r"(choose|raise|look|see) ", action, re.IGNORECASE),
        "says what to do, but not where": not any(re.search(rf"\b{name}\b", action) for name in names),
    }
    return [fault for fault, there in found.items() if there]


@pytest.mark.parametrize("context", [{"active_coreapps": 32}, {"manage_shards": "true"}], ids=str)
def test_every_alarm_says_what_is_wrong_with_its_own_figures_and_what_to_do(
    synth: Synth, context: dict[str, Any]
) -> None:
    made = synth(**context)
    alarms = made.of("AWS::CloudWatch::Alarm")
    wrong = {name: faults(body["Properties"], made.plan) for name, body in alarms.items()}
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize(
    ("description", "fault"),
    [
        ("The CPU is so busy that somebody should really have a close look at it some time soon.", "threshold"),
        ("The CPU has been over 90 % for 15 minutes: look for the query in Database Insights.", "threshold"),
        ("The CPU has been under 80 % for 15 minutes: look for the query in Database Insights.", "more or less"),
        ("The CPU has been over 80 % for five minutes: look for the query in Database Insights.", "duration"),
        ("The CPU has been over 80 % of 64 for 15 minutes: look for the query in Database Insights.", "figures"),
        ("The CPU has been over 80 % for 15 minutes: the whole database is slow.", "what to do"),
        ("The CPU has been over 80 % for 15 minutes: look for it.", "where"),
        ("The CPU has been over 80 % for 15 minutes", "what to do"),
    ],
)
def test_a_description_that_does_not_help_is_found(production: Assembly, description: str, fault: str) -> None:
    alarm = {
        "Threshold": 80,
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 15,
        "Period": 60,
    }
    assert any(fault in found for found in faults({**alarm, "AlarmDescription": description}, production.plan))


@pytest.mark.parametrize(("context", "addresses"), [({}, 0), ({"alarm_email": "ops@example.com"}, 2)])
def test_an_address_hears_both_topics_when_it_is_given(synth: Synth, context: dict[str, Any], addresses: int) -> None:
    found = synth(**context).of("AWS::SNS::Subscription").values()
    assert [item["Properties"]["Endpoint"] for item in found] == ["ops@example.com"] * addresses


@pytest.mark.parametrize("active", [1, 8, 32])
def test_the_dashboard_is_json_that_draws_the_plan(synth: Synth, active: int) -> None:
    made = synth(active_coreapps=active)
    widgets = resolved(made.enterprise.one("AWS::CloudWatch::Dashboard")["DashboardBody"])["widgets"]
    graphs = {item["properties"]["title"]: item["properties"] for item in widgets if item["type"] == "metric"}
    drawn = {line["label"]: line["value"] for line in graphs["Coreapps"]["annotations"]["horizontal"]}
    assert drawn == {"shards": active, "shards + spares": made.plan.coreapps}
    (cap,) = graphs["Hosts"]["annotations"]["horizontal"]
    assert cap["value"] == made.plan.hosts.maximum
    assert all(properties["metrics"] for properties in graphs.values())
    for item in widgets:
        assert item["x"] >= 0
        assert item["x"] + item["width"] <= 24


def test_the_outputs_say_where_the_api_is_and_what_to_set(production: Assembly) -> None:
    outputs = production.enterprise.body["Outputs"]
    assert outputs["Endpoint"]["Value"]["Fn::Join"][1][0] == "https://"
    assert "DNSName" in str(outputs["Endpoint"]["Value"])
    assert outputs["ShardCount"]["Value"] == "2"
    assert "FleetCluster" in str(outputs["ClusterName"]["Value"])
