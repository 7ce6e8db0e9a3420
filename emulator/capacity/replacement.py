"""Hosts replaced one after the other: too old, named by an instance refresh, or too many in one zone.

By default a host ends before its successor is launched. With a minimum healthy percentage of 100 its successor is
launched first: the group then holds one host more than it desires, even if that is its maximum (T-26). Balancing of
zones always does so, unless it is suspended (T-37).
Sources: https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-max-instance-lifetime.html
https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-maintenance-policy-overview-and-considerations.html
https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from . import internals
from .groups import capacity, end, settled, template_data
from .host import IN_SERVICE, Host
from .internals import Record

if TYPE_CHECKING:
    from .world import World

PATIENCE_SECONDS: Final = 3600.0
"""How long a refresh waits for a protected host before it fails."""

ACTIVE_STATES: Final = ("Pending", "InProgress")


def step(world: World) -> bool:
    """Begin and continue the replacements of every group."""
    changed = False
    for group in internals.auto_scaling_groups.values():
        changed |= _go_on(world, group) if group.get("_replacing") else _begin(world, group)
    return changed


def due(world: World) -> Iterator[float]:
    """Yield when a host gets too old, and when a refresh loses its patience."""
    for group in internals.auto_scaling_groups.values():
        if lifetime := group.get("MaxInstanceLifetime"):
            yield from (host.launched + lifetime for host in capacity(world, group))
        if refresh := running_refresh(group):
            yield refresh["_patience"]


def running_refresh(group: Record) -> Record | None:
    """Return the group's instance refresh that has not ended."""
    return next((each for each in group.get("InstanceRefreshes", ()) if each["Status"] in ACTIVE_STATES), None)


def start_refresh(world: World, group: Record, refresh_id: str, preferences: dict[str, Any]) -> Record:
    """Begin an instance refresh of a group, and return its record."""
    hosts = capacity(world, group)
    if str(preferences.get("SkipMatching", "false")).lower() == "true":
        _, version = template_data(group)
        hosts = [host for host in hosts if host.record["LaunchTemplate"].get("Version") != str(version)]
    record: Record = {
        "InstanceRefreshId": refresh_id,
        "AutoScalingGroupName": group["AutoScalingGroupName"],
        "Status": "Pending",
        "StartTime": internals.now_iso(),
        "PercentageComplete": 0,
        "InstancesToUpdate": len(hosts),
        "Preferences": preferences,
        "_left": [host.id for host in hosts],
        "_all": len(hosts),
        "_patience": world.now + PATIENCE_SECONDS,
    }
    group.setdefault("InstanceRefreshes", []).insert(0, record)
    world.note(f"a refresh of {group['AutoScalingGroupName']} replaces {len(hosts)} hosts")
    return record


def _begin(world: World, group: Record) -> bool:
    if (refresh := running_refresh(group)) is not None:
        return _next_of_refresh(world, group, refresh)
    # A host that is protected from scale-in is not replaced, however old it is (T-9).
    hosts = [host for host in capacity(world, group) if host.state == IN_SERVICE and not host.protected]
    lifetime: int = group.get("MaxInstanceLifetime") or 0
    for host in hosts:
        if lifetime and world.now >= host.launched + lifetime:
            policy = group.get("InstanceMaintenancePolicy") or {}
            return _replace(world, group, host, policy.get("MinHealthyPercentage"), "it reached its maximum lifetime")
    if "AZRebalance" in (group.get("SuspendedProcesses") or ()) or not settled(world, group):
        return False
    return _balance(world, group, hosts)


def _balance(world: World, group: Record, hosts: list[Host]) -> bool:
    """Move a host from the zone with most hosts to the one with fewest, if they differ by two or more."""
    counted = Counter(dict.fromkeys(group["AvailabilityZones"], 0))
    counted.update(host.zone for host in capacity(world, group))
    (fullest, most), fewest = counted.most_common(1)[0], min(counted.values())
    victim = next((host for host in hosts if host.zone == fullest), None)
    if most - fewest < 2 or victim is None:
        return False
    return _replace(world, group, victim, 100, f"{fullest} has {most} hosts and another zone {fewest}")


def _next_of_refresh(world: World, group: Record, refresh: Record) -> bool:
    preferences = refresh["Preferences"]
    left: list[str] = [name for name in refresh["_left"] if name in world.hosts]
    refresh["_left"] = left
    refresh["InstancesToUpdate"] = len(left)
    refresh["PercentageComplete"] = 100 - 100 * len(left) // max(1, refresh["_all"])
    hosts = [world.hosts[name] for name in left if world.hosts[name].active]
    rule = preferences.get("ScaleInProtectedInstances", "Wait")
    if rule == "Ignore":
        hosts = [host for host in hosts if not host.protected]
    if not hosts:
        return _finish(world, refresh, "Successful", "Refresh completed")
    free = [host for host in hosts if not host.protected or rule == "Refresh"]
    if not free:
        if world.now < refresh["_patience"]:
            return False
        return _finish(world, refresh, "Failed", "Instances are protected from scale in for over an hour")
    refresh["Status"], refresh["_patience"] = "InProgress", world.now + PATIENCE_SECONDS
    policy = group.get("InstanceMaintenancePolicy") or {}
    minimum = preferences.get("MinHealthyPercentage") or policy.get("MinHealthyPercentage")
    return _replace(world, group, free[0], minimum, "an instance refresh replaces it")


def _finish(world: World, refresh: Record, status: str, reason: str) -> bool:
    refresh.update(Status=status, StatusReason=reason, EndTime=internals.now_iso())
    if status == "Successful":
        refresh["PercentageComplete"], refresh["InstancesToUpdate"] = 100, 0
    world.note(f"the refresh of {refresh['AutoScalingGroupName']} ended: {status}")
    return True


def _replace(world: World, group: Record, host: Host, minimum: Any, why: str) -> bool:
    launch_first = minimum is not None and int(minimum) >= 100
    group["_replacing"] = {"victim": host.id, "launching": launch_first, "why": why}
    if not launch_first:
        end(world, host, why)
    return True


def _go_on(world: World, group: Record) -> bool:
    """Continue with the host that is being replaced: launch, end, wait until it is gone."""
    plan = group["_replacing"]
    victim = world.hosts.get(plan["victim"])
    if plan["launching"]:
        if victim is None or not victim.active:
            plan["launching"] = False
            return True
        hosts = capacity(world, group)
        if len(hosts) > group["DesiredCapacity"] and all(host.state == IN_SERVICE for host in hosts):
            plan["launching"] = False
            end(world, victim, plan["why"])
            return True
        return False
    if victim is None and settled(world, group):
        del group["_replacing"]
        return True
    return False
