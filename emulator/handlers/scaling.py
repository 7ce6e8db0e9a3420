"""Auto Scaling groups: references checked as AWS does, zones taken from the subnets."""

from __future__ import annotations

from . import internals
from .internals import Properties
from .registry import Attributes, extend

_GROUP = "AWS::AutoScaling::AutoScalingGroup"


def register() -> None:
    """Wrap the type of this module."""
    extend(_GROUP, check=_check_group, after=_complete_group)


def _check_group(properties: Properties) -> None:
    low, high = int(properties.get("MinSize", 0)), int(properties.get("MaxSize", 0))
    desired = int(properties.get("DesiredCapacity", low))
    if not low <= desired <= high:
        raise ValueError(f"{_GROUP}: desired capacity {desired} must be between min size {low} and max size {high}")
    for subnet in properties.get("VPCZoneIdentifier") or []:
        if subnet not in internals.subnets:
            raise ValueError(f"{_GROUP}: subnet {subnet} does not exist")
    template = (properties.get("LaunchTemplate") or {}).get("LaunchTemplateId")
    if template and template not in internals.launch_templates:
        raise ValueError(f"{_GROUP}: launch template {template} does not exist")


def _complete_group(name: str, properties: Properties) -> Attributes:
    # MiniStack's CloudFormation type takes no zones from the subnets.
    group = internals.auto_scaling_groups.get(name)
    if group is not None:
        subnets = properties.get("VPCZoneIdentifier") or []
        zones = sorted({internals.subnets[subnet]["AvailabilityZone"] for subnet in subnets})
        if zones and "AvailabilityZones" not in properties:
            group["AvailabilityZones"] = zones
    return {}
