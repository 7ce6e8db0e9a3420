"""Auto scaling groups as AWS checks them, and Application Auto Scaling, which MiniStack lacks whole."""

from __future__ import annotations

import time
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import autoscaling, ec2, ecs

from .registry import Attributes, Properties, add, extend, new_id, require

_GROUP = "AWS::AutoScaling::AutoScalingGroup"
_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
_POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
_TARGET_KEY = ("ResourceId", "ScalableDimension", "ServiceNamespace")
_POLICY_BODY = ("PolicyType", "TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration")

_targets = AccountRegionScopedDict()
_policies = AccountRegionScopedDict()


def register() -> None:
    """Put the types of this module into the table."""
    extend(_GROUP, check=_check_group, after=_complete_group)
    add(
        _TARGET,
        create=lambda _, properties, __: _put_target(properties),
        change=lambda _, __, new: _put_target(new)[1],
        delete=lambda key, _: _targets.pop(key, None),
        create_only=_TARGET_KEY,
    )
    add(
        _POLICY,
        create=_create_policy,
        change=_change_policy,
        delete=lambda arn, _: _policies.pop(arn, None),
        create_only=("PolicyName", "ScalingTargetId", *_TARGET_KEY),
    )


def answer(action: str, data: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Answer one call of the Application Auto Scaling API.

    Args:
        action: Its name, such as `DescribeScalableTargets`.
        data: Its JSON body.

    Returns:
        HTTP status and JSON body.
    """
    ids = data.get("ResourceIds") or list(filter(None, [data.get("ResourceId")]))

    def chosen(store: AccountRegionScopedDict) -> list[dict[str, Any]]:
        return [
            record
            for record in store.values()
            if record["ServiceNamespace"] == data.get("ServiceNamespace") and (not ids or record["ResourceId"] in ids)
        ]

    match action:
        case "DescribeScalableTargets":
            return 200, {"ScalableTargets": chosen(_targets)}
        case "DescribeScalingPolicies":
            return 200, {"ScalingPolicies": chosen(_policies)}
        case "DescribeScalingActivities":
            return 200, {"ScalingActivities": []}
        case _:
            return 400, {"__type": "ValidationException", "message": f"{action} is not emulated"}


# ---- groups ----


def _check_group(properties: Properties) -> None:
    low, high = int(properties.get("MinSize", 0)), int(properties.get("MaxSize", 0))
    desired = int(properties.get("DesiredCapacity", low))
    if not low <= desired <= high:
        raise ValueError(f"{_GROUP}: desired capacity {desired} must be between min size {low} and max size {high}")
    for subnet in properties.get("VPCZoneIdentifier") or []:
        if subnet not in ec2._subnets:
            raise ValueError(f"{_GROUP}: subnet {subnet} does not exist")
    template = (properties.get("LaunchTemplate") or {}).get("LaunchTemplateId")
    if template and template not in ec2._launch_templates:
        raise ValueError(f"{_GROUP}: launch template {template} does not exist")


def _complete_group(name: str, properties: Properties) -> Attributes:
    # MiniStack's CloudFormation type starts no instances and takes no zones from the subnets.
    group = autoscaling._asgs.get(name)
    if group is not None:
        subnets = properties.get("VPCZoneIdentifier") or []
        zones = sorted({ec2._subnets[subnet]["AvailabilityZone"] for subnet in subnets})
        if zones and "AvailabilityZones" not in properties:
            group["AvailabilityZones"] = zones
        autoscaling._reconcile_instances(group)
    return {}


# ---- Application Auto Scaling ----


def _target_key(properties: Properties) -> str:
    return "|".join(properties[name] for name in _TARGET_KEY)


def _put_target(properties: Properties) -> tuple[str, Attributes]:
    require(_TARGET, properties, "MinCapacity", "MaxCapacity", *_TARGET_KEY)
    low, high = int(properties["MinCapacity"]), int(properties["MaxCapacity"])
    if low > high:
        raise ValueError(f"{_TARGET}: maximum capacity {high} cannot be less than minimum capacity {low}")
    if properties["ServiceNamespace"] == "ecs":
        _, cluster, service = properties["ResourceId"].split("/")
        if not any(
            record.get("serviceName") == service and record.get("clusterArn", "").endswith("/" + cluster)
            for record in ecs._services.values()
        ):
            raise ValueError(f"{_TARGET}: ECS service doesn't exist: {properties['ResourceId']}")
    key = _target_key(properties)
    _targets[key] = {
        **{name: properties[name] for name in _TARGET_KEY},
        "MinCapacity": low,
        "MaxCapacity": high,
        "RoleARN": properties.get("RoleARN", ""),
        "CreationTime": time.time(),
        "ScalableTargetARN": _arn("application-autoscaling", f"scalable-target/{new_id('t')}"),
    }
    return key, {"Id": key}


def _create_policy(_: str, properties: Properties, __: str) -> tuple[str, Attributes]:
    require(_POLICY, properties, "PolicyName", "PolicyType")
    key = properties.get("ScalingTargetId") or _target_key(properties)
    if key not in _targets:
        raise ValueError(f"{_POLICY}: no scalable target {key}")
    target, name = _targets[key], properties["PolicyName"]
    place = f"resource/{target['ServiceNamespace']}/{target['ResourceId']}:policyName/{name}"
    arn = _arn("autoscaling", f"scalingPolicy:{new_id('p')}:{place}")
    _policies[arn] = {
        "PolicyARN": arn,
        "PolicyName": name,
        **{part: target[part] for part in _TARGET_KEY},
        **{part: properties[part] for part in _POLICY_BODY if part in properties},
        "CreationTime": time.time(),
        "Alarms": [],
    }
    return arn, {"Arn": arn}


def _change_policy(arn: str, _: Properties, new: Properties) -> Attributes:
    _policies[arn].update({part: new[part] for part in _POLICY_BODY if part in new})
    return {"Arn": arn}


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"
