"""Elastic Load Balancing: protection, names, subnets, target groups and their one balancer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulator.handlers import internals
from emulator.handlers.internals import Step

from .book import number, properties_of, refuse

_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
_LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
_CREATE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"
_CREATE_GROUP = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html"


def targets(properties: dict[str, object] | None) -> Iterator[str]:
    """Yield the ARNs of the target groups to which a listener forwards."""
    actions = (properties or {}).get("DefaultActions") or []
    for action in actions if isinstance(actions, list) else []:
        if action.get("TargetGroupArn"):
            yield action["TargetGroupArn"]
        yield from (item["TargetGroupArn"] for item in (action.get("ForwardConfig") or {}).get("TargetGroups") or [])


@refuse(_BALANCER, source="T-3", moment="delete")
def protected_balancer(step: Step) -> str | None:
    """A load balancer with deletion protection is not deleted."""
    arn = str(step.physical_id)
    if internals.balancer_attributes(arn).get("deletion_protection.enabled", "false").lower() != "true":
        return None
    return f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"


@refuse(_BALANCER, source=_CREATE, moment="create", code="AlreadyExists")
def balancer_name_taken(step: Step) -> str | None:
    """A load balancer cannot have the name of another one in the region."""
    name = properties_of(step).get("Name")
    taken = name in {record["LoadBalancerName"] for record in internals.load_balancers.values()}
    return (
        f"A load balancer with the same name '{name}' exists, but with different settings" if name and taken else None
    )


@refuse(_BALANCER, _GROUP, source=_CREATE)
def balancer_name(step: Step) -> str | None:
    """A name has at most 32 letters, digits and hyphens, with no hyphen at an end and no `internal-` in front."""
    name = properties_of(step).get("Name")
    if not name:
        return None
    what = "Load balancer" if step.resource_type == _BALANCER else "Target group"
    if len(name) > 32:
        return f"The {what.lower()} name '{name}' cannot be longer than '32' characters"
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        return (
            f"The {what.lower()} name '{name}' can only contain characters that are alphanumeric characters and "
            "hyphens(-)"
        )
    if name[0] == "-" or name[-1] == "-":
        return f"The {what.lower()} name '{name}' cannot begin or end with a hyphen(-)"
    return f"{what} name '{name}' cannot begin with 'internal-'" if name.startswith("internal-") else None


@refuse(_BALANCER, source=_CREATE)
def balancer_subnets(step: Step) -> str | None:
    """The subnets of a load balancer exist, one in each zone; an application load balancer has two zones."""
    given = properties_of(step)
    subnets = [*(given.get("Subnets") or []), *(item["SubnetId"] for item in given.get("SubnetMappings") or [])]
    for subnet in subnets:
        if subnet not in internals.subnets:
            return f"The subnet ID '{subnet}' does not exist"
    zones = [internals.subnets[subnet]["AvailabilityZone"] for subnet in subnets]
    if len(set(zones)) < len(zones):
        return "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
    if given.get("Type", "application") == "application" and len(zones) < 2:
        return "At least two subnets in two different Availability Zones must be specified"
    return None


@refuse(_BALANCER, source=_CREATE, moment="create")
def no_way_out(step: Step) -> str | None:
    """A load balancer that faces the internet lies in a network with an internet gateway."""
    given = properties_of(step)
    if given.get("Scheme", "internet-facing") != "internet-facing":
        return None
    for subnet in given.get("Subnets") or []:
        vpc = internals.subnets[subnet]["VpcId"]
        gateways = internals.internet_gateways.values()
        if not any(vpc in {item.get("VpcId") for item in gate.get("Attachments") or []} for gate in gateways):
            return f"VPC {vpc} has no internet gateway"
    return None


@refuse(_BALANCER, source=_CREATE, code="NotFound", own_words=True)
def balancer_groups(step: Step) -> str | None:
    """The security groups of a load balancer exist."""
    for group in properties_of(step).get("SecurityGroups") or []:
        if group not in internals.security_groups:
            return f"One or more security groups are invalid: {group}"
    return None


@refuse(
    _BALANCER,
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html",
)
def balancer_attribute(step: Step) -> str | None:
    """An attribute is one that the type of load balancer has."""
    network = properties_of(step).get("Type") == "network"
    for item in properties_of(step).get("LoadBalancerAttributes") or []:
        key = str(item.get("Key"))
        known = key.split(".")[0] in {
            "deletion_protection",
            "access_logs",
            "connection_logs",
            "load_balancing",
            "ipv6",
            "dns_record",
            "zonal_shift",
            "secondary_ips",
        }
        if not known and (
            network
            or key.split(".")[0] not in {"idle_timeout", "routing", "client_keep_alive", "waf", "health_check_logs"}
        ):
            return f"Load balancer attribute key '{key}' is not recognized"
    return None


@refuse(_LISTENER, source="T-7", code="ServiceLimitExceeded")
def one_balancer_for_each_group(step: Step) -> str | None:
    """A target group belongs to one load balancer."""
    balancer = properties_of(step).get("LoadBalancerArn")
    for arn in targets(step.new):
        others = [each for each in internals.target_groups.get(arn, {}).get("LoadBalancerArns", []) if each != balancer]
        if others:
            return f"The following target groups cannot be associated with more than one load balancer: {arn}"
    return None


@refuse(
    _LISTENER,
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html",
    code="NotFound",
)
def listener_of_nothing(step: Step) -> str | None:
    """The load balancer and the target groups of a listener exist."""
    balancer = properties_of(step).get("LoadBalancerArn")
    if balancer not in internals.load_balancers:
        return f"Load balancer '{balancer}' not found"
    for arn in targets(step.new):
        if arn not in internals.target_groups:
            return f"Target groups '{arn}' not found"
    return None


@refuse(
    _LISTENER,
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html",
    moment="create",
    code="AlreadyExists",
)
def listener_port_taken(step: Step) -> str | None:
    """A load balancer has one listener on a port."""
    given = properties_of(step)
    for listener in internals.listeners.values():
        same = listener.get("LoadBalancerArn") == given.get("LoadBalancerArn")
        if same and number(listener.get("Port")) == number(given.get("Port")):
            return "A listener already exists on this port for this load balancer"
    return None


@refuse(_GROUP, source=_CREATE_GROUP, moment="create", code="AlreadyExists")
def group_name_taken(step: Step) -> str | None:
    """A target group cannot have the name of another one in the region."""
    name = properties_of(step).get("Name")
    taken = name in {record["TargetGroupName"] for record in internals.target_groups.values()}
    return f"A target group with the same name '{name}' exists, but with different settings" if name and taken else None


@refuse(_GROUP, source=_CREATE_GROUP, own_words=True)
def health_check(step: Step) -> str | None:
    """A health check takes 5 to 300 s between tries, its timeout is shorter, and its counts are 2 to 10."""
    given = properties_of(step)
    interval, timeout = (
        number(given.get("HealthCheckIntervalSeconds"), 30),
        number(given.get("HealthCheckTimeoutSeconds"), 0),
    )
    if not 5 <= interval <= 300:
        return f"Health check interval '{interval}' must be between '5' and '300'"
    if timeout and timeout >= interval:
        return "Health check interval must be greater than the timeout."
    for key, text in (("HealthyThresholdCount", "healthy"), ("UnhealthyThresholdCount", "unhealthy")):
        if given.get(key) is not None and not 2 <= number(given[key]) <= 10:
            return f"Health check {text} threshold count '{given[key]}' must be between '2' and '10'"
    return None


@refuse(
    _GROUP,
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteTargetGroup.html",
    moment="delete",
)
def target_group_in_use(step: Step) -> str | None:
    """A target group is not deleted while a listener forwards to it."""
    arn = str(step.physical_id)
    for listener in internals.listeners.values():
        if arn in targets({"DefaultActions": listener.get("DefaultActions")}):
            return f"Target group '{arn}' is currently in use by a listener or a rule"
    return None
