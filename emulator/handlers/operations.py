"""What operations need: composite alarms, backup selections, balancer checks, public machine images."""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import alb, backup, cloudwatch, ssm
from ministack.services.cloudformation import provisioners

from .registry import Attributes, Properties, add, extend, require

_ALARM = "AWS::CloudWatch::Alarm"
_COMPOSITE = "AWS::CloudWatch::CompositeAlarm"
_SELECTION = "AWS::Backup::BackupSelection"
_LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
_PROTOCOLS = {"network": {"TCP", "UDP", "TLS", "TCP_UDP"}, "application": {"HTTP", "HTTPS"}}
# The CDK's look-up of the ECS-optimised image resolves these while a stack is deployed.
_IMAGE_FAMILIES = ("amazon-linux-2023", "amazon-linux-2023/arm64")
_IMAGE = "ami-0c2023a1b2c3d4e5f"


def register() -> None:
    """Put the types of this module into the table, and the images among the public parameters."""
    add(
        _COMPOSITE,
        create=_create_composite,
        change=lambda name, _, new: _put_composite(name, new),
        delete=lambda name, _: cloudwatch._composite_alarms.pop(name, None),
        create_only=("AlarmName",),
    )
    add(_SELECTION, create=_create_selection, delete=_delete_selection)
    extend(_LISTENER, check=_check_listener)
    provisioners._cw_metric_alarm_record = _alarm_record
    for family in _IMAGE_FAMILIES:
        name = f"/aws/service/ecs/optimized-ami/{family}/recommended/image_id"
        ssm._PUBLIC_AMI_PARAMETERS[name] = _IMAGE


_shipped_alarm_record = provisioners._cw_metric_alarm_record


def _alarm_record(name: str, properties: Properties) -> dict[str, Any]:
    """Make the record of an alarm, on metric math too. Such an alarm keeps its state: nothing is calculated."""
    metrics = properties.get("Metrics")
    if not metrics:
        return _shipped_alarm_record(name, properties)
    alone = {"MetricName", "Namespace", "Dimensions", "Period", "Statistic", "ExtendedStatistic", "Unit"}
    if doubled := sorted(alone & properties.keys()):
        raise ValueError(f"{_ALARM}: {', '.join(doubled)} cannot go with Metrics")
    # ReturnData is true unless the template says otherwise.
    returned = [item["Id"] for item in metrics if str(item.get("ReturnData", True)).lower() == "true"]
    if len(returned) != 1:
        raise ValueError(f"{_ALARM}: exactly one of Metrics must return data, not {returned}")
    plain = {key: value for key, value in properties.items() if key != "Metrics"}
    record = _shipped_alarm_record(name, plain | {"MetricName": "-", "Namespace": "-"})
    kept = {key: value for key, value in record.items() if key not in alone}
    return kept | {"Metrics": metrics}


def _create_composite(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
    name = properties.get("AlarmName") or provisioners._physical_name(stack, logical_id, max_len=255)
    return name, _put_composite(name, properties)


def _put_composite(name: str, properties: Properties) -> Attributes:
    require(_COMPOSITE, properties, "AlarmRule")
    body: dict[str, Any] = {**properties, "AlarmName": name}
    if name in cloudwatch._composite_alarms:
        body.pop("Tags", None)  # the API takes tags of a new alarm alone
    status, _, answer = cloudwatch._put_composite_alarm({}, body, False, is_json=True)
    if status >= 400:
        raise ValueError(f"{_COMPOSITE}: {json.loads(answer).get('message', answer)}")
    return {"Arn": f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"}


def _create_selection(_: str, properties: Properties, __: str) -> tuple[str, Attributes]:
    require(_SELECTION, properties, "BackupPlanId", "BackupSelection")
    plan = properties["BackupPlanId"]
    status, _headers, answer = backup._create_selection(plan, properties)
    if status >= 400:
        raise ValueError(f"{_SELECTION}: {json.loads(answer).get('message', answer)}")
    selection = json.loads(answer)["SelectionId"]
    # AWS's Ref is the selection's id and the plan's, with a bar between.
    return f"{selection}|{plan}", {"Id": f"{selection}|{plan}", "SelectionId": selection, "BackupPlanId": plan}


def _delete_selection(reference: str, _: Properties) -> None:
    selection, plan = reference.split("|")
    backup._delete_selection(plan, selection)


def _check_listener(properties: Properties) -> None:
    balancer = alb._lbs.get(properties.get("LoadBalancerArn")) or {}
    allowed = _PROTOCOLS.get(balancer.get("Type", ""))
    if allowed and properties.get("Protocol") not in allowed:
        words = ", ".join(sorted(allowed))
        raise ValueError(f"{_LISTENER}: protocol {properties.get('Protocol')} must be one of {words}")
