"""Auto Scaling groups: hosts are launched and ended until there are as many as the group desires.

Source: https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle-hooks-overview.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from emulator.handlers.ecs import account_setting

from . import internals, tasks
from .host import ENDING, IN_SERVICE, PENDING, WAITING, Host
from .internals import Record
from .room import Room, agent_setting, decoded, host_room

if TYPE_CHECKING:
    from .world import World

START_SECONDS: Final = 90.0
"""From launch until the ECS agent is in the cluster."""

END_SECONDS: Final = 60.0
"""From the end of a host's last lifecycle hook until EC2 has terminated it."""

TRUNKING: Final = "awsvpcTrunking"
ALL_PROTECTED: Final = (
    "Could not scale to desired capacity because all remaining instances are protected from scale-in."
)


def step(world: World) -> bool:
    """Bring hosts to their next state, and every group nearer to its desired capacity."""
    changed = False
    for host in list(world.hosts.values()):
        changed |= _live(world, host)
    for group in internals.auto_scaling_groups.values():
        changed |= _fit(world, group)
    return changed


def due(world: World) -> Iterator[float]:
    """Yield when a host changes by itself or a hook stops waiting."""
    for host in world.hosts.values():
        if host.due is not None:
            yield host.due
        yield from host.hooks.values()


def capacity(world: World, group: Record) -> list[Host]:
    """Return the hosts that count for the group's capacity."""
    return [host for host in world.hosts_of(group["AutoScalingGroupName"]) if host.active]


def settled(world: World, group: Record) -> bool:
    """Tell whether as many hosts serve as the group desires. A host on its way out counts as gone."""
    hosts = capacity(world, group)
    return len(hosts) == group["DesiredCapacity"] and all(host.state == IN_SERVICE for host in hosts)


def set_size(group: Record, desired: int) -> None:
    """Set the desired capacity, within the group's limits."""
    # MiniStack's update of the CloudFormation type overwrites the first; the second tells what it was.
    group["DesiredCapacity"] = group["_desired"] = min(max(desired, group["MinSize"]), group["MaxSize"])


def end(world: World, host: Host, why: str) -> None:
    """Begin to end a host: the group's hooks hold it first.

    Args:
        world: The world.
        host: The host.
        why: For the history.
    """
    world.note(f"{host.id} of {host.group} ends: {why}")
    hooks = (each for each in internals.lifecycle_hooks.values() if each["AutoScalingGroupName"] == host.group)
    host.hooks = {
        hook["LifecycleHookName"]: world.now + hook["HeartbeatTimeout"]
        for hook in hooks
        if hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    }
    host.state, host.due = WAITING, None


def activity(world: World, group: Record, status: str, description: str, message: str) -> bool:
    """Write down a scaling activity, unless it is the last one again; tell whether it is new."""
    activities: list[dict[str, Any]] = group.setdefault("_activities", [])
    if activities and (activities[0]["StatusCode"], activities[0]["StatusMessage"]) == (status, message):
        return False
    found = {
        "ActivityId": f"activity-{len(activities) + 1}",
        "AutoScalingGroupName": group["AutoScalingGroupName"],
        "Description": description,
        "Cause": f"At {world.now:g} simulated seconds",
        "StartTime": internals.now_iso(),
        "StatusCode": status,
        "StatusMessage": message,
        "Progress": 100,
    }
    activities.insert(0, found)
    return True


def template_data(group: Record) -> tuple[Record, int]:
    """Return what the group's launch template says, and the number of its version."""
    wanted = group.get("LaunchTemplate") or {}
    template = internals.launch_templates.get(str(wanted.get("LaunchTemplateId")), {})
    version = str(wanted.get("Version") or "$Default")
    number = {
        "$Latest": template.get("LatestVersionNumber"),
        "$Default": template.get("DefaultVersionNumber"),
    }.get(version, version)
    for each in template.get("Versions", ()):
        if str(each["VersionNumber"]) == str(number):
            return each["LaunchTemplateData"], int(each["VersionNumber"])
    return {}, 0


def fresh_room(group: Record) -> Room | None:
    """Return what a new host of the group would give to tasks, None when its type is unknown."""
    data, _ = template_data(group)
    role = internals.instance_role(data)
    return host_room(
        str(data.get("InstanceType")),
        decoded(str(data.get("UserData") or "")),
        trunking=account_setting(role, TRUNKING) == "enabled",
    )


# ---- the life of one host ----


def _live(world: World, host: Host) -> bool:
    if host.group not in internals.auto_scaling_groups:
        return _remove(world, host)  # its group was deleted with force
    if not internals.instance_runs(host.id):
        world.note(f"{host.id} is lost: somebody ended it in EC2")
        return _remove(world, host)
    if host.state == WAITING:
        for hook, deadline in list(host.hooks.items()):
            if world.now >= deadline:
                del host.hooks[hook]
                world.note(f"{host.id}: lifecycle hook {hook} got no answer in time")
        if host.hooks:
            return False
        host.state, host.due = ENDING, world.now + END_SECONDS
        tasks.die_with(world, host)
        return True
    if host.due is None or world.now < host.due:
        return False
    if host.state == PENDING:
        host.state, host.due = IN_SERVICE, None
        return True
    return _remove(world, host)


def _remove(world: World, host: Host) -> bool:
    tasks.die_with(world, host)
    del world.hosts[host.id]
    internals.terminate_instance(host.id)
    group = internals.auto_scaling_groups.get(host.group)
    if group is not None:
        group["Instances"] = [record for record in group["Instances"] if record is not host.record]
    world.note(f"{host.id} of {host.group} is gone")
    return True


# ---- as many hosts as desired ----


def _fit(world: World, group: Record) -> bool:
    hosts = capacity(world, group)
    # While a host is replaced by one that is launched first, the group holds one more.
    plan = group.get("_replacing") or {}
    wanted = group["DesiredCapacity"] + bool(plan.get("launching"))
    suspended = group.get("SuspendedProcesses") or ()
    if len(hosts) < wanted and "Launch" not in suspended:
        # A successor comes to the zone of the host that it replaces, unless that one has too many.
        return _launch(world, group, [host for host in hosts if host.id != plan.get("victim")])
    if len(hosts) > wanted and "Terminate" not in suspended:
        return _scale_in(world, group, hosts, len(hosts) - wanted)
    return False


def _scale_in(world: World, group: Record, hosts: list[Host], count: int) -> bool:
    """End `count` hosts at once, as many of them as are not protected."""
    for ended in range(count):
        victim = _victim(group, hosts)
        if victim is None:
            return activity(world, group, "Cancelled", "Scaling in", ALL_PROTECTED) or ended > 0
        hosts.remove(victim)
        end(world, victim, f"the group desires {group['DesiredCapacity']} hosts")
        told = f"Terminating EC2 instance: {victim.id}"
        activity(world, group, "Successful", told, f"terminated {victim.id}")
    return True


def _victim(group: Record, hosts: list[Host]) -> Host | None:
    """Return the host that the default termination policy ends: in the fullest zone, of an old template, the oldest.

    Source: https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html
    """
    zones = Counter(host.zone for host in hosts)
    _, newest = template_data(group)

    def rank(host: Host) -> tuple[int, bool, int]:
        return (-zones[host.zone], int(host.record["LaunchTemplate"].get("Version") or 0) == newest, host.number)

    return min((host for host in hosts if not host.protected), key=rank, default=None)


def _launch(world: World, group: Record, hosts: list[Host]) -> bool:
    data, version = template_data(group)
    room = fresh_room(group)
    if room is None:
        message = f"The instance type '{data.get('InstanceType')}' does not exist. Launching EC2 instance failed."
        return activity(world, group, "Failed", "Launching a new EC2 instance", message)
    counted = Counter(host.zone for host in hosts)
    names = [name for name in str(group.get("VPCZoneIdentifier") or "").split(",") if name in internals.subnets]
    places = [(internals.subnets[name]["AvailabilityZone"], name) for name in names]
    places = places or [(zone, "") for zone in group["AvailabilityZones"]]
    zone, subnet = min(places, key=lambda place: (counted[place[0]], place))
    tags = [{"Key": each["Key"], "Value": each["Value"]} for each in group["Tags"] if each.get("PropagateAtLaunch")]
    tags.append({"Key": "aws:autoscaling:groupName", "Value": group["AutoScalingGroupName"]})
    name = internals.launch_instance(data, subnet, zone, tags)
    template = group.get("LaunchTemplate") or {}
    record = {
        "InstanceId": name,
        "InstanceType": str(data.get("InstanceType")),
        "LifecycleState": PENDING,
        "HealthStatus": "Healthy",
        "AvailabilityZone": zone,
        "ProtectedFromScaleIn": bool(group["NewInstancesProtectedFromScaleIn"]),
        "LaunchTemplate": template | {"Version": str(version)},
        "LaunchConfigurationName": "",
    }
    group["Instances"].append(record)
    cluster = agent_setting(decoded(str(data.get("UserData") or "")), "ECS_CLUSTER") or "default"
    arn = group["AutoScalingGroupARN"].split(":")
    world.hosts[name] = Host(
        record=record,
        group=group["AutoScalingGroupName"],
        number=world.next_number(),
        room=room,
        cluster=cluster,
        arn=f"arn:{arn[1]}:ecs:{arn[3]}:{arn[4]}:container-instance/{cluster}/{name.removeprefix('i-'):0>32}",
        launched=world.now,
        due=world.now + START_SECONDS,
    )
    world.note(f"{name} of {group['AutoScalingGroupName']} starts in {zone}")
    return activity(world, group, "Successful", f"Launching a new EC2 instance: {name}", f"launched {name}")
