"""HostsBefore lowers services before the cap falls, and puts them back in a rollback (D-12)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from functions.custom_resource import custom_resource
from functions.hosts.after import After
from functions.hosts.before import Before
from functions.hosts.handler import Hosts
from standin.clock import Clock
from tests.functions.conftest import Context, ResponseUrl

from .conftest import Modelled

OUTPUTS = {"WebappService": "webapp", "CoreappService": "coreapp", "MasterService": "master"}
EIGHT = {"WebappTasks": "3", "CoreappTasks": "9", "MasterTasks": "3"}
TWO = {"WebappTasks": "3", "CoreappTasks": "3", "MasterTasks": "3"}
CLUSTER = {"Place": "before", "ClusterName": "cluster"}


@dataclass
class Account:
    """CloudFormation and ECS: a stack with three services, whose tasks stop one at each look."""

    status: str = "UPDATE_IN_PROGRESS"
    outputs: dict[str, str] = field(default_factory=lambda: dict(OUTPUTS))
    desired: dict[str, int] = field(default_factory=lambda: {"webapp": 3, "coreapp": 9, "master": 3})
    tasks: dict[str, int] = field(default_factory=lambda: {"webapp": 3, "coreapp": 9, "master": 3})
    stuck: bool = False
    calls: list[tuple[str, int]] = field(default_factory=list)
    on_look: Callable[[], None] = lambda: None

    def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:
        assert StackName.startswith("arn:aws:cloudformation:")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {"Stacks": [{"StackStatus": self.status, "Outputs": outputs}]}

    def describe_services(self, *, cluster: str, services: list[str]) -> Mapping[str, Any]:
        assert cluster == "cluster"
        self.on_look()
        for name, desired in self.desired.items():
            if not self.stuck and self.tasks[name] > desired:
                self.tasks[name] -= 1
        found = [
            {
                "serviceName": name,
                "desiredCount": self.desired[name],
                "runningCount": self.tasks[name] - 1,
                "pendingCount": 1,
            }
            for name in services
            if name in self.desired
        ]
        return {"services": found}

    def update_service(self, *, cluster: str, service: str, desiredCount: int) -> Mapping[str, Any]:
        assert cluster == "cluster"
        self.calls.append((service, desiredCount))
        self.desired[service] = desiredCount
        return {}


Call = Callable[..., dict[str, Any]]


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def call(response_url: ResponseUrl, account: Account, clock: Clock) -> Call:
    def call(kind: str, new: dict[str, str], old: dict[str, str] | None = None) -> dict[str, Any]:
        ecs: Any = Modelled("ecs", account)
        scaling: Any = Modelled("autoscaling", account)
        handler = custom_resource(lambda: Hosts(Before(ecs, account), After(scaling, ecs, account)))
        more = {"OldResourceProperties": CLUSTER | old, "PhysicalResourceId": "cluster-before"} if old else {}
        handler(response_url.event(kind, CLUSTER | new, **more), Context(seconds=900, now=clock.now))
        return response_url.answers[-1]

    return call


def test_a_shrink_lowers_the_service_and_waits_until_its_tasks_are_gone(call: Call, account: Account) -> None:
    assert call("Update", TWO, EIGHT)["Status"] == "SUCCESS"
    assert account.calls == [("coreapp", 3)]
    assert account.tasks == {"webapp": 3, "coreapp": 3, "master": 3}


def test_all_services_that_are_declared_smaller_are_lowered_together(call: Call, account: Account) -> None:
    assert call("Update", {"WebappTasks": "2", "CoreappTasks": "3", "MasterTasks": "2"}, EIGHT)["Status"] == "SUCCESS"
    assert account.calls == [("webapp", 2), ("coreapp", 3), ("master", 2)]


def test_a_raise_is_left_to_the_services(call: Call, account: Account) -> None:
    account.desired = {"webapp": 3, "coreapp": 3, "master": 3}
    assert call("Update", EIGHT, TWO)["Status"] == "SUCCESS"
    assert account.calls == []


def test_one_that_grows_is_left_alone_while_another_shrinks(call: Call, account: Account) -> None:
    assert call("Update", {**TWO, "WebappTasks": "5"}, EIGHT)["Status"] == "SUCCESS"
    assert account.calls == [("coreapp", 3)]


def test_nothing_is_asked_when_no_number_changes(call: Call, account: Account) -> None:
    account.outputs = {}
    assert call("Update", EIGHT, EIGHT)["Status"] == "SUCCESS"
    assert account.calls == []


@pytest.mark.parametrize("kind", ["Create", "Delete"])
def test_a_create_and_a_delete_do_nothing(call: Call, account: Account, kind: str) -> None:
    account.outputs = {}
    answer = call(kind, EIGHT)
    assert answer["Status"] == "SUCCESS"
    assert account.calls == []


def test_the_rollback_of_a_shrink_puts_the_count_back_and_does_not_wait(
    call: Call, account: Account, clock: Clock
) -> None:
    account.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    account.desired["coreapp"] = account.tasks["coreapp"] = 3
    before = clock.now()
    assert call("Update", EIGHT, TWO)["Status"] == "SUCCESS"
    assert account.calls == [("coreapp", 9)]
    assert clock.now() == before


def test_the_rollback_of_a_raise_lowers_and_waits_as_a_shrink_does(call: Call, account: Account) -> None:
    account.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert call("Update", TWO, EIGHT)["Status"] == "SUCCESS"
    assert account.calls == [("coreapp", 3)]
    assert account.tasks["coreapp"] == 3


def test_tasks_that_do_not_stop_fail_a_deploy_and_the_count_is_put_back_first(call: Call, account: Account) -> None:
    account.stuck = True
    answer = call("Update", TWO, EIGHT)
    assert answer["Status"] == "FAILED"
    assert account.calls == [("coreapp", 3), ("coreapp", 9)]
    assert "coreapp runs 9 tasks, 3 are declared. The counts are put back" in answer["Reason"]


def test_tasks_that_do_not_stop_fail_no_rollback(call: Call, account: Account) -> None:
    account.status, account.stuck = "UPDATE_ROLLBACK_IN_PROGRESS", True
    assert call("Update", TWO, EIGHT)["Status"] == "SUCCESS"
    assert account.calls == [("coreapp", 3)]


def test_a_service_that_somebody_raises_meanwhile_is_lowered_again(call: Call, account: Account) -> None:
    looks = iter(range(100))

    def raise_once() -> None:
        if next(looks) == 2:
            account.desired["coreapp"] = 12

    account.on_look = raise_once
    assert call("Update", TWO, EIGHT)["Status"] == "SUCCESS"
    assert account.calls == [("coreapp", 3), ("coreapp", 3)]


def test_an_update_that_is_cancelled_leaves_the_services_to_its_rollback(call: Call, account: Account) -> None:
    looks = iter(range(100))

    def cancel() -> None:
        if next(looks) == 2:
            account.status, account.desired["coreapp"] = "UPDATE_ROLLBACK_IN_PROGRESS", 9

    account.on_look = cancel
    account.stuck = True
    answer = call("Update", TWO, EIGHT)
    assert answer["Status"] == "FAILED"
    assert "left to its rollback" in answer["Reason"]
    assert account.calls == [("coreapp", 3)], "the 9 that the rollback has set stay"


def test_a_service_that_is_gone_holds_up_nobody(call: Call, account: Account) -> None:
    del account.desired["coreapp"]
    assert call("Update", TWO, EIGHT)["Status"] == "SUCCESS"
    assert account.calls == []


@pytest.mark.parametrize(
    ("new", "outputs", "reason"),
    [
        ({"WebappTasks": "3", "CoreappTasks": "many", "MasterTasks": "3"}, OUTPUTS, "Property CoreappTasks: 'many'"),
        ({"WebappTasks": "3", "CoreappTasks": "٣", "MasterTasks": "3"}, OUTPUTS, "Property CoreappTasks: '٣'"),
        ({"WebappTasks": "3", "MasterTasks": "3"}, OUTPUTS, "Property CoreappTasks: ''"),
        (TWO, {}, "The stack has no output CoreappService"),
    ],
)
def test_what_is_missing_is_named(
    call: Call, account: Account, new: dict[str, str], outputs: dict[str, str], reason: str
) -> None:
    account.outputs = outputs
    answer = call("Update", new, EIGHT)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(reason)
    assert account.calls == []


def test_a_place_that_is_none_is_refused(response_url: ResponseUrl, account: Account) -> None:
    ecs: Any = account
    handler = custom_resource(lambda: Hosts(Before(ecs, account), After(ecs, ecs, account)))
    handler(response_url.event("Create", {"Place": "beside"}), Context())
    assert "Property Place: 'beside' was given; allowed are before and after." in response_url.answers[-1]["Reason"]
