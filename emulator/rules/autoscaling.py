"""EC2 Auto Scaling: groups and the hosts that keep them."""

from __future__ import annotations

from emulator.handlers import internals
from emulator.handlers.internals import Step

from .book import number, properties_of, refuse

_GROUP = "AWS::AutoScaling::AutoScalingGroup"
_CREATE = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html"
_DAY_SECONDS = 86_400


@refuse(
    _GROUP,
    source="https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-max-instance-lifetime.html",
    own_words=True,
)
def lifetime(step: Step) -> str | None:
    """The maximum lifetime of a host is 0 or at least one day (86,400 s)."""
    seconds = number(properties_of(step).get("MaxInstanceLifetime"))
    if seconds == 0 or _DAY_SECONDS <= seconds <= 31_536_000:
        return None
    return "Maximum instance lifetime must be equal to 0 or between 86400 and 31536000 seconds."


@refuse(
    _GROUP,
    source="https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-maintenance-policy.html",
    own_words=True,
)
def maintenance_policy(step: Step) -> str | None:
    """A maintenance policy has both percentages: 0 to 100, 100 to 200, and at most 100 apart."""
    policy = properties_of(step).get("InstanceMaintenancePolicy")
    if not policy:
        return None
    low, high = number(policy.get("MinHealthyPercentage"), -1), number(policy.get("MaxHealthyPercentage"), -1)
    if 0 <= low <= 100 <= high <= 200 and high - low <= 100:
        return None
    return (
        "The difference between the maximum healthy percentage and minimum healthy percentage must not exceed 100, "
        "and they must be within 0 to 100 and 100 to 200."
    )


@refuse(_GROUP, source="https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LifecycleHookSpecification.html")
def hook_timeout(step: Step) -> str | None:
    """A lifecycle hook waits 30 to 7,200 s."""
    for hook in properties_of(step).get("LifecycleHookSpecificationList") or []:
        seconds = hook.get("HeartbeatTimeout")
        if seconds is not None and not 30 <= number(seconds) <= 7200:
            return "Heartbeat Timeout must be between 30 and 7200 seconds"
    return None


@refuse(_GROUP, source=_CREATE)
def hosts_need_a_template(step: Step) -> str | None:
    """A group starts hosts from a launch template, a mixed policy or a launch configuration."""
    given = properties_of(step)
    if {"LaunchTemplate", "MixedInstancesPolicy", "LaunchConfigurationName", "InstanceId"} & given.keys():
        return None
    return (
        "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
        "MixedInstancesPolicy parameter."
    )


@refuse(_GROUP, source=_CREATE)
def group_zones(step: Step) -> str | None:
    """A group has subnets or zones, and the zones exist."""
    given = properties_of(step)
    zones = given.get("AvailabilityZones") or []
    if not zones and not given.get("VPCZoneIdentifier"):
        return "At least one Availability Zone or VPC Subnet is required."
    for zone in zones:
        if zone not in internals.zones():
            return f"Invalid Availability Zone(s): [{zone}]"
    return None


@refuse(_GROUP, source=_CREATE, moment="create", code="AlreadyExists")
def group_exists(step: Step) -> str | None:
    """A group cannot have the name of another one."""
    name = properties_of(step).get("AutoScalingGroupName")
    taken = name and name in internals.auto_scaling_groups
    return (
        f"AutoScalingGroup by this name already exists - A group with the name {name} already exists" if taken else None
    )
