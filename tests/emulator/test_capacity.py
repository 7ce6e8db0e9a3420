"""Hosts and tasks on the target: placed, scaled, drained, protected, renewed, as AWS does it, in simulated time."""

import json
import secrets
import urllib.error
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from emulator import report, target
from tests.emulator.templates import Resource, ref, resource, tasks_on_hosts

OUTPUTS = {"Cluster": ref("Cluster"), "Hosts": ref("Hosts"), "Service": ref("Service"), "Provider": ref("Provider")}
HOUR, DAY = 3600.0, 86_400.0
PROTECTED = "Could not scale to desired capacity because all remaining instances are protected from scale-in."
HELD = "The Cluster cannot be deleted while Container Instances are active or draining."

Settle = Callable[[target.Target, str], dict[str, Any]]


@cache
def client(running: target.Target, service: str) -> Any:
    return running.client(service)


@dataclass
class Deployment:
    """One stack with hosts and tasks on the target, and what a person asks of it."""

    running: target.Target
    settle: Settle
    name: str
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def ecs(self) -> Any:
        return client(self.running, "ecs")

    @property
    def scaling(self) -> Any:
        return client(self.running, "autoscaling")

    @property
    def stacks(self) -> Any:
        return client(self.running, "cloudformation")

    def apply(self, more: dict[str, Resource] | None = None, **template: Any) -> dict[str, Any]:
        """Create or update the stack; the arguments are those of `tasks_on_hosts`."""
        body = {
            "Resources": tasks_on_hosts(**template) | (more or {}),
            "Outputs": {key: {"Value": value} for key, value in OUTPUTS.items()},
        }
        act = self.stacks.update_stack if self.outputs else self.stacks.create_stack
        act(StackName=self.name, TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_IAM"])
        stack = self.settle(self.running, self.name)
        self.outputs = stack["Outputs"]
        return stack

    def delete(self) -> str:
        """Delete the stack; return the status that it ends in."""
        (stack,) = self.stacks.describe_stacks(StackName=self.name)["Stacks"]
        self.stacks.delete_stack(StackName=self.name)
        return self.settle(self.running, stack["StackId"])["StackStatus"]

    def failures(self) -> list[str]:
        return report.failures(self.running, self.name)

    def group(self) -> dict[str, Any]:
        self.running.capacity()  # lets hosts and tasks come to rest
        named = [self.outputs["Hosts"]]
        return self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=named)["AutoScalingGroups"][0]

    def hosts(self) -> list[dict[str, Any]]:
        """Return the container instances."""
        self.running.capacity()
        here = {"cluster": self.outputs["Cluster"]}
        arns = self.ecs.list_container_instances(**here)["containerInstanceArns"]
        if not arns:
            return []
        return self.ecs.describe_container_instances(**here, containerInstances=arns)["containerInstances"]

    def tasks(self) -> list[dict[str, Any]]:
        here = {"cluster": self.outputs["Cluster"]}
        return self.ecs.describe_tasks(**here, tasks=self.ecs.list_tasks(**here)["taskArns"])["tasks"]

    def service(self) -> dict[str, Any]:
        self.running.capacity()
        named = {"cluster": self.outputs["Cluster"], "services": [self.outputs["Service"]]}
        return self.ecs.describe_services(**named)["services"][0]

    def want(self, tasks: int) -> None:
        """Change the service's desired count through ECS."""
        self.ecs.update_service(cluster=self.outputs["Cluster"], service=self.outputs["Service"], desiredCount=tasks)

    def unprotect(self) -> None:
        ids = [each["InstanceId"] for each in self.group()["Instances"]]
        if ids:
            name = self.outputs["Hosts"]
            self.scaling.set_instance_protection(AutoScalingGroupName=name, InstanceIds=ids, ProtectedFromScaleIn=False)

    def broken(self) -> list[tuple[int, int]]:
        """Return needed and serving hosts of each moment at which running tasks needed more hosts than served.

        It lets hosts and tasks come to rest first.
        """
        return [(each["needed"], each["serving"]) for each in self._moments()]

    def over_cap(self) -> list[int]:
        """Return for each of these moments how many more hosts were needed than the group may have."""
        return [each["over_cap"] for each in self._moments()]

    def _moments(self) -> list[dict[str, Any]]:
        return [each for each in self.running.capacity()["moments"] if each["cluster"] == self.outputs["Cluster"]]


@pytest.fixture
def deployment(running: target.Target, settle: Settle) -> Iterator[Deployment]:
    found = Deployment(running, settle, f"fleet-{secrets.token_hex(4)}")
    yield found
    running.set_capacity(rollback_order="dependency")
    if found.name in {stack["StackName"] for stack in found.stacks.describe_stacks()["Stacks"]}:
        if found.outputs:
            found.unprotect()
        found.delete()


def seconds(running: target.Target) -> float:
    return running.capacity()["seconds"]


# ---- placement and scaling ----


def test_hosts_come_for_the_tasks_that_find_no_room(deployment: Deployment) -> None:
    before = seconds(deployment.running)
    assert deployment.apply(tasks=33, hosts=(1, 15))["StackStatus"] == "CREATE_COMPLETE"
    assert seconds(deployment.running) - before < HOUR

    hosts = deployment.hosts()
    assert [host["runningTasksCount"] for host in hosts] == [3] * 11
    (cluster,) = deployment.ecs.describe_clusters(clusters=[deployment.outputs["Cluster"]])["clusters"]
    assert (cluster["registeredContainerInstancesCount"], cluster["runningTasksCount"]) == (11, 33)
    free = {each["name"]: each["integerValue"] for each in hosts[0]["remainingResources"]}
    assert free == {"CPU": 2048, "MEMORY": 8192 * 925 // 1000 - 3 * 2500}
    tasks = deployment.tasks()
    assert Counter(task["containerInstanceArn"] for task in tasks) == {
        host["containerInstanceArn"]: 3 for host in hosts
    }
    assert sorted(Counter(task["availabilityZone"] for task in tasks).values()) == [15, 18]
    group = deployment.group()
    assert (group["MinSize"], group["DesiredCapacity"], group["MaxSize"]) == (1, 11, 15)
    assert deployment.broken() == []


def test_hosts_are_instances_of_ec2(deployment: Deployment) -> None:
    deployment.apply(tasks=3, hosts=(1, 2))
    (host,) = deployment.hosts()
    ec2 = client(deployment.running, "ec2")
    (reservation,) = ec2.describe_instances(InstanceIds=[host["ec2InstanceId"]])["Reservations"]
    (instance,) = reservation["Instances"]
    assert (instance["InstanceType"], instance["State"]["Name"]) == ("m6i.large", "running")
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert tags["aws:autoscaling:groupName"] == deployment.outputs["Hosts"]


def test_tasks_with_an_interface_of_their_own_are_held_by_the_hosts_interfaces(deployment: Deployment) -> None:
    # An m6i.large has three interfaces, one of them its own; with ENI trunking it takes ten tasks.
    small = {"MemoryReservation": 500}
    deployment.apply(tasks=4, hosts=(1, 4), network_mode="awsvpc", container=small)
    assert [host["runningTasksCount"] for host in deployment.hosts()] == [2, 2]

    ecs = deployment.ecs
    ecs.put_account_setting(name="awsvpcTrunking", value="enabled")
    try:
        # Trunking is fixed when a host registers: those that are there keep what they have.
        deployment.apply(tasks=14, hosts=(1, 4), network_mode="awsvpc", container=small)
        assert sorted(host["runningTasksCount"] for host in deployment.hosts()) == [2, 2, 10]
    finally:
        ecs.delete_account_setting(name="awsvpcTrunking")


def test_idle_hosts_go_after_a_quarter_of_an_hour(deployment: Deployment) -> None:
    deployment.apply(tasks=9, hosts=(1, 9))
    before = seconds(deployment.running)
    deployment.apply(tasks=0, hosts=(1, 9))
    assert len(deployment.group()["Instances"]) == 1
    assert 900 < seconds(deployment.running) - before < 1200


def test_a_lost_host_is_replaced_and_so_are_its_tasks(deployment: Deployment) -> None:
    deployment.apply(tasks=6, hosts=(2, 4))
    lost = deployment.hosts()[0]
    client(deployment.running, "ec2").terminate_instances(InstanceIds=[lost["ec2InstanceId"]])
    assert deployment.service()["runningCount"] == 6
    left = {host["ec2InstanceId"]: host["runningTasksCount"] for host in deployment.hosts()}
    assert lost["ec2InstanceId"] not in left
    assert list(left.values()) == [3, 3]
    stopped = deployment.ecs.list_tasks(cluster=deployment.outputs["Cluster"], desiredStatus="STOPPED")["taskArns"]
    assert len(stopped) == 3


def test_a_change_that_finds_no_room_is_taken_back(deployment: Deployment) -> None:
    deployment.apply(tasks=3, hosts=(1, 4))
    before = deployment.service()["taskDefinition"]
    stack = deployment.apply(tasks=3, hosts=(1, 4), container={"MemoryReservation": 9000})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    (why,) = deployment.failures()
    assert why.startswith("Service: ")
    assert "did not stabilize within 3 h" in why
    service = deployment.service()
    assert (service["taskDefinition"], service["runningCount"], service["pendingCount"]) == (before, 3, 0)
    assert [each["rolloutState"] for each in service["deployments"]] == ["COMPLETED"]


def test_a_task_larger_than_every_host_waits_and_the_step_fails(deployment: Deployment) -> None:
    stack = deployment.apply(tasks=1, hosts=(1, 4), container={"MemoryReservation": 9000})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    (why,) = deployment.failures()
    assert "did not stabilize within 3 h" in why
    assert "was unable to place a task because no container instance met all of its requirements" in why
    assert "has insufficient memory available" in why


def test_tasks_that_find_no_room_at_the_cap_wait(deployment: Deployment) -> None:
    deployment.apply(tasks=6, hosts=(1, 2))
    deployment.want(8)
    service = deployment.service()
    assert (service["desiredCount"], service["runningCount"], service["pendingCount"]) == (8, 6, 2)
    assert "no container instance met all of its requirements" in service["events"][0]["message"]
    assert deployment.running.capacity()["waiting"] == 2
    assert deployment.apply(tasks=8, hosts=(1, 3))["StackStatus"] == "UPDATE_COMPLETE"
    assert deployment.service()["runningCount"] == 8


# ---- the cap (T-4, T-10) ----


def test_a_lower_cap_hangs_on_protected_hosts(deployment: Deployment) -> None:
    """T-4 with managed termination protection: the group's step waits for hosts that never go."""
    deployment.apply(tasks=33, hosts=(1, 15), protected=True)
    before = seconds(deployment.running)
    stack = deployment.apply(tasks=5, hosts=(1, 4), protected=True)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert deployment.failures() == [
        "Hosts: Group did not stabilize within 36 h. {current/minimum/desired} instances: {11/1/4}. "
        f"Last scaling activity: {PROTECTED}"
    ]
    assert seconds(deployment.running) - before >= 36 * HOUR
    assert (deployment.group()["MaxSize"], deployment.service()["runningCount"]) == (15, 33)


def test_a_lower_cap_drains_hosts_that_running_tasks_need(deployment: Deployment) -> None:
    """T-4 with managed draining: the group's step goes on at once, and the damage is the drain."""
    deployment.apply(tasks=33, hosts=(1, 15))
    assert deployment.apply(tasks=5, hosts=(1, 4))["StackStatus"] == "UPDATE_COMPLETE"
    assert deployment.broken() == [(11, 4)]
    assert deployment.over_cap() == [7]
    assert len(deployment.group()["Instances"]) == 4


def test_the_tasks_go_first_and_the_cap_last(deployment: Deployment) -> None:
    """D-12: in this order no moment is broken, and the surplus hosts are drained."""
    deployment.apply(tasks=33, hosts=(1, 15))
    deployment.apply(tasks=5, hosts=(1, 15))
    assert deployment.apply(tasks=5, hosts=(1, 4))["StackStatus"] == "UPDATE_COMPLETE"
    assert len(deployment.group()["Instances"]) == 4
    assert deployment.broken() == []


def test_a_task_on_every_host_keeps_the_fleet_large(deployment: Deployment) -> None:
    """T-10: hosts that have a task each are never idle, spread or packed, since ECS stops tasks where most are."""
    deployment.apply(tasks=33, hosts=(1, 15))
    deployment.apply(tasks=12, hosts=(1, 15))
    deployment.running.set_capacity(advance_days=1)
    assert len(deployment.group()["Instances"]) == 11


def test_drained_hosts_keep_tasks_that_find_no_room(deployment: Deployment) -> None:
    """With a high minimum healthy percentage and no room, ECS holds the hosts for 48 h, then the tasks are lost."""
    deployment.apply(tasks=12, hosts=(1, 4), minimum_healthy_percent=100)
    group = deployment.outputs["Hosts"]
    scaling = deployment.scaling
    scaling.update_auto_scaling_group(AutoScalingGroupName=group, MaxSize=2)
    deployment.running.set_capacity(advance_days=1)
    states = Counter(each["LifecycleState"] for each in deployment.group()["Instances"])
    assert states == {"InService": 2, "Terminating:Wait": 2}
    assert (deployment.service()["runningCount"], Counter(each["status"] for each in deployment.hosts())) == (
        12,
        {"ACTIVE": 2, "DRAINING": 2},
    )
    deployment.running.set_capacity(advance_days=1.1)
    assert len(deployment.group()["Instances"]) == 2
    assert deployment.service()["runningCount"] == 6


# ---- destroy (T-2) ----


def test_destroy_hangs_on_protected_hosts(deployment: Deployment) -> None:
    deployment.apply(tasks=6, hosts=(1, 4), protected=True)
    assert deployment.delete() == "DELETE_FAILED"
    (hosts,) = [each for each in deployment.failures() if each.startswith("Hosts")]
    assert hosts == (f"Hosts: Resource timed out waiting for completion within 4 h. Last scaling activity: {PROTECTED}")
    assert any(each.startswith(f"Cluster: {HELD}") for each in deployment.failures())
    deployment.unprotect()
    assert deployment.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize("protected", [True, False])
def test_the_rollback_of_a_failed_create_hangs_on_protected_hosts(deployment: Deployment, protected: bool) -> None:
    deployment.running.fail_next("AWS::ECS::Service", "Service", "stopped on purpose")
    stack = deployment.apply(tasks=6, hosts=(2, 4), protected=protected)
    assert stack["StackStatus"] == ("ROLLBACK_FAILED" if protected else "ROLLBACK_COMPLETE")
    assert any(each.endswith(PROTECTED) for each in deployment.failures()) == protected
    for group in deployment.scaling.describe_auto_scaling_groups()["AutoScalingGroups"]:
        if group["AutoScalingGroupName"].startswith(deployment.name):
            deployment.outputs = {"Hosts": group["AutoScalingGroupName"]}  # so that the hosts can be let go


def test_a_hook_that_nobody_answers_holds_a_destroy_for_an_hour(deployment: Deployment) -> None:
    """T-2 without protection: the capacity provider goes before its hosts, and with it who answers the hook."""
    deployment.apply(tasks=6, hosts=(1, 4))
    before = seconds(deployment.running)
    assert deployment.delete() == "DELETE_COMPLETE"
    assert HOUR < seconds(deployment.running) - before < 1.2 * HOUR


def test_a_group_that_is_emptied_first_goes_at_once(deployment: Deployment) -> None:
    deployment.apply(tasks=6, hosts=(1, 4))
    before, outputs = seconds(deployment.running), deployment.outputs
    scaling = deployment.scaling
    deployment.want(0)
    scaling.update_auto_scaling_group(AutoScalingGroupName=outputs["Hosts"], MinSize=0, DesiredCapacity=0)
    assert deployment.hosts() == []
    assert deployment.delete() == "DELETE_COMPLETE"
    assert seconds(deployment.running) - before < HOUR / 2


def test_a_host_is_taken_out_of_the_cluster_by_force(deployment: Deployment) -> None:
    deployment.apply(tasks=3, hosts=(1, 2))
    (host,) = deployment.hosts()
    named = {"cluster": deployment.outputs["Cluster"], "containerInstance": host["containerInstanceArn"]}
    with pytest.raises(deployment.ecs.exceptions.InvalidParameterException, match="Found running tasks"):
        deployment.ecs.deregister_container_instance(**named)
    answer = deployment.ecs.deregister_container_instance(**named, force=True)
    assert answer["containerInstance"]["status"] == "INACTIVE"
    # The tasks find another host.
    assert deployment.service()["runningCount"] == 3
    (other,) = deployment.hosts()
    assert other["containerInstanceArn"] != host["containerInstanceArn"]


def test_what_holds_hosts_or_services_is_refused(deployment: Deployment) -> None:
    deployment.apply(tasks=3, hosts=(1, 2))
    ecs, outputs = deployment.ecs, deployment.outputs
    with pytest.raises(ecs.exceptions.ClusterContainsContainerInstancesException, match=HELD):
        ecs.delete_cluster(cluster=outputs["Cluster"])
    with pytest.raises(ecs.exceptions.ClientError, match="it is associated with cluster"):
        ecs.delete_capacity_provider(capacityProvider=outputs["Provider"])
    with pytest.raises(ecs.exceptions.ResourceInUseException):
        ecs.put_cluster_capacity_providers(
            cluster=outputs["Cluster"], capacityProviders=[], defaultCapacityProviderStrategy=[]
        )
    scaling = deployment.scaling
    with pytest.raises(scaling.exceptions.ResourceInUseFault):
        scaling.delete_auto_scaling_group(AutoScalingGroupName=outputs["Hosts"])


# ---- renewal (T-9, T-26) ----

LIFETIME: dict[str, Any] = {"MaxInstanceLifetime": int(30 * DAY)}
LAUNCH_FIRST: dict[str, Any] = {"InstanceMaintenancePolicy": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110}}


def names(deployment: Deployment) -> set[str]:
    return {each["InstanceId"] for each in deployment.group()["Instances"]}


def test_a_protected_host_gets_as_old_as_it_likes(deployment: Deployment) -> None:
    """T-9: the maximum lifetime does not replace a host that is protected from scale-in."""
    deployment.apply(tasks=6, hosts=(2, 4), protected=True, **LIFETIME)
    before = names(deployment)
    deployment.running.set_capacity(advance_days=40)
    assert names(deployment) == before


@pytest.mark.parametrize("policy", [{}, LAUNCH_FIRST], ids=["ends first", "launches first"])
def test_hosts_are_renewed_by_their_maximum_lifetime(deployment: Deployment, policy: dict[str, Any]) -> None:
    deployment.apply(tasks=6, hosts=(2, 4), minimum_healthy_percent=50, **LIFETIME, **policy)
    before = names(deployment)
    deployment.running.set_capacity(advance_days=29)
    assert names(deployment) == before
    deployment.running.set_capacity(advance_days=2)
    zones = [each["AvailabilityZone"] for each in deployment.group()["Instances"]]
    assert sorted(zones) == ["us-east-1a", "us-east-1b"]
    assert not names(deployment) & before
    assert deployment.service()["runningCount"] == 6
    # T-26: by default the group ends a host that running tasks need before its successor is there.
    assert bool(deployment.broken()) == (not policy)
    assert not any(deployment.over_cap())


def refresh(deployment: Deployment, **preferences: Any) -> dict[str, Any]:
    """Start a refresh of all hosts; return what it says when the world has come to rest."""
    scaling, group = deployment.scaling, deployment.outputs["Hosts"]
    scaling.start_instance_refresh(AutoScalingGroupName=group, Preferences=preferences)
    deployment.running.capacity()
    return scaling.describe_instance_refreshes(AutoScalingGroupName=group)["InstanceRefreshes"][0]


def test_a_refresh_launches_hosts_before_it_ends_others(deployment: Deployment) -> None:
    deployment.apply(tasks=6, hosts=(2, 4), minimum_healthy_percent=50)
    before = names(deployment)
    # A new launch template changes no host that runs.
    deployment.apply(tasks=6, hosts=(2, 4), minimum_healthy_percent=50, instance_type="m6i.xlarge")
    assert names(deployment) == before
    said = refresh(deployment, MinHealthyPercentage=100, SkipMatching=True)
    assert (said["Status"], said["PercentageComplete"], said["InstancesToUpdate"]) == ("Successful", 100, 0)
    group = deployment.group()
    assert {each["InstanceType"] for each in group["Instances"]} == {"m6i.xlarge"}
    assert not {each["InstanceId"] for each in group["Instances"]} & before
    assert deployment.broken() == []
    # All hosts are of the template by now.
    said = refresh(deployment, SkipMatching=True)
    assert said["Status"] == "Successful"
    assert {each["InstanceId"] for each in deployment.group()["Instances"]} == {
        each["InstanceId"] for each in group["Instances"]
    }


def test_a_refresh_waits_an_hour_for_protected_hosts(deployment: Deployment) -> None:
    deployment.apply(tasks=6, hosts=(2, 4), protected=True)
    before = names(deployment)
    assert refresh(deployment)["Status"] == "Pending"
    scaling, group = deployment.scaling, deployment.outputs["Hosts"]
    with pytest.raises(scaling.exceptions.InstanceRefreshInProgressFault):
        scaling.start_instance_refresh(AutoScalingGroupName=group)
    deployment.running.set_capacity(advance_days=0.05)
    (said,) = scaling.describe_instance_refreshes(AutoScalingGroupName=group)["InstanceRefreshes"]
    assert (said["Status"], names(deployment)) == ("Failed", before)
    assert refresh(deployment, ScaleInProtectedInstances="Ignore")["Status"] == "Successful"
    assert names(deployment) == before
    assert refresh(deployment, ScaleInProtectedInstances="Refresh", MinHealthyPercentage=100)["Status"] == "Successful"
    assert not names(deployment) & before


@pytest.mark.parametrize("suspended", [False, True])
def test_a_group_out_of_balance_goes_beyond_its_cap(deployment: Deployment, suspended: bool) -> None:
    """T-37: the group launches a host in the emptier zone first, at its maximum too, and drains one that tasks need."""
    deployment.apply(tasks=9, hosts=(2, 4))
    name = deployment.outputs["Hosts"]
    if suspended:
        deployment.scaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["AZRebalance"])
    zones = Counter(each["AvailabilityZone"] for each in deployment.group()["Instances"])
    ((emptier, _),) = zones.most_common()[1:]
    (lone,) = [each for each in deployment.group()["Instances"] if each["AvailabilityZone"] == emptier]
    # Two hosts are left, both in one zone.
    deployment.want(6)
    deployment.scaling.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=3)
    deployment.scaling.terminate_instance_in_auto_scaling_group(
        InstanceId=lone["InstanceId"], ShouldDecrementDesiredCapacity=True
    )
    after = deployment.group()
    assert sorted(Counter(each["AvailabilityZone"] for each in after["Instances"]).values()) == (
        [2] if suspended else [1, 1]
    )
    told = "has 2 hosts and another zone 0"
    assert any(told in text and name in text for text in deployment.running.capacity()["history"]) != suspended
    assert deployment.service()["runningCount"] == 6


# ---- the Auto Scaling API ----


def test_a_lifecycle_action_that_waits_is_completed_by_hand(deployment: Deployment) -> None:
    deployment.apply(tasks=3, hosts=(1, 4))
    outputs = deployment.outputs
    scaling = deployment.scaling
    scaling.put_lifecycle_hook(
        AutoScalingGroupName=outputs["Hosts"],
        LifecycleHookName="mine",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
        HeartbeatTimeout=7200,
    )
    (name,) = names(deployment)
    scaling.terminate_instance_in_auto_scaling_group(InstanceId=name, ShouldDecrementDesiredCapacity=False)
    # The tasks have moved to another host, and ECS has answered its own hook.
    states = {each["InstanceId"]: each["LifecycleState"] for each in deployment.group()["Instances"]}
    assert states.pop(name) == "Terminating:Wait"
    assert list(states.values()) == ["InService"]
    assert deployment.service()["runningCount"] == 3
    hooks = scaling.describe_lifecycle_hooks(AutoScalingGroupName=outputs["Hosts"])["LifecycleHooks"]
    assert {hook["LifecycleHookName"] for hook in hooks} == {"mine", "ecs-managed-draining-termination-hook"}
    scaling.complete_lifecycle_action(
        AutoScalingGroupName=outputs["Hosts"],
        LifecycleHookName="mine",
        InstanceId=name,
        LifecycleActionResult="CONTINUE",
    )
    assert name not in names(deployment)


def test_a_suspended_process_does_nothing(deployment: Deployment) -> None:
    deployment.apply(tasks=3, hosts=(1, 4))
    outputs = deployment.outputs
    scaling = deployment.scaling
    scaling.suspend_processes(AutoScalingGroupName=outputs["Hosts"], ScalingProcesses=["Launch", "AZRebalance"])
    assert [each["ProcessName"] for each in deployment.group()["SuspendedProcesses"]] == ["Launch", "AZRebalance"]
    deployment.want(6)
    assert (deployment.group()["DesiredCapacity"], len(deployment.hosts())) == (2, 1)
    scaling.resume_processes(AutoScalingGroupName=outputs["Hosts"], ScalingProcesses=["Launch"])
    assert (deployment.service()["runningCount"], len(deployment.hosts())) == (6, 2)


def test_a_size_outside_the_limits_is_refused(deployment: Deployment) -> None:
    deployment.apply(tasks=9, hosts=(1, 4))
    scaling, group = deployment.scaling, deployment.outputs["Hosts"]
    with pytest.raises(scaling.exceptions.ClientError, match="New SetDesiredCapacity value 5 is above max value 4"):
        scaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=5)
    with pytest.raises(
        scaling.exceptions.ClientError, match="Max bound, 4, must be greater than or equal to min bound"
    ):
        scaling.update_auto_scaling_group(AutoScalingGroupName=group, MinSize=5)
    # A lower maximum takes the desired capacity along.
    scaling.update_auto_scaling_group(AutoScalingGroupName=group, MaxSize=2)
    assert deployment.group()["DesiredCapacity"] == 2


# ---- order of a rollback, and time ----


@pytest.mark.parametrize("order", ["dependency", "reverse", "shuffled:1"])
def test_a_rollback_goes_in_the_order_that_is_asked_for(deployment: Deployment, order: str) -> None:
    def last(value: str) -> dict[str, Resource]:
        return {"Last": resource("SSM::Parameter", Type="String", Value=value) | {"DependsOn": "Service"}}

    running = deployment.running
    deployment.apply(last("old"), tasks=6, hosts=(1, 2))
    running.set_capacity(rollback_order=order)
    running.fail_next("AWS::SSM::Parameter", "Last", "stopped on purpose")
    assert deployment.apply(last("new"), tasks=12, hosts=(1, 4))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    events = deployment.stacks.describe_stack_events(StackName=deployment.name)["StackEvents"][::-1]
    status = [(each["LogicalResourceId"], each["ResourceStatus"]) for each in events]
    began = status.index((deployment.name, "UPDATE_ROLLBACK_IN_PROGRESS"))
    sent_back = [name for name, state in status[began:] if state == "UPDATE_IN_PROGRESS"]
    assert sorted(sent_back) == ["Hosts", "Service"]
    if not order.startswith("shuffled"):
        assert sent_back == (["Hosts", "Service"] if order == "dependency" else ["Service", "Hosts"])
    # Only when the tasks go first does the lower cap find hosts that nobody needs.
    assert bool(deployment.broken()) == (sent_back[0] == "Hosts")
    assert (deployment.service()["runningCount"], deployment.group()["MaxSize"]) == (6, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rollback_order": "backwards"}, "rollback order: got 'backwards'; allowed are dependency, reverse and"),
        ({"advance_days": -1}, "seconds or days: got -1; allowed is a number above 0"),
        ({"seconds_per_day": "fast"}, "got 'fast'; allowed is a number above 0"),
        ({"days": 1}, "allowed is a JSON object with the keys advance_days, rollback_order, seconds_per_day"),
    ],
)
def test_a_change_that_is_none_is_refused(running: target.Target, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        running.set_capacity(**changes)
    assert message in json.loads(refused.value.read())["message"]
