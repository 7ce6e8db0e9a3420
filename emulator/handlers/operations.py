"""What operations need: alarms on metric math, protocols of listeners checked, public machine images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import internals
from .internals import Properties
from .registry import extend

_ALARM = "AWS::CloudWatch::Alarm"
_LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
_PROTOCOLS = {"network": {"TCP", "UDP", "TLS", "TCP_UDP"}, "application": {"HTTP", "HTTPS"}}
# CloudFormation resolves the parameters of these ECS-optimised images while a stack is deployed.
_IMAGE_FAMILIES = ("amazon-linux-2023", "amazon-linux-2023/arm64")
_IMAGE = "ami-0c2023a1b2c3d4e5f"


def register() -> None:
    """Wrap the types of this module, and put the images among the public parameters."""
    extend(_LISTENER, check=_check_listener)
    internals.wrap_alarm_record(_alarm_record)
    for family in _IMAGE_FAMILIES:
        internals.publish_parameter(f"/aws/service/ecs/optimized-ami/{family}/recommended/image_id", _IMAGE)


def _alarm_record(
    shipped: Callable[[str, Properties], dict[str, Any]], name: str, properties: Properties
) -> dict[str, Any]:
    """Make the record of an alarm, on metric math too. Such an alarm keeps its state: nothing is calculated."""
    metrics = properties.get("Metrics")
    if not metrics:
        return shipped(name, properties)
    single = {"MetricName", "Namespace", "Dimensions", "Period", "Statistic", "ExtendedStatistic", "Unit"}
    if excluded := sorted(single & properties.keys()):
        raise ValueError(f"{_ALARM}: {', '.join(excluded)} cannot go with Metrics")
    # ReturnData is true unless the template says otherwise.
    returned = [item["Id"] for item in metrics if str(item.get("ReturnData", True)).lower() == "true"]
    if len(returned) != 1:
        raise ValueError(f"{_ALARM}: exactly one of Metrics must return data, not {returned}")
    plain = {key: value for key, value in properties.items() if key != "Metrics"}
    # MiniStack demands a metric; the placeholders are dropped again with all that belongs to a single metric.
    record = shipped(name, plain | {"MetricName": "-", "Namespace": "-"})
    return {key: value for key, value in record.items() if key not in single} | {"Metrics": metrics}


def _check_listener(properties: Properties) -> None:
    balancer = internals.load_balancers.get(str(properties.get("LoadBalancerArn"))) or {}
    allowed = _PROTOCOLS.get(balancer.get("Type", ""))
    if allowed and properties.get("Protocol") not in allowed:
        names = ", ".join(sorted(allowed))
        raise ValueError(f"{_LISTENER}: protocol {properties.get('Protocol')} must be one of {names}")
