"""Readers that `cdk drift` needs for services, groups and databases."""

from __future__ import annotations

from typing import Any

from ministack.services import autoscaling, ecs, rds
from ministack.services.cloudformation import drift

from .registry import Properties

_SERVICE_KEYS = {"DesiredCount", "TaskDefinition"}
_GROUP_KEYS = {"MinSize", "MaxSize", "DesiredCapacity"}
_INSTANCE_KEYS = {
    "DBInstanceClass",
    "MultiAZ",
    "AllocatedStorage",
    "StorageEncrypted",
    "BackupRetentionPeriod",
}


def register() -> None:
    """Put the readers into the table. A reader answers None for what is gone."""
    drift._DRIFT_READERS.update(
        {
            "AWS::ECS::Service": (_service, _SERVICE_KEYS),
            "AWS::AutoScaling::AutoScalingGroup": (_group, _GROUP_KEYS),
            "AWS::RDS::DBInstance": (_instance, _INSTANCE_KEYS),
        }
    )


def _service(arn: str, _: Properties) -> dict[str, Any] | None:
    service = ecs._services.get("/".join(arn.rsplit("/", 2)[-2:]))
    if service is None or service.get("status") == "INACTIVE":
        return None
    return {"DesiredCount": service["desiredCount"], "TaskDefinition": service.get("taskDefinition")}


def _group(name: str, _: Properties) -> dict[str, Any] | None:
    group = autoscaling._asgs.get(name)
    return None if group is None else {key: str(group.get(key)) for key in _GROUP_KEYS}


def _instance(name: str, _: Properties) -> dict[str, Any] | None:
    record = rds._instances.get(name)
    if record is None:
        return None
    # The template's AllocatedStorage is text, the record's a number.
    return {key: record.get(key) for key in _INSTANCE_KEYS} | {"AllocatedStorage": str(record.get("AllocatedStorage"))}
