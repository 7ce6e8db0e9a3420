"""Custom resource HostsAfter: stands between the hosts and the services.

Properties: `GroupName`, the auto scaling group of the hosts; `ClusterName`; `LaunchTemplateVersion`, the version that
new hosts start from. Physical id: the group's name, so that another group is another resource, and the former group is
taken down in its turn.

- Create and update suspend the group's own balancing of zones: it may exceed the cap by a tenth or one host, and it
  would drain hosts in use (T-37).
- An update with another launch template starts an instance refresh and does not wait for its end: a fleet of 15 hosts
  takes hours. Each host is launched before another one drains (T-26), and ECS moves the tasks within the minimum of
  their service.
- A delete comes when the services are gone and the capacity provider still stands. It takes the group to 0 and waits
  until no host is left: CloudFormation cannot delete a cluster that has hosts, and the hook of managed draining would
  hold each host for an hour (T-2).
"""

from collections.abc import Collection, Mapping
from typing import Any

from functions import contract
from functions.aws import AutoScaling, CloudFormation, ContainerInstances, error_code
from functions.custom_resource import Answer, Request
from functions.deadline import Deadline
from functions.errors import Failure
from functions.hosts.decision import must_refresh
from functions.log import log
from functions.stack import describe_stack, rolls_back

DRAINING_HOOK = "ecs-managed-draining-termination-hook"
"""The lifecycle hook that ECS puts on the group for managed draining.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-instance-draining.html
"""

PREFERENCES: Mapping[str, object] = {
    "MinHealthyPercentage": 100,
    "MaxHealthyPercentage": 110,
    # Hosts of the new launch template stay.
    "SkipMatching": True,
    # A host that a person protected or set aside stays theirs. The default waits an hour and then fails.
    "ScaleInProtectedInstances": "Ignore",
    "StandbyInstances": "Ignore",
}
"""How hosts are replaced: launched first, and no more than a tenth of the fleet, or one host, at once (T-26).

Source: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html
"""

PAUSE_SECONDS = 5.0

REPLACE_SECONDS = 300.0
"""How long to wait for the end of a refresh that was cancelled: about as long as one host takes to drain."""


class After:
    """Renews the hosts when their launch template changes, and takes the fleet down on a delete.

    Args:
        auto_scaling: A client for EC2 Auto Scaling.
        ecs: A client for ECS.
        stacks: A client for CloudFormation.
    """

    def __init__(self, auto_scaling: AutoScaling, ecs: ContainerInstances, stacks: CloudFormation) -> None:
        self._auto_scaling = auto_scaling
        self._ecs = ecs
        self._stacks = stacks

    def identify(self, request: Request) -> str:
        """Return the group's name.

        Raises:
            Refusal: `GroupName` is missing.
        """
        return request.text(contract.GROUP_NAME)

    def create(self, request: Request) -> Answer:
        """Suspend the balancing of zones; suspended again is no change."""
        group = self.identify(request)
        self._auto_scaling.suspend_processes(AutoScalingGroupName=group, ScalingProcesses=["AZRebalance"])
        log("balancing of zones suspended", group=group)
        return Answer(group)

    def update(self, request: Request) -> Answer:
        """Suspend the balancing of zones, and start to replace hosts that have another launch template."""
        answer = self.create(request)
        new = request.text(contract.LAUNCH_TEMPLATE_VERSION)
        old = str(request.old_properties.get(contract.LAUNCH_TEMPLATE_VERSION, ""))
        if old != new:
            group = self._describe(answer.physical_id)
            hosts = [
                str(host.get("LaunchTemplate", {}).get("Version", "")) for host in (group or {}).get("Instances", [])
            ]
            rolling_back = rolls_back(describe_stack(self._stacks, request.stack))
            if must_refresh(hosts, old, new, rolling_back=rolling_back):
                self._refresh(answer.physical_id, request.deadline)
        return answer

    def delete(self, request: Request) -> None:
        """Take the group to 0 and wait until no host is left, in the group and in the cluster.

        Raises:
            Failure: Hosts are left at the end of the time.
        """
        name, ended = request.physical_id, set[str]()
        while (group := self._describe(name)) and (hosts := self._take_down(group)):
            ended |= hosts.keys()
            log("waiting for hosts to end", group=name, hosts=hosts, seconds_left=round(request.deadline.remaining()))
            if not request.deadline.sleep(PAUSE_SECONDS):
                raise Failure(
                    f"{len(hosts)} hosts of {name} did not end: {', '.join(sorted(hosts))}. Terminate them in EC2, "
                    "then delete the stack again."
                )
        if ended:
            self._deregister(request.text(contract.CLUSTER_NAME), ended)
        log("no host is left", group=name)

    def _describe(self, name: str) -> Mapping[str, Any] | None:
        """Return the group; None when it is gone."""
        groups = self._auto_scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        return groups[0] if groups else None

    def _refresh(self, group: str, deadline: Deadline) -> None:
        """Start an instance refresh in the place of one that is under way, which would bring hosts of before."""
        patience = Deadline.after(min(REPLACE_SECONDS, deadline.remaining()))
        while True:
            try:
                self._auto_scaling.start_instance_refresh(AutoScalingGroupName=group, Preferences=PREFERENCES)
                log("instance refresh started", group=group)
                return
            except Exception as error:
                if error_code(error) != "InstanceRefreshInProgress":
                    raise
            self._cancel_refresh(group)
            if not patience.sleep(PAUSE_SECONDS):
                # It ends with the host that drains. What is left over is replaced at the end of its lifetime (T-9).
                log("instance refresh not started: the one before has not ended", group=group)
                return

    def _cancel_refresh(self, group: str) -> None:
        try:
            self._auto_scaling.cancel_instance_refresh(AutoScalingGroupName=group)
            log("instance refresh of before cancelled", group=group)
        except Exception as error:
            if error_code(error) != "ActiveInstanceRefreshNotFound":  # it has just ended
                raise

    def _take_down(self, group: Mapping[str, Any]) -> dict[str, str]:
        """Let the group end its hosts, and return those that are left with their states."""
        name = group["AutoScalingGroupName"]
        if group["MaxSize"] > 0 or group["DesiredCapacity"] > 0:
            try:
                self._auto_scaling.update_auto_scaling_group(
                    AutoScalingGroupName=name, MinSize=0, MaxSize=0, DesiredCapacity=0
                )
                log("group set to 0 hosts", group=name)
            except Exception as error:
                if error_code(error) != "ScalingActivityInProgress":  # it is tried again after the pause
                    raise
        hosts = {host["InstanceId"]: host["LifecycleState"] for host in group["Instances"]}
        for host, state in hosts.items():
            if state == "Terminating:Wait":
                self._let_go(name, host)
        return hosts

    def _let_go(self, group: str, host: str) -> None:
        """End the wait of a host for managed draining: no service is left whose tasks could run on it."""
        try:
            self._auto_scaling.complete_lifecycle_action(
                LifecycleHookName=DRAINING_HOOK,
                AutoScalingGroupName=group,
                LifecycleActionResult="CONTINUE",
                InstanceId=host,
            )
            log("host let go", group=group, host=host)
        except Exception as error:
            if error_code(error) != "ValidationError":  # ECS has let it go already
                raise

    def _deregister(self, cluster: str, ended: Collection[str]) -> None:
        """Take hosts that have ended out of the cluster, where ECS leaves those whose agent had lost its connection.

        Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterContainerInstance.html
        """
        registered = self._ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
        if not registered:
            return
        described = self._ecs.describe_container_instances(cluster=cluster, containerInstances=registered)
        for host in described["containerInstances"]:
            if host["ec2InstanceId"] in ended:
                self._ecs.deregister_container_instance(
                    cluster=cluster, containerInstance=host["containerInstanceArn"], force=True
                )
                log("host taken out of the cluster", cluster=cluster, host=host["ec2InstanceId"])
