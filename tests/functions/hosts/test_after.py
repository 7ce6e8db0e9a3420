"""HostsAfter renews hosts whose launch template changed, and takes the fleet down before its cluster goes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.custom_resource import custom_resource
from functions.hosts.after import DRAINING_HOOK, REPLACE_SECONDS, After
from functions.hosts.before import Before
from functions.hosts.handler import Hosts
from standin.clock import Clock
from tests.functions.conftest import Context, ResponseUrl

from .conftest import Modelled

ONE = {"Place": "after", "GroupName": "hosts", "ClusterName": "cluster", "LaunchTemplateVersion": "1"}
TWO = ONE | {"LaunchTemplateVersion": "2"}
THREE = ONE | {"LaunchTemplateVersion": "3"}


def refused(operation: str, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


@dataclass
class Account:
    """Auto Scaling, ECS and CloudFormation: one group, whose hosts end one step at each look.

    A host that is to go waits for the hook of managed draining, as one without tasks does for an hour.
    """

    status: str = "UPDATE_IN_PROGRESS"
    size: tuple[int, int, int] | None = (3, 15, 3)
    hosts: dict[str, str] = field(default_factory=lambda: {f"i-{n}": "InService" for n in range(3)})
    versions: dict[str, str] = field(default_factory=lambda: dict.fromkeys(["i-0", "i-1", "i-2"], "1"))
    registered: list[str] = field(default_factory=list)
    refreshing: int = 0
    """How many looks the refresh takes that is under way, once it is cancelled."""
    busy: int = 0
    """How often an update of the size is refused first."""
    stuck: bool = False
    raced: bool = False
    calls: list[str] = field(default_factory=list)

    def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:
        return {"Stacks": [{"StackStatus": self.status}]}

    def suspend_processes(self, *, AutoScalingGroupName: str, ScalingProcesses: list[str]) -> Mapping[str, Any]:
        self.calls.append(f"suspend {', '.join(ScalingProcesses)} of {AutoScalingGroupName}")
        return {}

    def describe_auto_scaling_groups(self, *, AutoScalingGroupNames: list[str]) -> Mapping[str, Any]:
        if self.size is None:
            return {"AutoScalingGroups": []}
        assert AutoScalingGroupNames == ["hosts"]
        going = {"InService": "Terminating:Wait", "Terminating:Proceed": "gone"}
        if self.size[1] == 0 and not self.stuck:
            self.hosts = {name: going.get(state, state) for name, state in self.hosts.items()}
            self.hosts = {name: state for name, state in self.hosts.items() if state != "gone"}
        instances = [
            {"InstanceId": name, "LifecycleState": state, "LaunchTemplate": {"Version": self.versions[name]}}
            for name, state in self.hosts.items()
        ]
        minimum, maximum, desired = self.size
        group = {"MinSize": minimum, "MaxSize": maximum, "DesiredCapacity": desired, "Instances": instances}
        return {"AutoScalingGroups": [{"AutoScalingGroupName": "hosts", **group}]}

    def update_auto_scaling_group(
        self, *, AutoScalingGroupName: str, MinSize: int, MaxSize: int, DesiredCapacity: int
    ) -> Mapping[str, Any]:
        assert AutoScalingGroupName == "hosts"
        if self.busy:
            self.busy -= 1
            raise refused("UpdateAutoScalingGroup", "ScalingActivityInProgress")
        self.calls.append(f"size {MinSize} {MaxSize} {DesiredCapacity}")
        self.size = (MinSize, MaxSize, DesiredCapacity)
        return {}

    def complete_lifecycle_action(
        self, *, LifecycleHookName: str, AutoScalingGroupName: str, LifecycleActionResult: str, InstanceId: str
    ) -> Mapping[str, Any]:
        assert (LifecycleHookName, AutoScalingGroupName, LifecycleActionResult) == (DRAINING_HOOK, "hosts", "CONTINUE")
        assert self.hosts[InstanceId] == "Terminating:Wait"
        self.hosts[InstanceId] = "Terminating:Proceed"
        if self.raced:
            raise refused("CompleteLifecycleAction", "ValidationError")
        self.calls.append(f"let {InstanceId} go")
        return {}

    def start_instance_refresh(
        self, *, AutoScalingGroupName: str, Preferences: Mapping[str, object]
    ) -> Mapping[str, Any]:
        if self.refreshing:
            raise refused("StartInstanceRefresh", "InstanceRefreshInProgress")
        self.calls.append(f"refresh {AutoScalingGroupName}")
        assert (Preferences["MinHealthyPercentage"], Preferences["MaxHealthyPercentage"]) == (100, 110)
        assert Preferences["SkipMatching"] is True
        return {}

    def cancel_instance_refresh(self, *, AutoScalingGroupName: str) -> Mapping[str, Any]:
        self.calls.append(f"cancel refresh of {AutoScalingGroupName}")
        self.refreshing -= 1
        if not self.refreshing:
            raise refused("CancelInstanceRefresh", "ActiveInstanceRefreshNotFound")
        return {}

    def list_container_instances(self, *, cluster: str) -> Mapping[str, Any]:
        assert cluster == "cluster"
        return {"containerInstanceArns": [f"arn:{name}" for name in self.registered]}

    def describe_container_instances(self, *, cluster: str, containerInstances: list[str]) -> Mapping[str, Any]:
        found = [{"containerInstanceArn": arn, "ec2InstanceId": arn.removeprefix("arn:")} for arn in containerInstances]
        return {"containerInstances": found}

    def deregister_container_instance(self, *, cluster: str, containerInstance: str, force: bool) -> Mapping[str, Any]:
        assert force
        self.calls.append(f"deregister {containerInstance}")
        return {}


Call = Callable[..., dict[str, Any]]


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def call(response_url: ResponseUrl, account: Account, clock: Clock) -> Call:
    def call(kind: str, new: dict[str, str], old: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        ecs: Any = Modelled("ecs", account)
        scaling: Any = Modelled("autoscaling", account)
        handler = custom_resource(lambda: Hosts(Before(ecs, account), After(scaling, ecs, account)))
        if kind != "Create":
            more = {"PhysicalResourceId": "hosts"} | more
        if old:
            more["OldResourceProperties"] = old
        handler(response_url.event(kind, new, **more), Context(seconds=900, now=clock.now))
        return response_url.answers[-1]

    return call


SUSPENDED = "suspend AZRebalance of hosts"


def test_the_groups_own_balancing_is_off_from_the_start(call: Call, account: Account) -> None:
    answer = call("Create", ONE)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "hosts")
    assert account.calls == [SUSPENDED]


def test_another_launch_template_starts_a_refresh_and_waits_for_nothing(
    call: Call, account: Account, clock: Clock
) -> None:
    before = clock.now()
    assert call("Update", TWO, ONE)["Status"] == "SUCCESS"
    assert account.calls == [SUSPENDED, "refresh hosts"]
    assert clock.now() == before


def test_the_same_launch_template_starts_none(call: Call, account: Account) -> None:
    assert call("Update", ONE, ONE | {"ClusterName": "other"})["Status"] == "SUCCESS"
    assert account.calls == [SUSPENDED]


def test_a_rollback_starts_one_back_if_hosts_of_the_new_template_run(call: Call, account: Account) -> None:
    account.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert call("Update", THREE, TWO)["Status"] == "SUCCESS"
    assert account.calls == [SUSPENDED]

    account.versions["i-1"] = "2"
    assert call("Update", THREE, TWO)["Status"] == "SUCCESS"
    assert account.calls == [SUSPENDED, SUSPENDED, "refresh hosts"]


def test_a_refresh_that_is_under_way_is_replaced(call: Call, account: Account) -> None:
    account.refreshing = 3
    assert call("Update", TWO, ONE)["Status"] == "SUCCESS"
    assert account.calls == [SUSPENDED, *["cancel refresh of hosts"] * 3, "refresh hosts"]


def test_a_refresh_that_does_not_end_fails_no_deploy(call: Call, account: Account, clock: Clock) -> None:
    account.refreshing = 1000
    before = clock.now()
    assert call("Update", TWO, ONE)["Status"] == "SUCCESS"
    assert "refresh hosts" not in account.calls
    assert clock.now() - before == REPLACE_SECONDS


def test_another_group_is_another_resource(call: Call) -> None:
    answer = call("Update", ONE | {"GroupName": "others"}, ONE)
    assert answer["PhysicalResourceId"] == "others"


def test_a_delete_takes_the_group_to_nothing_and_waits_for_the_last_host(call: Call, account: Account) -> None:
    assert call("Delete", ONE)["Status"] == "SUCCESS"
    assert account.calls == ["size 0 0 0", "let i-0 go", "let i-1 go", "let i-2 go"]
    assert account.hosts == {}


def test_a_size_that_cannot_be_changed_yet_is_tried_again(call: Call, account: Account) -> None:
    account.busy = 2
    assert call("Delete", ONE)["Status"] == "SUCCESS"
    assert account.calls[0] == "size 0 0 0"
    assert account.hosts == {}


def test_a_host_that_ecs_lets_go_at_the_same_moment_is_no_error(call: Call, account: Account) -> None:
    account.raced = True
    assert call("Delete", ONE)["Status"] == "SUCCESS"
    assert account.hosts == {}


def test_a_group_that_is_gone_is_no_error(call: Call, account: Account) -> None:
    account.size = None
    assert call("Delete", ONE)["Status"] == "SUCCESS"
    assert account.calls == []


def test_hosts_that_do_not_end_are_named(call: Call, account: Account, clock: Clock) -> None:
    account.stuck = True
    before = clock.now()
    answer = call("Delete", ONE)
    assert answer["Status"] == "FAILED"
    assert "3 hosts of hosts did not end: i-0, i-1, i-2. Terminate them in EC2" in answer["Reason"]
    assert 800 < clock.now() - before < 900


def test_what_a_dead_agent_left_in_the_cluster_is_taken_out_and_no_host_of_another_group(
    call: Call, account: Account
) -> None:
    account.registered = ["i-1", "i-another-groups"]
    assert call("Delete", ONE)["Status"] == "SUCCESS"
    assert account.calls[-1] == "deregister arn:i-1"
    assert not any("another" in made for made in account.calls)


def test_a_refusal_by_aws_names_code_and_operation(
    call: Call, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise refused("StartInstanceRefresh", "AccessDenied")

    monkeypatch.setattr(account, "start_instance_refresh", refuse)
    answer = call("Update", TWO, ONE)
    assert answer["Status"] == "FAILED"
    assert "AWS answered AccessDenied to StartInstanceRefresh." in answer["Reason"]
