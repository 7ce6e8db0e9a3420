"""ECS: clusters and providers in use, services, account settings of other principals."""

from __future__ import annotations

import re
from typing import Any

from ministack.core.responses import get_account_id

from emulator.handlers import internals
from emulator.handlers.internals import Step
from emulator.iam import caller

from .book import is_true, note, number, properties_of, refuse
from .iam import role_of

_PROVIDER = "AWS::ECS::CapacityProvider"
_SERVICE = "AWS::ECS::Service"
_CREATE_SERVICE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html"
_CREATE_PROVIDER = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html"
_SETTINGS = frozenset(
    [
        "serviceLongArnFormat",
        "taskLongArnFormat",
        "containerInstanceLongArnFormat",
        "awsvpcTrunking",
        "containerInsights",
        "fargateFIPSMode",
        "tagResourceAuthorization",
        "fargateTaskRetirementWaitPeriod",
        "guardDutyActivate",
        "dualStackIPv6",
        "defaultLogDriverMode",
        "fargateEventWindows",
    ]
)


def register() -> None:
    """Judge the calls that set or take away an account setting."""
    for action, judge in (("PutAccountSetting", _judge_setting), ("DeleteAccountSetting", _judge_setting)):
        internals.before_each_ecs_call(action, judge)


# ---- calls ----


def _judge_setting(body: dict[str, Any]) -> tuple[str, str] | None:
    if words := unknown_setting(body):
        return "InvalidParameterException", words
    if words := unknown_principal_of_setting(body):
        return "InvalidParameterException", words
    if words := setting_of_another_principal(body):
        return "AccessDeniedException", words
    return None


def unknown_setting(body: dict[str, Any]) -> str | None:
    """An account setting is one that ECS has."""
    name = body.get("name")
    return None if name in _SETTINGS else f"Invalid account setting name: {name}"


def unknown_principal_of_setting(body: dict[str, Any]) -> str | None:
    """The principal of an account setting is a role or user of the account that exists, or its root."""
    arn = body.get("principalArn")
    root = f"arn:aws:iam::{get_account_id()}:root"
    return None if not arn or arn == root or role_of(arn) else f"Invalid principal ARN: {arn}"


def setting_of_another_principal(body: dict[str, Any]) -> str | None:
    """Only root and the principal itself set or take away an account setting by `principalArn`."""
    arn, who = body.get("principalArn"), caller()
    if not arn or who.arn.endswith(":root") or str(arn).rsplit("/", 1)[-1] == who.role:
        return None
    return (
        f"User: {who.arn} is not authorized to perform this action for principal {arn}: the caller must be the root "
        "user or that principal"
    )


for _judge, _code in (
    (unknown_setting, "InvalidParameterException"),
    (unknown_principal_of_setting, "InvalidParameterException"),
    (setting_of_another_principal, "AccessDeniedException"),
):
    note(_judge, subject="ecs:PutAccountSetting", moment="call", source="T-1", code=_code, own_words=True)


# ---- clusters and capacity providers ----


@refuse(_PROVIDER, source=_CREATE_PROVIDER)
def provider_name(step: Step) -> str | None:
    """The name of a capacity provider does not begin with `aws`, `ecs` or `fargate`."""
    name = properties_of(step).get("Name")
    if name and re.match(r"aws|ecs|fargate", str(name), re.IGNORECASE):
        return (
            "The specified capacity provider name is invalid. Up to 255 letters (uppercase and lowercase), numbers, "
            "underscores, and hyphens are allowed. The name cannot be prefixed with "
            '"aws", "ecs", or "fargate". Specify a valid name and try again.'
        )
    return None


@refuse(_PROVIDER, source=_CREATE_PROVIDER)
def termination_protection_of_group(step: Step) -> str | None:
    """Managed termination protection goes with a group that protects its new hosts, and with managed scaling."""
    given = properties_of(step).get("AutoScalingGroupProvider") or {}
    if given.get("ManagedTerminationProtection") != "ENABLED":
        return None
    reference = given.get("AutoScalingGroupArn")
    prefix = "The managed termination protection setting for the capacity provider is invalid."
    if (given.get("ManagedScaling") or {}).get("Status", "DISABLED") != "ENABLED":
        return (
            f"{prefix} To enable managed termination protection for a capacity provider, managed scaling must be "
            "enabled."
        )
    for name, record in internals.auto_scaling_groups.items():
        if reference in (name, record["AutoScalingGroupARN"]) and not is_true(
            record.get("NewInstancesProtectedFromScaleIn")
        ):
            return (
                f"{prefix} To enable managed termination protection for a capacity provider, the Auto Scaling "
                "group must have instance protection from scale in enabled."
            )
    return None


# ---- services ----


@refuse(_SERVICE, source=_CREATE_SERVICE)
def service_network(step: Step) -> str | None:
    """A service of awsvpc tasks has subnets and security groups that exist; another has none."""
    given = properties_of(step)
    definition = internals.task_definitions.get(str(given.get("TaskDefinition")).rsplit("/", 1)[-1]) or {}
    network = (given.get("NetworkConfiguration") or {}).get("AwsvpcConfiguration")
    awsvpc = definition.get("networkMode") == "awsvpc"
    if awsvpc and not network:
        return "Network Configuration must be provided when networkMode 'awsvpc' is specified."
    if network and definition and not awsvpc:
        return "Network Configuration is not valid for the given networkMode of this task definition."
    for subnet in (network or {}).get("Subnets") or []:
        if subnet not in internals.subnets:
            return f"The subnet ID '{subnet}' does not exist"
    for group in (network or {}).get("SecurityGroups") or []:
        if group not in internals.security_groups:
            return f"Security group {group} does not exist"
    return None


@refuse(_SERVICE, source=_CREATE_SERVICE)
def service_balancer(step: Step) -> str | None:
    """The target group of a service belongs to a load balancer already, and only such a service has a grace period."""
    given = properties_of(step)
    balancers = given.get("LoadBalancers") or []
    if given.get("HealthCheckGracePeriodSeconds") is not None and not balancers:
        return "Health check grace period is only valid for services configured to use load balancers"
    for balancer in balancers:
        arn = balancer.get("TargetGroupArn")
        record = internals.target_groups.get(arn)
        if record is not None and not record.get("LoadBalancerArns"):
            return f"The target group with targetGroupArn {arn} does not have an associated load balancer."
    return None


@refuse(_SERVICE, source=_CREATE_SERVICE, own_words=True)
def deployment_percentages(step: Step) -> str | None:
    """A deployment may stop or start at least one task: 100 % at most and at least leaves nothing to do."""
    given = properties_of(step).get("DeploymentConfiguration") or {}
    low, high = number(given.get("MinimumHealthyPercent"), 100), number(given.get("MaximumPercent"), 200)
    if high < 100:
        return "maximumPercent must be greater than or equal to 100"
    if low > high:
        return "minimumHealthyPercent must be less than or equal to maximumPercent"
    if low == 100 and high == 100:
        return "Cannot set both maximumPercent and minimumHealthyPercent to 100 as this will block deployments."
    return None


@refuse(
    _SERVICE,
    source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-strategies.html",
    own_words=True,
)
def placement(step: Step) -> str | None:
    """A service has at most five strategies of placement, and packs by cpu or memory."""
    strategies = properties_of(step).get("PlacementStrategies") or []
    if len(strategies) > 5:
        return "1 validation error detected: The number of placement strategies must be at most 5."
    for strategy in strategies:
        if strategy.get("Type") == "binpack" and str(strategy.get("Field")).lower() not in ("cpu", "memory"):
            return f"Invalid binpack field: {strategy.get('Field')}"
    return None


@refuse(
    _SERVICE,
    source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html",
    own_words=True,
)
def rebalancing(step: Step) -> str | None:
    """Rebalancing over zones wants spread over zones as the first strategy, and room above 100 %."""
    given = properties_of(step)
    if given.get("AvailabilityZoneRebalancing") != "ENABLED":
        return None
    first = next(
        iter(given.get("PlacementStrategies") or [{"Type": "spread", "Field": "attribute:ecs.availability-zone"}])
    )
    if first.get("Type") != "spread" or first.get("Field") != "attribute:ecs.availability-zone":
        return (
            "Availability Zone rebalancing is not supported unless spread by attribute:ecs.availability-zone is "
            "the first placement strategy."
        )
    if number((given.get("DeploymentConfiguration") or {}).get("MaximumPercent"), 200) <= 100:
        return "Availability Zone rebalancing is not supported with a maximumPercent of 100 or less."
    return None


@refuse(_SERVICE, source=_CREATE_SERVICE, moment="create")
def launch_type_and_strategy(step: Step) -> str | None:
    """A service has a launch type or a strategy of capacity providers, not both."""
    given = properties_of(step)
    if given.get("LaunchType") and given.get("CapacityProviderStrategy"):
        return (
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    return None
