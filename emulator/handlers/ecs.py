"""ECS: capacity providers, account settings for one principal, and what the shipped types leave out."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    json_response,
)

from emulator.iam import caller

from . import internals
from .internals import Properties, answer_ecs, call_ecs, physical_name
from .registry import Attributes, add, extend

_TASK_DEFINITION = "AWS::ECS::TaskDefinition"
_SERVICE = "AWS::ECS::Service"
_PROVIDER = "AWS::ECS::CapacityProvider"
_ASSOCIATIONS = "AWS::ECS::ClusterCapacityProviderAssociations"
# The keys of these maps are chosen by the user, so they keep their spelling.
_VERBATIM = frozenset({"dockerLabels", "options", "driverOpts", "labels", "environmentVariables"})
# For these keys, the API name is not simply the CloudFormation name with a lower-case first letter.
_RENAMED = {
    "EFSVolumeConfiguration": "efsVolumeConfiguration",
    "FilesystemId": "fileSystemId",
    "IAM": "iam",
}
# cluster -> properties of its associations
_associations = AccountRegionScopedDict()
# (principal ARN, setting) -> value
_settings = AccountRegionScopedDict()


def register() -> None:
    """Put the types of this module into the table, and the account settings into the API's."""
    extend(_TASK_DEFINITION, check=_check_task_definition, after=_complete_task_definition)
    extend(_SERVICE, check=_check_service, after=_complete_service)
    extend("AWS::ECS::Cluster", after=_restore_associations)
    add(
        _PROVIDER,
        create=_create_provider,
        change=_change_provider,
        delete=_delete_provider,
    )
    add(
        _ASSOCIATIONS,
        create=lambda _, properties, __: (properties["Cluster"], _associate(properties)),
        change=lambda _, __, new: _associate(new),
        delete=_disassociate,
    )
    answer_ecs("PutAccountSetting", _put_account_setting)
    answer_ecs("DeleteAccountSetting", _delete_account_setting)
    answer_ecs("ListAccountSettings", _list_account_settings)


def _api_case(value: Any) -> Any:
    """Spell a CloudFormation property as the ECS API does, at every depth."""
    if isinstance(value, list):
        return [_api_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {_RENAMED.get(key, key[:1].lower() + key[1:]): item for key, item in value.items()}
    return {key: item if key in _VERBATIM else _api_case(item) for key, item in renamed.items()}


# ---- what the shipped types leave out ----


def _task_definition(arn: Any) -> dict[str, Any]:
    return internals.task_definitions.get(str(arn).rsplit("/", 1)[-1]) or {}


def _check_task_definition(properties: Properties) -> None:
    for container in properties.get("ContainerDefinitions") or []:
        if not (properties.get("Memory") or container.get("Memory") or container.get("MemoryReservation")):
            raise ValueError(f"{_TASK_DEFINITION}: container {container.get('Name')} needs memory or memoryReservation")


def _complete_task_definition(arn: str, properties: Properties) -> Attributes:
    # MiniStack keeps nested lists (secrets, volumes, ulimits, ...) in CloudFormation's spelling.
    _task_definition(arn).update(
        containerDefinitions=_api_case(properties.get("ContainerDefinitions", [])),
        volumes=_api_case(properties.get("Volumes", [])),
        placementConstraints=_api_case(properties.get("PlacementConstraints", [])),
    )
    return {}


def _check_service(properties: Properties) -> None:
    """Refuse references that AWS resolves and MiniStack does not."""
    cluster = str(properties.get("Cluster", "default")).rsplit("/", 1)[-1]
    if cluster not in internals.ecs_clusters:
        raise ValueError(f"{_SERVICE}: cluster {cluster} not found")
    associated = internals.ecs_clusters[cluster].get("capacityProviders", [])
    for item in properties.get("CapacityProviderStrategy") or []:
        if item["CapacityProvider"] not in associated:
            raise ValueError(
                f"{_SERVICE}: capacity provider {item['CapacityProvider']} is not associated with {cluster}"
            )
    containers = _task_definition(properties.get("TaskDefinition")).get("containerDefinitions", [])
    open_ports = {
        (container["name"], int(mapping.get("containerPort") or 0))
        for container in containers
        for mapping in container.get("portMappings", [])
    }
    for balancer in properties.get("LoadBalancers") or []:
        if balancer.get("TargetGroupArn") not in internals.target_groups:
            raise ValueError(f"{_SERVICE}: target group {balancer.get('TargetGroupArn')} does not exist")
        name, port = balancer.get("ContainerName"), int(balancer.get("ContainerPort") or 0)
        if (name, port) not in open_ports:
            raise ValueError(f"{_SERVICE}: the task definition has no container {name} with port {port}")


def _complete_service(arn: str, properties: Properties) -> Attributes:
    # What CreateService takes and MiniStack's CloudFormation type does not pass on.
    service = internals.ecs_services.get("/".join(arn.rsplit("/", 2)[-2:]))
    if service is not None:
        service.update(
            placementStrategy=_api_case(properties.get("PlacementStrategies") or []),
            placementConstraints=_api_case(properties.get("PlacementConstraints") or []),
            healthCheckGracePeriodSeconds=int(properties.get("HealthCheckGracePeriodSeconds", 0)),
            enableExecuteCommand=str(properties.get("EnableExecuteCommand", False)).lower() == "true",
        )
    return {}


# ---- capacity providers ----


def _provider_body(name: str, properties: Properties) -> dict[str, Any]:
    group = _api_case(properties.get("AutoScalingGroupProvider") or {})
    reference = group.get("autoScalingGroupArn", "")
    arn = next(
        (
            record["AutoScalingGroupARN"]
            for key, record in internals.auto_scaling_groups.items()
            if reference in (key, record["AutoScalingGroupARN"])
        ),
        None,
    )
    if arn is None:
        raise ValueError(f"{_PROVIDER}: auto scaling group {reference!r} does not exist")
    return {"name": name, "autoScalingGroupProvider": group | {"autoScalingGroupArn": arn}}


def _create_provider(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
    name = properties.get("Name") or physical_name(stack, logical_id)
    tags = [{"key": tag["Key"], "value": tag["Value"]} for tag in properties.get("Tags", [])]
    call_ecs("CreateCapacityProvider", _provider_body(name, properties) | {"tags": tags})
    return name, {}


def _change_provider(name: str, _: Properties, new: Properties) -> Attributes:
    call_ecs("UpdateCapacityProvider", _provider_body(name, new))
    return {}


def _delete_provider(name: str, _: Properties) -> None:
    for cluster in internals.ecs_clusters.values():
        if name in cluster.get("capacityProviders", []):
            raise ValueError(f"{_PROVIDER}: {name} is associated with cluster {cluster['clusterName']}")
    if name in internals.capacity_providers:
        call_ecs("DeleteCapacityProvider", {"capacityProvider": name})


def _associate(properties: Properties) -> Attributes:
    names = properties.get("CapacityProviders") or []
    strategy = properties.get("DefaultCapacityProviderStrategy") or []
    for name in names:
        if name not in internals.capacity_providers and name not in ("FARGATE", "FARGATE_SPOT"):
            raise ValueError(f"{_ASSOCIATIONS}: capacity provider {name} does not exist")
    for item in strategy:
        if item["CapacityProvider"] not in names:
            raise ValueError(
                f"{_ASSOCIATIONS}: default strategy names {item['CapacityProvider']}, which is not associated"
            )
    body = {
        "cluster": properties["Cluster"],
        "capacityProviders": names,
        "defaultCapacityProviderStrategy": _api_case(strategy),
    }
    call_ecs("PutClusterCapacityProviders", body)
    _associations[properties["Cluster"]] = properties
    return {}


def _disassociate(cluster: str, _: Properties) -> None:
    _associations.pop(cluster, None)
    if cluster in internals.ecs_clusters:
        call_ecs("PutClusterCapacityProviders", {"cluster": cluster})


def _restore_associations(cluster: str, properties: Properties) -> Attributes:
    # MiniStack's update of a cluster drops associations that are a resource of their own.
    if cluster in _associations and "CapacityProviders" not in properties:
        _associate(_associations[cluster])
    return {}


# ---- account settings: MiniStack keeps them for the account alone ----


def _root() -> str:
    return f"arn:aws:iam::{get_account_id()}:root"


def _principal(data: dict[str, Any]) -> str:
    """Return whom a setting is for: who is named, or else the caller, a session of a role being that role."""
    who = caller()
    role = internals.roles.get(who.role, {}).get("Arn") or who.role_arn if who.role else None
    return str(data.get("principalArn") or role or who.arn)


def _setting(principal: str, name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value, "principalArn": principal, "type": "user"}


def account_setting(principal: str | None, name: str) -> str | None:
    """Return the value of a setting that holds for a principal: its own, else the account's, else None."""
    own = _settings.get((principal, name)) if principal else None
    return own or _settings.get((_root(), name))


def _put_account_setting(data: dict[str, Any]) -> Any:
    name, value, principal = data.get("name"), data.get("value"), _principal(data)
    if not name or not value:
        return error_response_json("InvalidParameterException", "name and value are required", 400)
    _settings[principal, name] = value
    return json_response({"setting": _setting(principal, name, value)})


def _delete_account_setting(data: dict[str, Any]) -> Any:
    name, principal = data.get("name", ""), _principal(data)
    value = _settings.pop((principal, name), "")
    return json_response({"setting": _setting(principal, name, value)})


def _list_account_settings(data: dict[str, Any]) -> Any:
    """List what was set for the principal, or with `effectiveSettings` what holds for it."""
    wanted, principal = data.get("name"), _principal(data)
    root = _root()
    found = {
        name: _setting(owner, name, value)
        # The account's own come first, so that the principal's replace them.
        for (owner, name), value in sorted(_settings.items(), key=lambda item: item[0][0] != root)
        if wanted in (None, name) and (owner == principal or (owner == root and data.get("effectiveSettings")))
    }
    return json_response({"settings": list(found.values())})
