"""The Auto Scaling API: what it says of groups and hosts, and what it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from uuid import uuid4

from . import internals
from .groups import end, set_size
from .host import WAITING, Host
from .internals import Answer, Record, scaling_answer, scaling_error
from .replacement import running_refresh, start_refresh
from .world import World

Request = Mapping[str, Any]

_NUMBERS: Final = ("MinSize", "MaxSize", "DefaultCooldown", "HealthCheckGracePeriod", "MaxInstanceLifetime")
_SHOWN: Final = (
    "AutoScalingGroupName",
    "AutoScalingGroupARN",
    "LaunchTemplate",
    "MinSize",
    "MaxSize",
    "DesiredCapacity",
    "DefaultCooldown",
    "AvailabilityZones",
    "HealthCheckType",
    "HealthCheckGracePeriod",
    "Instances",
    "CreatedTime",
    "VPCZoneIdentifier",
    "TerminationPolicies",
    "NewInstancesProtectedFromScaleIn",
    "MaxInstanceLifetime",
    "InstanceMaintenancePolicy",
    "Tags",
)


def register(world: Callable[[], World]) -> None:
    """Answer the actions of this module.

    Args:
        world: Returns the world of the current account and region.
    """
    actions: dict[str, Callable[[World, Request], Answer]] = {
        "DescribeAutoScalingGroups": _describe_groups,
        "UpdateAutoScalingGroup": _update_group,
        "SetDesiredCapacity": _set_desired_capacity,
        "DeleteAutoScalingGroup": _delete_group,
        "DescribeScalingActivities": _describe_activities,
        "SetInstanceProtection": _set_protection,
        "SuspendProcesses": _suspend,
        "ResumeProcesses": _resume,
        "TerminateInstanceInAutoScalingGroup": _terminate,
        "CompleteLifecycleAction": _complete_action,
        "RecordLifecycleActionHeartbeat": _record_heartbeat,
        "StartInstanceRefresh": _start_refresh,
        "DescribeInstanceRefreshes": _describe_refreshes,
        "CancelInstanceRefresh": _cancel_refresh,
    }
    for action, handler in actions.items():
        internals.answer_scaling(action, _bound(world, handler))


def _bound(
    world: Callable[[], World], handler: Callable[[World, Request], Answer]
) -> Callable[[Mapping[str, Any]], Answer]:
    def answer(request: Request) -> Answer:
        try:
            return handler(world(), request)
        except LookupError as problem:
            return scaling_error("ValidationError", str(problem.args[0]))

    return answer


def _group(request: Request) -> Record:
    name = str(request.get("AutoScalingGroupName", ""))
    group = internals.auto_scaling_groups.get(name)
    if group is None:
        raise LookupError(f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
    return group


def _host(world: World, request: Request, name: str | None = None) -> Host:
    name = name or str(request.get("InstanceId", ""))
    host = world.hosts.get(name)
    if host is None:
        raise LookupError(f"Instance Id not found - No managed instance found for instance ID {name}")
    return host


# ---- groups ----


def _describe_groups(_: World, request: Request) -> Answer:
    names = internals.members(request, "AutoScalingGroupNames")
    groups = [group for name, group in internals.auto_scaling_groups.items() if not names or name in names]
    return scaling_answer("DescribeAutoScalingGroups", {"AutoScalingGroups": [_shown(group) for group in groups]})


def _shown(group: Record) -> Record:
    shown = {key: group[key] for key in _SHOWN if group.get(key) is not None and group[key] != {}}
    suspended = [{"ProcessName": name, "SuspensionReason": "User suspended"} for name in _suspended(group)]
    return shown | {"SuspendedProcesses": suspended}


def _update_group(_: World, request: Request) -> Answer:
    group = _group(request)
    least, most = (int(request.get(key) or group[key]) for key in ("MinSize", "MaxSize"))
    if least > most:
        return scaling_error(
            "ValidationError", f"Max bound, {most}, must be greater than or equal to min bound, {least}"
        )
    # A limit that passes the desired capacity takes it along, when the request names none.
    desired = int(request.get("DesiredCapacity") or min(max(group["DesiredCapacity"], least), most))
    if problem := _outside(desired, least, most):
        return problem
    group.update({key: int(request[key]) for key in _NUMBERS if request.get(key)})
    set_size(group, desired)
    if request.get("NewInstancesProtectedFromScaleIn"):
        group["NewInstancesProtectedFromScaleIn"] = request["NewInstancesProtectedFromScaleIn"] == "true"
    if request.get("VPCZoneIdentifier"):
        group["VPCZoneIdentifier"] = request["VPCZoneIdentifier"]
    if template := internals.nested(request, "LaunchTemplate"):
        group["LaunchTemplate"] = group.get("LaunchTemplate", {}) | template
    if policy := internals.nested(request, "InstanceMaintenancePolicy"):
        group["InstanceMaintenancePolicy"] = {key: int(value) for key, value in policy.items()}
    return scaling_answer("UpdateAutoScalingGroup")


def _set_desired_capacity(_: World, request: Request) -> Answer:
    group = _group(request)
    desired = int(request.get("DesiredCapacity") or 0)
    if problem := _outside(desired, group["MinSize"], group["MaxSize"]):
        return problem
    set_size(group, desired)
    return scaling_answer("SetDesiredCapacity")


def _outside(desired: int, least: int, most: int) -> Answer | None:
    if least <= desired <= most:
        return None
    side, bound = ("above max", most) if desired > most else ("below min", least)
    return scaling_error(
        "ValidationError",
        f"New SetDesiredCapacity value {desired} is {side} value {bound} for the AutoScalingGroup.",
    )


def _delete_group(world: World, request: Request) -> Answer:
    group = _group(request)
    name = group["AutoScalingGroupName"]
    if request.get("ForceDelete") != "true" and world.hosts_of(name):
        return scaling_error(
            "ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances still in the group."
        )
    internals.forget_group(name)
    return scaling_answer("DeleteAutoScalingGroup")


def _describe_activities(_: World, request: Request) -> Answer:
    wanted = str(request.get("AutoScalingGroupName", ""))
    groups = internals.auto_scaling_groups.items()
    activities = [each for name, group in groups if wanted in ("", name) for each in group.get("_activities", ())]
    return scaling_answer("DescribeScalingActivities", {"Activities": activities})


def _suspended(group: Record) -> list[str]:
    found: list[str] = group.setdefault("SuspendedProcesses", [])
    return found


def _suspend(_: World, request: Request) -> Answer:
    suspended = _suspended(_group(request))
    suspended += [name for name in _processes(request) if name not in suspended]
    return scaling_answer("SuspendProcesses")


def _resume(_: World, request: Request) -> Answer:
    group, resumed = _group(request), set(_processes(request))
    group["SuspendedProcesses"] = [name for name in _suspended(group) if name not in resumed]
    return scaling_answer("ResumeProcesses")


def _processes(request: Request) -> Iterator[str]:
    every = ("Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy", "AZRebalance", "AlarmNotification")
    yield from internals.members(request, "ScalingProcesses") or (
        *every,
        "ScheduledActions",
        "AddToLoadBalancer",
        "InstanceRefresh",
    )


# ---- hosts ----


def _set_protection(world: World, request: Request) -> Answer:
    _group(request)
    hosts = [_host(world, request, name) for name in internals.members(request, "InstanceIds")]
    for host in hosts:
        host.record["ProtectedFromScaleIn"] = request.get("ProtectedFromScaleIn") == "true"
    return scaling_answer("SetInstanceProtection", {})


def _terminate(world: World, request: Request) -> Answer:
    """End one host; protection from scale-in does not hold it, since this is no scale-in."""
    host = _host(world, request)
    group = internals.auto_scaling_groups[host.group]
    if request.get("ShouldDecrementDesiredCapacity") == "true":
        if group["DesiredCapacity"] <= group["MinSize"]:
            return scaling_error(
                "ValidationError",
                f"Currently, desiredSize equals minSize ({group['MinSize']}). Terminating instance without replacement "
                f"will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or "
                "lower group's min size.",
            )
        set_size(group, group["DesiredCapacity"] - 1)
    if host.active:
        end(world, host, "a user asked for it")
    activity = {
        "ActivityId": str(uuid4()),
        "AutoScalingGroupName": host.group,
        "Description": f"Terminating EC2 instance: {host.id}",
        "Cause": "instance was taken out of service in response to a user request.",
        "StartTime": internals.now_iso(),
        "StatusCode": "InProgress",
        "Progress": 0,
    }
    return scaling_answer("TerminateInstanceInAutoScalingGroup", {"Activity": activity})


def _complete_action(world: World, request: Request) -> Answer:
    host, hook = _held(world, request)
    del host.hooks[hook]
    world.note(f"{host.id}: lifecycle hook {hook} was answered")
    return scaling_answer("CompleteLifecycleAction", {})


def _record_heartbeat(world: World, request: Request) -> Answer:
    host, hook = _held(world, request)
    host.hooks[hook] = world.now + internals.lifecycle_hooks[f"{host.group}/{hook}"]["HeartbeatTimeout"]
    return scaling_answer("RecordLifecycleActionHeartbeat", {})


def _held(world: World, request: Request) -> tuple[Host, str]:
    _group(request)
    host, hook = _host(world, request), str(request.get("LifecycleHookName", ""))
    if host.state != WAITING or hook not in host.hooks:
        raise LookupError(f"No active Lifecycle Action found with instance ID {host.id}")
    return host, hook


# ---- instance refreshes ----


def _start_refresh(world: World, request: Request) -> Answer:
    group = _group(request)
    if running_refresh(group):
        return scaling_error(
            "InstanceRefreshInProgress",
            "An Instance Refresh is already in progress and blocks the execution of this one.",
        )
    refresh = start_refresh(world, group, str(uuid4()), internals.nested(request, "Preferences") or {})
    return scaling_answer("StartInstanceRefresh", {"InstanceRefreshId": refresh["InstanceRefreshId"]})


def _describe_refreshes(_: World, request: Request) -> Answer:
    names = internals.members(request, "InstanceRefreshIds")
    found = [
        {key: value for key, value in refresh.items() if not key.startswith("_")}
        for refresh in _group(request).get("InstanceRefreshes", ())
        if not names or refresh["InstanceRefreshId"] in names
    ]
    return scaling_answer("DescribeInstanceRefreshes", {"InstanceRefreshes": found})


def _cancel_refresh(_: World, request: Request) -> Answer:
    group = _group(request)
    refresh = running_refresh(group)
    if refresh is None:
        return scaling_error("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found.")
    refresh.update(Status="Cancelled", StatusReason="Cancelled by a user", EndTime=internals.now_iso())
    return scaling_answer("CancelInstanceRefresh", {"InstanceRefreshId": refresh["InstanceRefreshId"]})
