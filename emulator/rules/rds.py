"""RDS: combinations of class, version and storage, names, passwords, protection."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from ministack.core.responses import get_region

from emulator.handlers import internals
from emulator.handlers.internals import Step
from sizing.facts import catalogue

from .book import is_true, number, properties_of, refuse
from .iam import trusts
from .kms import exists

_INSTANCE, _SUBNETS, _PARAMETERS = "AWS::RDS::DBInstance", "AWS::RDS::DBSubnetGroup", "AWS::RDS::DBParameterGroup"
_CREATE = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"
_MODIFY = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html"
_CLASSES = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Support.html"
_LICENSES = {"mysql": "general-public-license", "postgres": "postgresql-license"}
# Engine -> (letters at most, reserved names). MySQL knows more reserved words; these are the ones that people try.
_MASTER_NAMES = {
    "mysql": (16, {"rdsadmin", "mysql", "user", "select", "group", "order", "rds_superuser_role"}),
    "aurora-mysql": (16, {"rdsadmin", "mysql", "user", "select", "group", "order", "rds_superuser_role"}),
    "postgres": (63, {"admin", "rdsadmin", "user", "select", "group", "order", "pg_signal_backend", "rds_superuser"}),
}
_LOG_TYPES = {
    "mysql": {"audit", "error", "general", "slowquery", "iam-db-auth-error"},
    "postgres": {"postgresql", "upgrade", "iam-db-auth-error"},
}
_PASSWORD_CHARACTERS = {"mysql": 41, "aurora-mysql": 41, "postgres": 128}
_STORAGE_GIB = {"gp2": 20, "gp3": 20, "io1": 100, "io2": 100}


def _engine(step: Step) -> str:
    return str(properties_of(step).get("Engine", ""))


@cache
def _versions(engine: str) -> frozenset[str]:
    """Return the versions of an engine that cfn-lint lists; it takes them from DescribeDBEngineVersions."""
    folder = distribution("cfn-lint").locate_file("cfnlint/data/schemas/extensions/aws_rds_dbinstance")
    for rule in json.loads(Path(f"{folder}/engine_version.json").read_text("utf-8"))["allOf"]:
        if rule["if"]["properties"]["Engine"].get("const") == engine:
            return frozenset(rule["then"]["properties"]["EngineVersion"]["enum"])
    return frozenset()


def _parts(version: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", str(version)))


@refuse(_INSTANCE, source=_CREATE)
def engine_version(step: Step) -> str | None:
    """The version of a database is one that its engine has."""
    engine, version = _engine(step), properties_of(step).get("EngineVersion")
    known = _versions(engine)
    if not version or not known or any(f"{each}.".startswith(f"{version}.") for each in known):
        return None  # "8.4" stands for the newest of its minor versions
    return f"Cannot find version {version} for {engine}"


@refuse(_INSTANCE, source="T-17", moment="update")
def lower_version(step: Step) -> str | None:
    """A database does not go back to a lower version."""
    record = internals.db_instances.get(str(step.physical_id)) or {}
    now, wanted = record.get("EngineVersion"), properties_of(step).get("EngineVersion")
    unchanged = wanted == (step.old or {}).get("EngineVersion")
    if unchanged or step.rolling_back or not now or not wanted or _parts(wanted) >= _parts(now)[: len(_parts(wanted))]:
        return None  # the handler sends only what has changed, and no version in a rollback
    return f"Cannot upgrade {_engine(step)} from {now} to {wanted}"


@refuse(_INSTANCE, source=_CLASSES)
def instance_class(step: Step) -> str | None:
    """The class of a database exists for its engine and version in the region."""
    given, engine = properties_of(step), _engine(step)
    if engine not in _LICENSES:
        return None
    name, version = str(given.get("DBInstanceClass")), str(given.get("EngineVersion") or "8.4")
    major = ".".join(version.split(".")[:2]) if engine == "mysql" else "any"
    if name in {each.name for each in catalogue.orderable(engine, get_region(), major)}:
        return None
    return (
        f"RDS does not support creating a DB instance with the following combination: DBInstanceClass={name}, "
        f"Engine={engine}, EngineVersion={version}, LicenseModel={_LICENSES[engine]}. For supported combinations of "
        "instance class and database engine version, see the documentation."
    )


@refuse(_INSTANCE, source=_CREATE)
def storage_size(step: Step) -> str | None:
    """A database has at least 20 GiB of general-purpose storage, or 100 GiB of provisioned."""
    given = properties_of(step)
    kind, size = str(given.get("StorageType") or "gp2"), number(given.get("AllocatedStorage"))
    if _engine(step) not in _LICENSES or _STORAGE_GIB.get(kind, 0) <= size <= 65_536:
        return None
    return f"Invalid storage size for engine name {_engine(step)} and storage type {kind}: {size}"


@refuse(_INSTANCE, source="T-17", moment="update")
def lower_storage(step: Step) -> str | None:
    """The storage of a database does not shrink, nor below what it has grown to by itself."""
    given, record = properties_of(step), internals.db_instances.get(str(step.physical_id)) or {}
    size, now = number(given.get("AllocatedStorage")), number(record.get("AllocatedStorage"))
    if step.rolling_back or given.get("AllocatedStorage") == (step.old or {}).get("AllocatedStorage") or size >= now:
        return None
    kind = given.get("StorageType") or record.get("StorageType") or "gp2"
    return f"Invalid storage size for engine name {_engine(step)} and storage type {kind}: {size}"


@refuse(
    _INSTANCE,
    source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html",
    own_words=True,
)
def storage_ceiling(step: Step) -> str | None:
    """The maximum of storage autoscaling is at least a tenth above the allocated storage."""
    given = properties_of(step)
    high, size = number(given.get("MaxAllocatedStorage")), number(given.get("AllocatedStorage"))
    if not high or high * 10 >= size * 11:
        return None
    return (
        f"Invalid max storage size for engine name {_engine(step)} and storage type "
        f"{given.get('StorageType') or 'gp2'}: {high}"
    )


@refuse(_INSTANCE, source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html", own_words=True)
def provisioned_performance(step: Step) -> str | None:
    """IOPS of gp3 are a matter of the size: below 400 GiB MySQL and PostgreSQL have the base alone."""
    given = properties_of(step)
    if given.get("StorageType") != "gp3" or number(given.get("AllocatedStorage")) >= 400:
        return None
    if given.get("Iops") is None and given.get("StorageThroughput") is None:
        return None
    return f"You can't specify IOPS or storage throughput for engine {_engine(step)} and a storage size less than 400."


@refuse(_INSTANCE, source="T-20", moment="create", own_words=True)
def master_name(step: Step) -> str | None:
    """A master user of MySQL has 1 to 16 letters, digits and underscores, and no reserved name."""
    name, engine = properties_of(step).get("MasterUsername"), _engine(step)
    if name is None or engine not in _MASTER_NAMES:
        return None
    longest, reserved = _MASTER_NAMES[engine]
    if str(name).lower() in reserved:
        return f"MasterUsername {name} cannot be used as it is a reserved word used by the engine"
    allowed = r"[A-Za-z][A-Za-z0-9]*" if engine.startswith("aurora") else r"[A-Za-z][A-Za-z0-9_]*"
    if not re.fullmatch(allowed, str(name)):
        return "MasterUsername must begin with a letter and contain only alphanumeric characters"
    return (
        f"The parameter MasterUserName is not a valid identifier. Identifiers must be no longer than {longest} "
        "characters."
        if len(str(name)) > longest
        else None
    )


@refuse(_INSTANCE, source=_CREATE)
def master_password(step: Step) -> str | None:
    """A master password has 8 to 41 characters (PostgreSQL: 128), none of them /, @, " or a space."""
    given = properties_of(step)
    password = given.get("MasterUserPassword")
    if password is None:
        return None
    if is_true(given.get("ManageMasterUserPassword")):
        return "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled."
    prefix, longest = (
        "The parameter MasterUserPassword is not a valid password",
        _PASSWORD_CHARACTERS.get(_engine(step), 128),
    )
    if len(password) < 8:
        return f"{prefix} because it is shorter than 8 characters."
    if len(password) > longest:
        return f"{prefix} because it is longer than {longest} characters."
    if re.search(r"[/@\" ]|[^\x20-\x7e]", password):
        return f"{prefix}. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used."
    return None


@refuse(_INSTANCE, source=_CREATE, moment="create")
def master_credentials_are_missing(step: Step) -> str | None:
    """A new database has a master user and a password, given or managed."""
    given = properties_of(step)
    if {"DBSnapshotIdentifier", "SourceDBInstanceIdentifier", "DBClusterIdentifier", "RestoreTime"} & given.keys():
        return None
    if not given.get("MasterUsername"):
        return "The parameter MasterUsername must be provided and must not be blank."
    if not given.get("MasterUserPassword") and not is_true(given.get("ManageMasterUserPassword")):
        return "The parameter MasterUserPassword must be provided and must not be blank."
    return None


@refuse(_INSTANCE, source=_CREATE, code="NotFound", own_words=True)
def database_key(step: Step) -> str | None:
    """The keys of a database exist, and its storage key goes with encryption alone."""
    given = properties_of(step)
    if given.get("KmsKeyId") and str(given.get("StorageEncrypted", True)).lower() == "false":
        return "KmsKeyId can only be specified when StorageEncrypted is true."
    secret = given.get("MasterUserSecret") or {}
    for key in (given.get("KmsKeyId"), given.get("PerformanceInsightsKMSKeyId"), secret.get("KmsKeyId")):
        if key and not exists(key):
            return (
                f"The specified KMS key [{key}] does not exist, is not enabled or you do not have permissions to "
                "access it."
            )
    return None


@refuse(_INSTANCE, source=_CREATE, own_words=True)
def backup_days(step: Step) -> str | None:
    """Backups are kept for 0 to 35 days."""
    days = properties_of(step).get("BackupRetentionPeriod")
    if days is None or 0 <= number(days, -1) <= 35:
        return None
    return f"Invalid backup retention period: {days}. Must be between 0 and 35."


@refuse(_INSTANCE, source=_CREATE)
def database_name(step: Step) -> str | None:
    """An identifier has letters, digits and single hyphens, begins with a letter and ends with no hyphen."""
    name = properties_of(step).get("DBInstanceIdentifier")
    if name is None or (re.fullmatch(r"[A-Za-z](-?[A-Za-z0-9])*", str(name)) and len(str(name)) <= 63):
        return None
    return (
        "The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must begin with a letter; must "
        "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
        "consecutive hyphens."
    )


@refuse(_INSTANCE, source=_CREATE, moment="create", code="AlreadyExists")
def database_exists(step: Step) -> str | None:
    """A database cannot have the identifier of another one."""
    name = str(properties_of(step).get("DBInstanceIdentifier") or "").lower()
    return "DB instance already exists" if name and name in internals.db_instances else None


@refuse(_INSTANCE, source=_CREATE)
def multi_az_zone(step: Step) -> str | None:
    """A Multi-AZ database names no zone of its own."""
    given = properties_of(step)
    if is_true(given.get("MultiAZ")) and given.get("AvailabilityZone"):
        return "Requesting a specific availability zone is not valid for Multi-AZ instances."
    return None


@refuse(_INSTANCE, source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html")
def monitoring_role(step: Step) -> str | None:
    """Enhanced monitoring has an interval and a role that its service may assume."""
    given = properties_of(step)
    seconds, role = number(given.get("MonitoringInterval")), given.get("MonitoringRoleArn")
    if seconds not in (0, 1, 5, 10, 15, 30, 60):
        return f"Invalid monitoring interval: {seconds}. Must be one of 0, 1, 5, 10, 15, 30, 60."
    if seconds and not role:
        return "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0."
    if seconds and not trusts(role, "monitoring.rds.amazonaws.com"):
        return "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING"
    return None


@refuse(
    _INSTANCE,
    source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html",
)
def exported_logs(step: Step) -> str | None:
    """A database sends only the logs that its engine has."""
    engine, allowed = _engine(step), _LOG_TYPES.get(_engine(step))
    wrong = [
        name for name in properties_of(step).get("EnableCloudwatchLogsExports") or [] if allowed and name not in allowed
    ]
    return (
        f"You cannot use the log types '{', '.join(wrong)}' with engine version {engine} "
        f"{properties_of(step).get('EngineVersion')}. For supported log types, see the documentation."
        if wrong
        else None
    )


@refuse(
    _INSTANCE,
    source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithDBInstanceParamGroups.html",
)
def parameter_family(step: Step) -> str | None:
    """The parameter group of a database is of the family of its version."""
    given = properties_of(step)
    record = internals.db_parameter_groups.get(str(given.get("DBParameterGroupName"))) or {}
    family, version = record.get("DBParameterGroupFamily"), str(given.get("EngineVersion") or "")
    engine = _engine(step)
    if not family or not version:
        return None
    wanted = engine + ".".join(version.split(".")[: 2 if "mysql" in engine else 1])
    if family == wanted:
        return None
    return (
        f"The Parameter Group {given['DBParameterGroupName']} with DBParameterGroupFamily {family} can't be used "
        "for this "
        f"instance. Please use a Parameter Group with DBParameterGroupFamily {wanted}"
    )


@refuse(_INSTANCE, source="T-3", moment="delete")
def protected_database(step: Step) -> str | None:
    """A database with deletion protection is not deleted."""
    record = internals.db_instances.get(str(step.physical_id)) or {}
    if not is_true(record.get("DeletionProtection")):
        return None
    return "Cannot delete protected DB Instance, please disable deletion protection and try again."


@refuse(
    _SUBNETS, source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html"
)
def two_zones(step: Step) -> str | None:
    """A subnet group of databases covers two zones."""
    subnets = properties_of(step).get("SubnetIds") or []
    for subnet in subnets:
        if subnet not in internals.subnets:
            return "Some input subnets are invalid."
    zones = {internals.subnets[subnet]["AvailabilityZone"] for subnet in subnets}
    if len(zones) >= 2:
        return None
    return (
        "DB Subnet Group doesn't meet availability zone coverage requirement. Please add subnets to cover at least 2 "
        f"availability zones. Current coverage: {len(zones)}"
    )


@refuse(
    _SUBNETS,
    source="https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBSubnetGroup.html",
    moment="delete",
)
def subnet_group_in_use(step: Step) -> str | None:
    """A subnet group is not deleted while a database is in it."""
    for name, record in internals.db_instances.items():
        group = record.get("DBSubnetGroup")
        if step.physical_id in (group, (group or {}).get("DBSubnetGroupName") if isinstance(group, dict) else None):
            return (
                f"Cannot delete the subnet group '{step.physical_id}' because at least one database instance: "
                f"{name} is still using it."
            )
    return None


@refuse(
    _PARAMETERS,
    source="https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html",
    own_words=True,
)
def family_exists(step: Step) -> str | None:
    """The family of a parameter group is one that RDS has."""
    family = str(properties_of(step).get("Family"))
    found = re.fullmatch(r"(mysql|aurora-mysql|postgres|aurora-postgresql|mariadb)(\d.*)", family)
    if not found or any(version.startswith(found[2]) for version in _versions(found[1])):
        return None
    return f"ParameterGroupFamily {family} is not a valid parameter group family"
