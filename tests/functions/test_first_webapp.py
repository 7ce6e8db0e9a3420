"""One webapp runs before all the others, is healthy, and is stopped again."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.aws import NEW_RIGHT_SECONDS
from functions.custom_resource import NEVER_CREATED, custom_resource
from functions.first_webapp.handler import STARTED_BY, FirstWebapp
from standin.clock import Clock

from .conftest import Context, ResponseUrl

PROPERTIES = {
    "ClusterName": "hosts",
    "TaskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/webapp:3",
    "CapacityProvider": "provider",
    "SubnetIds": "subnet-1,subnet-2",
    "SecurityGroupId": "sg-1",
    "HealthChecked": "true",
}
FUNCTION_SECONDS = 900


class Ecs:
    """ECS as this function sees it: a started task goes through the states that the test gives, one at each look."""

    def __init__(self, *states: tuple[str, str]) -> None:
        self.states = list(states)
        self.tasks: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.before_start: Callable[[], None] = lambda: None
        self.failures: list[dict[str, str]] = []

    def run_task(self, **asked: Any) -> dict[str, Any]:
        self.before_start()
        self.asked.append(asked)
        if self.failures:
            return {"tasks": [], "failures": [self.failures.pop(0)]}
        arn = f"task-{len(self.tasks)}"
        self.tasks[arn] = {"taskArn": arn, "lastStatus": "PROVISIONING", "desiredStatus": "RUNNING"}
        return {"tasks": [self.tasks[arn]], "failures": []}

    def list_tasks(self, *, cluster: str, startedBy: str, desiredStatus: str) -> dict[str, Any]:
        assert (cluster, startedBy) == ("hosts", STARTED_BY)
        return {"taskArns": [arn for arn, task in self.tasks.items() if task["desiredStatus"] == desiredStatus]}

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        for arn in tasks:
            if self.states:
                status, health = self.states.pop(0)
                self.tasks[arn] |= {"lastStatus": status, "healthStatus": health}
                if status == "STOPPED":
                    self.tasks[arn]["desiredStatus"] = "STOPPED"
        return {"tasks": [self.tasks[arn] for arn in tasks]}

    def stop_task(self, *, cluster: str, task: str, reason: str) -> dict[str, Any]:
        self.tasks[task]["desiredStatus"] = "STOPPED"
        return {}

    @property
    def running(self) -> list[str]:
        return [arn for arn, task in self.tasks.items() if task["desiredStatus"] == "RUNNING"]


def denied() -> None:
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not yet"}}, "RunTask")


def call(response_url: ResponseUrl, clock: Clock, ecs: Ecs, kind: str = "Create", **more: Any) -> dict[str, Any]:
    context = Context(seconds=FUNCTION_SECONDS, now=clock.now)
    properties = more.pop("properties", PROPERTIES)
    custom_resource(lambda: FirstWebapp(ecs))(response_url.event(kind, properties, **more), context)
    return response_url.answers[-1]


def test_one_webapp_runs_until_it_is_healthy_and_is_stopped(response_url: ResponseUrl, clock: Clock) -> None:
    ecs = Ecs(("PENDING", "UNKNOWN"), ("RUNNING", "UNKNOWN"), ("RUNNING", "UNHEALTHY"), ("RUNNING", "HEALTHY"))
    answer = call(response_url, clock, ecs)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "hosts/first-webapp")
    assert len(ecs.asked) == 1
    assert not ecs.running
    assert not ecs.states, "it answered before the webapp was healthy"
    assert ecs.asked[0]["taskDefinition"] == PROPERTIES["TaskDefinitionArn"]
    assert ecs.asked[0]["networkConfiguration"] == {
        "awsvpcConfiguration": {"subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"]}
    }


def test_a_webapp_that_ends_is_started_again(response_url: ResponseUrl, clock: Clock) -> None:
    ecs = Ecs(("RUNNING", "UNKNOWN"), ("STOPPED", "UNKNOWN"), ("RUNNING", "HEALTHY"))
    assert call(response_url, clock, ecs)["Status"] == "SUCCESS"
    assert (len(ecs.asked), ecs.running) == (2, [])


def test_a_repeated_call_takes_the_webapp_that_runs(response_url: ResponseUrl, clock: Clock) -> None:
    ecs = Ecs(("RUNNING", "HEALTHY"))
    ecs.tasks["task-of-the-first-call"] = {"lastStatus": "RUNNING", "desiredStatus": "RUNNING"}
    assert call(response_url, clock, ecs)["Status"] == "SUCCESS"
    assert (ecs.asked, ecs.running) == ([], [])


def test_a_right_that_does_not_count_yet_is_waited_for(response_url: ResponseUrl, clock: Clock) -> None:
    ecs = Ecs(("RUNNING", "HEALTHY"))
    started = clock.now()
    ecs.before_start = lambda: denied() if clock.now() < started + 60 else None
    assert call(response_url, clock, ecs)["Status"] == "SUCCESS"


def test_a_right_that_is_missing_is_told(response_url: ResponseUrl, clock: Clock) -> None:
    ecs = Ecs()
    ecs.before_start = denied
    started = clock.now()
    answer = call(response_url, clock, ecs)
    assert answer["Status"] == "FAILED"
    assert "AWS answered AccessDeniedException to RunTask." in answer["Reason"]
    assert clock.now() - started < NEW_RIGHT_SECONDS + 10


def test_hosts_that_are_not_there_yet_are_waited_for(response_url: ResponseUrl, clock: Clock) -> None:
    ecs = Ecs(("RUNNING", "HEALTHY"))
    ecs.failures = [{"reason": "RESOURCE:MEMORY"}] * 3
    assert call(response_url, clock, ecs)["Status"] == "SUCCESS"
    assert len(ecs.asked) == 4


def test_a_webapp_that_is_never_healthy_fails_in_time_and_runs_no_longer(
    response_url: ResponseUrl, clock: Clock
) -> None:
    ecs = Ecs(*[("RUNNING", "UNHEALTHY")] * FUNCTION_SECONDS)
    started = clock.now()
    answer = call(response_url, clock, ecs)
    assert answer["Status"] == "FAILED"
    assert "The first webapp did not become healthy: UNHEALTHY." in answer["Reason"]
    assert clock.now() - started < FUNCTION_SECONDS
    assert not ecs.running


def test_without_a_health_check_a_webapp_that_runs_is_enough(response_url: ResponseUrl, clock: Clock) -> None:
    ecs = Ecs(("PENDING", "UNKNOWN"), ("RUNNING", "UNKNOWN"))
    answer = call(response_url, clock, ecs, properties=PROPERTIES | {"HealthChecked": "false"})
    assert (answer["Status"], ecs.states, ecs.running) == ("SUCCESS", [], [])


def test_an_update_runs_nothing(response_url: ResponseUrl, clock: Clock) -> None:
    ecs = Ecs()
    answer = call(response_url, clock, ecs, "Update", PhysicalResourceId="hosts/first-webapp")
    assert (answer["Status"], answer["PhysicalResourceId"], ecs.asked) == ("SUCCESS", "hosts/first-webapp", [])


def test_a_delete_stops_what_an_interrupted_create_left(response_url: ResponseUrl, clock: Clock) -> None:
    ecs = Ecs()
    ecs.tasks["task-0"] = {"lastStatus": "RUNNING", "desiredStatus": "RUNNING"}
    assert call(response_url, clock, ecs, "Delete", PhysicalResourceId="hosts/first-webapp")["Status"] == "SUCCESS"
    assert not ecs.running


def test_a_delete_is_not_stopped_by_a_cluster_that_is_gone(response_url: ResponseUrl, clock: Clock) -> None:
    class NoCluster(Ecs):
        def list_tasks(self, **_: Any) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "ClusterNotFoundException", "Message": ""}}, "ListTasks")

    answer = call(response_url, clock, NoCluster(), "Delete", PhysicalResourceId="hosts/first-webapp")
    assert answer["Status"] == "SUCCESS"


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_missing_property_is_refused_and_leaves_nothing(response_url: ResponseUrl, clock: Clock, name: str) -> None:
    ecs = Ecs(("RUNNING", "HEALTHY"))
    answer = call(response_url, clock, ecs, properties=PROPERTIES | {name: ""})
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", NEVER_CREATED)
    assert f"Property {name}:" in answer["Reason"]
    assert not ecs.asked
