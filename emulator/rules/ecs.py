"""ECS: clusters and providers in use, task definitions, services, account settings of other principals."""

from __future__ import annotations

import re
from typing import Any

from ministack.core.responses import get_account_id

from emulator.handlers import internals
from emulator.handlers.internals import Step

from .book import is_true, note, number, properties_of, refuse
from .iam import role_of, trusts

_CLUSTER, _PROVIDER = "AWS::ECS::Cluster", "AWS::ECS::CapacityProvider"
_TASK, _SERVICE = "AWS::ECS::TaskDefinition", "AWS::ECS::Service"
_DELETE_CLUSTER = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html"
_REGISTER = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html"
_CREATE_SERVICE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html"
_CREATE_PROVIDER = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html"
_SETTINGS = frozenset(
    "serviceLongArnFormat taskLongArnFormat containerInstanceLongArnFormat awsvpcTrunking containerInsights "
    "fargateFIPSMode tagResourceAuthorization fargateTaskRetirementWaitPeriod guardDutyActivate dualStackIPv6 "
    "defaultLogDriverMode fargateEventWindows".split()
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
    arn, caller = body.get("principalArn"), internals.caller_arn()
    assumed = re.fullmatch(r"(arn:[\w-]+):sts::(\d+):assumed-role/([^/]+)/.+", caller)
    own = f"{assumed[1]}:iam::{assumed[2]}:role/{assumed[3]}" if assumed else caller
    if not arn or caller.endswith(":root") or str(arn).rsplit("/", 1)[-1] == own.rsplit("/", 1)[-1]:
        return None
    return f"User: {caller} is not authorized to perform this action for principal {arn}: the caller must be the root user or that principal"


for _judge, _code in (
    (unknown_setting, "InvalidParameterException"),
    (unknown_principal_of_setting, "InvalidParameterException"),
    (setting_of_another_principal, "AccessDeniedException"),
):
    note(_judge, subject="ecs:PutAccountSetting", moment="call", source="T-1", code=_code)


# ---- clusters and capacity providers ----


@refuse(_CLUSTER, source=_DELETE_CLUSTER, moment="delete", code="ResourceConflict")
def cluster_in_use(step: Step) -> str | None:
    """A cluster with active services or with hosts of a capacity provider is not deleted."""
    name = str(step.physical_id).rsplit("/", 1)[-1]
    services = [record for key, record in internals.ecs_services.items() if key.startswith(f"{name}/")]
    if any(service.get("status") != "INACTIVE" for service in services):
        return "The Cluster cannot be deleted while Services are active."
    for provider in (internals.ecs_clusters.get(name) or {}).get("capacityProviders", []):
        if hosts_of(provider):
            return "The Cluster cannot be deleted while Container Instances are active or draining."
    return None


def hosts_of(provider: str) -> list[dict[str, Any]]:
    """Return the hosts in the group of a capacity provider."""
    group = (internals.capacity_providers.get(provider) or {}).get("autoScalingGroupProvider") or {}
    for record in internals.auto_scaling_groups.values():
        if record["AutoScalingGroupARN"] == group.get("autoScalingGroupArn"):
            return list(record.get("Instances") or [])
    return []


@refuse(_PROVIDER, source="https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCapacityProvider.html", moment="delete", code="ResourceConflict")
def provider_in_use(step: Step) -> str | None:
    """A capacity provider is not deleted while a cluster has it."""
    for name, cluster in internals.ecs_clusters.items():
        if step.physical_id in cluster.get("capacityProviders", []):
            return f"The capacity provider cannot be deleted because it is associated with cluster: {name}. Remove the capacity provider from the cluster and try again."
    return None


@refuse(_PROVIDER, source=_CREATE_PROVIDER)
def provider_name(step: Step) -> str | None:
    """The name of a capacity provider does not begin with `aws`, `ecs` or `fargate`."""
    name = properties_of(step).get("Name")
    if name and re.match(r"aws|ecs|fargate", str(name), re.IGNORECASE):
        return "The specified capacity provider name is invalid. Up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens are allowed. The name cannot be prefixed with \"aws\", \"ecs\", or \"fargate\". Specify a valid name and try again."
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
        return f"{prefix} To enable managed termination protection for a capacity provider, managed scaling must be enabled."
    for name, record in internals.auto_scaling_groups.items():
        if reference in (name, record["AutoScalingGroupARN"]) and not is_true(record.get("NewInstancesProtectedFromScaleIn")):
            return f"{prefix} To enable managed termination protection for a capacity provider, the Auto Scaling group must have instance protection from scale in enabled."
    return None


# ---- task definitions ----


@refuse(_TASK, source=_REGISTER)
def container_memory(step: Step) -> str | None:
    """A container's reservation is below its limit, and both are within the task's memory."""
    given = properties_of(step)
    whole, reserved = number(given.get("Memory")), 0
    for container in given.get("ContainerDefinitions") or []:
        name, limit, soft = container.get("Name"), number(container.get("Memory")), number(container.get("MemoryReservation"))
        prefix = f"Invalid setting for container '{name}'."
        if 0 < max(limit, soft) < 4 or (limit and limit < 6) or (soft and soft < 4 and not limit):
            return f"{prefix} The minimum memory allowed is 6 MiB"
        if limit and soft and soft > limit:
            return f"{prefix} The Memory limit must be greater than or equal to the MemoryReservation."
        reserved += soft or limit
    if whole and reserved > whole:
        return "Invalid setting for container. The sum of the memory of all containers is greater than the memory of the task."
    return None


@refuse(_TASK, source=_REGISTER)
def container_names(step: Step) -> str | None:
    """Containers of a task have names of their own, and one of them is essential."""
    containers = properties_of(step).get("ContainerDefinitions") or []
    names = [container.get("Name") for container in containers]
    if len(set(names)) < len(names):
        return "Container.name must be unique in a task definition."
    if containers and all(str(container.get("Essential", True)).lower() == "false" for container in containers):
        return "A task definition must have at least one essential container."
    return None


@refuse(_TASK, source=_REGISTER)
def container_references(step: Step) -> str | None:
    """Containers mount volumes and wait for containers that the task has."""
    given = properties_of(step)
    volumes = {volume.get("Name") for volume in given.get("Volumes") or []}
    containers = given.get("ContainerDefinitions") or []
    names = {container.get("Name") for container in containers}
    for container in containers:
        for point in container.get("MountPoints") or []:
            if point.get("SourceVolume") not in volumes:
                return f"Unknown volume '{point.get('SourceVolume')}'."
        for wait in container.get("DependsOn") or []:
            if wait.get("ContainerName") not in names:
                return f"Invalid 'dependsOn' setting for container '{container.get('Name')}': container '{wait.get('ContainerName')}' does not exist in the task definition."
    return None


@refuse(_TASK, source=_REGISTER)
def container_variables(step: Step) -> str | None:
    """A secret of a container has a name that no other secret or variable has."""
    for container in properties_of(step).get("ContainerDefinitions") or []:
        names = [item.get("Name") for item in container.get("Environment") or []]
        for item in container.get("Secrets") or []:
            if item.get("Name") in names:
                return f"The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '{item['Name']}'."
            names.append(item.get("Name"))
    return None


@refuse(_TASK, source=_REGISTER)
def secrets_need_an_execution_role(step: Step) -> str | None:
    """A task whose containers read secrets, or pull logs' settings, has an execution role."""
    given = properties_of(step)
    if given.get("ExecutionRoleArn"):
        return None
    if any(container.get("Secrets") for container in given.get("ContainerDefinitions") or []):
        return "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
    return None


@refuse(_TASK, source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html")
def task_roles(step: Step) -> str | None:
    """The roles of a task exist and let tasks assume them."""
    given = properties_of(step)
    for key in ("TaskRoleArn", "ExecutionRoleArn"):
        arn = given.get(key)
        if arn and not trusts(arn if str(arn).startswith("arn:") else f"arn:aws:iam::{get_account_id()}:role/{arn}", "ecs-tasks.amazonaws.com"):
            return "Role is not valid"
    return None


@refuse(_TASK, source=_REGISTER)
def container_ports(step: Step) -> str | None:
    """In network mode awsvpc, a port of the host is the container's, and no port is there twice."""
    given = properties_of(step)
    if given.get("NetworkMode") != "awsvpc":
        return None
    taken = set[tuple[int, str]]()
    for container in given.get("ContainerDefinitions") or []:
        for mapping in container.get("PortMappings") or []:
            inner, outer = number(mapping.get("ContainerPort")), number(mapping.get("HostPort"))
            if outer and outer != inner:
                return "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
            port = inner, str(mapping.get("Protocol", "tcp"))
            if port in taken:
                return "When networkMode=awsvpc, the container ports must be unique in a task definition."
            taken.add(port)
    return None


@refuse(_TASK, source="https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html")
def container_health(step: Step) -> str | None:
    """A container's health check has an interval of 5 to 300 s, a timeout of 2 to 60 s, 1 to 10 retries and a start period up to 300 s."""
    ranges = {"Interval": (5, 300), "Timeout": (2, 60), "Retries": (1, 10), "StartPeriod": (0, 300)}
    for container in properties_of(step).get("ContainerDefinitions") or []:
        check = container.get("HealthCheck") or {}
        for key, (low, high) in ranges.items():
            if check.get(key) is not None and not low <= number(check[key], -1) <= high:
                name = key[0].lower() + key[1:]
                return f"Invalid 'healthCheck.{name}' setting for container '{container.get('Name')}'. Valid values are between {low} and {high}."
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


@refuse(_SERVICE, source=_CREATE_SERVICE)
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


@refuse(_SERVICE, source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-strategies.html")
def placement(step: Step) -> str | None:
    """A service has at most five strategies of placement, and packs by cpu or memory."""
    strategies = properties_of(step).get("PlacementStrategies") or []
    if len(strategies) > 5:
        return "1 validation error detected: The number of placement strategies must be at most 5."
    for strategy in strategies:
        if strategy.get("Type") == "binpack" and str(strategy.get("Field")).lower() not in ("cpu", "memory"):
            return f"Invalid binpack field: {strategy.get('Field')}"
    return None


@refuse(_SERVICE, source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html")
def rebalancing(step: Step) -> str | None:
    """Rebalancing over zones wants spread over zones as the first strategy, and room above 100 %."""
    given = properties_of(step)
    if given.get("AvailabilityZoneRebalancing") != "ENABLED":
        return None
    first = next(iter(given.get("PlacementStrategies") or [{"Type": "spread", "Field": "attribute:ecs.availability-zone"}]))
    if first.get("Type") != "spread" or first.get("Field") != "attribute:ecs.availability-zone":
        return "Availability Zone rebalancing is not supported unless spread by attribute:ecs.availability-zone is the first placement strategy."
    if number((given.get("DeploymentConfiguration") or {}).get("MaximumPercent"), 200) <= 100:
        return "Availability Zone rebalancing is not supported with a maximumPercent of 100 or less."
    return None


@refuse(_SERVICE, source=_CREATE_SERVICE, moment="create")
def launch_type_and_strategy(step: Step) -> str | None:
    """A service has a launch type or a strategy of capacity providers, not both."""
    given = properties_of(step)
    if given.get("LaunchType") and given.get("CapacityProviderStrategy"):
        return "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
    return None
