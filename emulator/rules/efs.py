"""EFS: mount targets, keys, file systems that are still mounted."""

from __future__ import annotations

from emulator.handlers import internals
from emulator.handlers.internals import Step

from .book import is_true, number, properties_of, refuse
from .kms import exists

_SYSTEM, _TARGET, _POINT = "AWS::EFS::FileSystem", "AWS::EFS::MountTarget", "AWS::EFS::AccessPoint"
_CREATE_SYSTEM = "https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html"
_CREATE_TARGET = "https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html"


@refuse(_SYSTEM, source=_CREATE_SYSTEM, own_words=True)
def file_system_key(step: Step) -> str | None:
    """The key of a file system exists, and goes with encryption alone."""
    given = properties_of(step)
    key = given.get("KmsKeyId")
    if key and not is_true(given.get("Encrypted")):
        return "KmsKeyId may only be specified for encrypted file systems"
    if key and not exists(key):
        return f"KMS key is invalid or does not exist: {key}"
    return None


@refuse(_SYSTEM, source=_CREATE_SYSTEM, own_words=True)
def throughput(step: Step) -> str | None:
    """Provisioned throughput goes with a number of MiB/s, and no other mode does."""
    given = properties_of(step)
    provisioned, amount = (
        given.get("ThroughputMode") == "provisioned",
        number(given.get("ProvisionedThroughputInMibps")),
    )
    if provisioned == (amount > 0):
        return None
    if provisioned:
        return (
            "Invalid Throughput: ProvisionedThroughputInMibps must be specified when ThroughputMode is set to "
            "'provisioned'"
        )
    return (
        "Invalid Throughput: ProvisionedThroughputInMibps may only be specified when ThroughputMode is set to "
        "'provisioned'"
    )


@refuse(_SYSTEM, source="https://docs.aws.amazon.com/efs/latest/ug/API_DeleteFileSystem.html", moment="delete")
def mounted_file_system(step: Step) -> str | None:
    """A file system with mount targets is not deleted."""
    name = str(step.physical_id)
    used = any(target["FileSystemId"] == name for target in internals.mount_targets.values())
    return f"File system '{name}' has one or more mount targets" if used else None


@refuse(_TARGET, source=_CREATE_TARGET, moment="create")
def one_mount_target_for_each_zone(step: Step) -> str | None:
    """A file system has one mount target in a zone."""
    given = properties_of(step)
    zone = internals.subnets.get(str(given.get("SubnetId")), {}).get("AvailabilityZone")
    for target in internals.mount_targets.values():
        same = target["FileSystemId"] == given.get("FileSystemId")
        if same and internals.subnets.get(target["SubnetId"], {}).get("AvailabilityZone") == zone:
            return "mount target already exists in this AZ"
    return None


@refuse(_TARGET, source=_CREATE_TARGET, code="NotFound")
def mount_target_of_nothing(step: Step) -> str | None:
    """The file system, the subnet and the security groups of a mount target exist; there are at most five groups."""
    given = properties_of(step)
    if given.get("FileSystemId") not in internals.file_systems:
        return f"File system '{given.get('FileSystemId')}' does not exist."
    if given.get("SubnetId") not in internals.subnets:
        return f"The subnet ID '{given.get('SubnetId')}' does not exist"
    groups = given.get("SecurityGroups") or []
    for group in groups:
        if group not in internals.security_groups:
            return f"One of the specified security groups is not found: {group}"
    return "Number of security groups exceeds the limit of 5" if len(groups) > 5 else None


@refuse(_POINT, source="https://docs.aws.amazon.com/efs/latest/ug/API_CreateAccessPoint.html", code="NotFound")
def access_point_of_nothing(step: Step) -> str | None:
    """The file system of an access point exists."""
    name = properties_of(step).get("FileSystemId")
    return None if name in internals.file_systems else f"File system '{name}' does not exist."
