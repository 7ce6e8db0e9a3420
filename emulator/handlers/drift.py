"""What drift detection reads of services, Auto Scaling groups and databases, so that `cdk drift` compares them too."""

from __future__ import annotations

from typing import Any

from . import internals
from .internals import Properties

_GROUP_SIZES = ("MinSize", "MaxSize", "DesiredCapacity")
_DATABASE_SETTINGS = ("DBInstanceClass", "MultiAZ", "AllocatedStorage", "StorageEncrypted", "BackupRetentionPeriod")


def register() -> None:
    """Give drift detection a reader for each of these types."""
    internals.read_for_drift("AWS::ECS::Service", _read_service, ("DesiredCount", "TaskDefinition"))
    internals.read_for_drift("AWS::AutoScaling::AutoScalingGroup", _read_group, _GROUP_SIZES)
    internals.read_for_drift("AWS::RDS::DBInstance", _read_database, _DATABASE_SETTINGS)


def _read_service(arn: str, _: Properties) -> Properties | None:
    service = internals.ecs_services.get("/".join(arn.rsplit("/", 2)[-2:]))
    if service is None or service.get("status") == "INACTIVE":
        return None
    return {"DesiredCount": service["desiredCount"], "TaskDefinition": service.get("taskDefinition")}


def _read_group(name: str, _: Properties) -> Properties | None:
    group = internals.auto_scaling_groups.get(name)
    return None if group is None else {key: group.get(key) for key in _GROUP_SIZES}


def _read_database(name: str, _: Properties) -> Properties | None:
    database: dict[str, Any] | None = internals.db_instances.get(name)
    return None if database is None else {key: database.get(key) for key in _DATABASE_SETTINGS}
