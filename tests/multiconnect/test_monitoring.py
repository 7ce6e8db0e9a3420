"""Alarms that reach somebody, and a dashboard that CloudWatch can read."""

import json
from typing import Any

import pytest

from tests.assembly import Assembly
from tests.conftest import Synth


def resolved(body: dict[str, Any] | str) -> Any:
    """Return a dashboard's JSON with a word in the place of each value that only a deploy knows."""
    if isinstance(body, str):
        return json.loads(body)
    return json.loads("".join(part if isinstance(part, str) else "token" for part in body["Fn::Join"][1]))


def test_every_alarm_speaks_when_it_fires_and_when_all_is_well(production: Assembly) -> None:
    alarms = production.of("AWS::CloudWatch::Alarm")
    assert len(alarms) >= 7
    for name, body in alarms.items():
        properties = body["Properties"]
        assert "Topic" in str(properties["AlarmActions"]), name
        assert properties["AlarmActions"] == properties["OKActions"], name
        assert len(properties["AlarmDescription"].split()) >= 8, "tells the reader what it means"


def test_topics_are_encrypted_with_a_key_that_alarms_may_use(production: Assembly) -> None:
    topics = production.of("AWS::SNS::Topic")
    assert len(topics) == 2
    for name, body in topics.items():
        key = body["Properties"]["KmsMasterKeyId"]["Fn::GetAtt"][0]
        template = production.templates[name.partition("/")[0]]
        policy = template.resources[key]["Properties"]["KeyPolicy"]["Statement"]
        (statement,) = [item for item in policy if item["Principal"].get("Service") == "cloudwatch.amazonaws.com"]
        assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}


def test_topics_refuse_publishers_without_tls(production: Assembly) -> None:
    for body in production.of("AWS::SNS::TopicPolicy").values():
        (statement,) = body["Properties"]["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Condition"]["Bool"]["aws:SecureTransport"]) == ("Deny", "false")


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
