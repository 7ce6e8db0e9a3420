"""The handlers find secret, authority, endpoint and service from their properties alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from functions.deadline import Deadline
from functions.errors import Refusal
from functions.shards import dependencies, handler
from functions.shards.dependencies import Dependencies, complete_from_stack, open_cluster
from functions.shards.reconcile import converge

from .conftest import PACE, Stack, confirmed_secret


@pytest.fixture
def properties(aws: None, stack: Stack) -> dict[str, str]:
    boto3.client("secretsmanager").create_secret(Name="account", SecretString=confirmed_secret())
    pem = Path(stack.standin.ca_file).read_text()
    boto3.client("ssm").put_parameter(Name="/wa/client-ca", Value=pem, Type="String")
    return {
        "Place": "after",
        "Shards": "2",
        "Endpoint": stack.standin.url,
        "SecretArn": "account",
        "CaParameterName": "/wa/client-ca",
    }


def test_secret_and_authority_are_read_from_aws(properties: dict[str, str]) -> None:
    seen = open_cluster(properties, PACE).observe(Deadline.after(60))
    assert (seen.shards, seen.coreapps, seen.missing()) == (2, 3, None)


def test_the_handlers_run_on_their_own(properties: dict[str, str]) -> None:
    event = {"RequestType": "Create", "LogicalResourceId": "Shards", "ResourceProperties": properties}
    asked = handler.on_event(event, None)
    assert asked["Floor"] == 2
    assert handler.is_complete(event | asked, None) == {"IsComplete": True}
    assert handler.on_event(event | {"RequestType": "Delete"}, None) == {}


def test_coreapps_of_the_clients_list_that_ecs_does_not_run_are_not_counted(properties: dict[str, str]) -> None:
    boto3.client("ecs").create_cluster(clusterName="wa")
    boto3.client("ecs").register_task_definition(
        family="coreapp", containerDefinitions=[{"name": "coreapp", "image": "i", "memory": 128}]
    )
    boto3.client("ecs").create_service(cluster="wa", serviceName="coreapp", taskDefinition="coreapp", desiredCount=3)
    # moto starts no tasks, so none of the three coreapps in the client's own list counts.
    assert open_cluster(properties, PACE).observe(Deadline.after(60)).coreapps == 3
    cluster = open_cluster(properties | {"ClusterName": "wa", "ServiceName": "coreapp"}, PACE)
    assert cluster.observe(Deadline.after(60)).coreapps == 0


class Stacks:
    def __init__(self, **changed: str) -> None:
        outputs = {"Endpoint": "https://nlb", "ClusterName": "c", "CoreappService": "s", "ShardCount": "2"} | changed
        self._outputs = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items() if value]

    def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "Outputs": self._outputs}]}


def test_the_reconciler_finds_everything_in_the_stacks_outputs(
    properties: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # moto makes no stacks without packages of its own, so this one answer of CloudFormation is written down.
    stacks = Stacks(Endpoint=properties.pop("Endpoint"), CoreappService="")
    monkeypatch.setattr(dependencies, "cloudformation", lambda: stacks)
    event = {**properties, "StackName": "wa-enterprise"}
    assert converge(event, Dependencies(open_cluster, lambda: stacks)) == {"Outcome": "2 shards are set, as declared"}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"Endpoint": "https://mine"}, {"Endpoint": "https://mine"}),
        (
            {"StackName": "wa", "Endpoint": "https://mine"},
            {"StackName": "wa", "Endpoint": "https://mine", "ClusterName": "c", "ServiceName": "s"},
        ),
        (
            {"StackName": "wa", "Endpoint": ""},
            {"StackName": "wa", "Endpoint": "https://nlb", "ClusterName": "c", "ServiceName": "s"},
        ),
    ],
)
def test_what_is_given_comes_before_what_the_stack_says(given: dict[str, str], found: dict[str, str]) -> None:
    assert complete_from_stack(given, Stacks) == found


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"Shards": "3"}, "Property Shards: '3' was given; allowed are 1, 2, 4, 8, 16, 32."),
        ({"Place": "beside"}, "Property Place: 'beside' was given; allowed are 'before' and 'after'."),
        ({"SecretArn": ""}, "Property SecretArn is missing."),
        ({"Endpoint": "http://wa"}, "https://<host> or https://<host>:<port> is needed."),
        ({"CertificateMaxAgeDays": "a month"}, "Property CertificateMaxAgeDays: 'a month' was given"),
    ],
)
def test_a_property_that_cannot_work_is_refused_by_name(
    properties: dict[str, str], changed: dict[str, str], error: str
) -> None:
    event = {"RequestType": "Create", "ResourceProperties": properties | changed}
    with pytest.raises(Refusal) as caught:
        handler.on_event(event, None)
    assert error in str(caught.value)
