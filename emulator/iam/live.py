"""The account of the running target, as IAM sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.handlers.internals import auto_scaling_groups

from . import internals, managed
from .model import Document, Role

# What templates say and MiniStack does not keep, by type and by physical id.
_described: dict[str, dict[str, Document]] = {}


def describe(resource_type: str, physical_id: str, properties: Document) -> None:
    """Remember the properties of a resource of a stack."""
    _described.setdefault(resource_type, {})[physical_id] = properties


class Live:
    """The account; see `emulator.iam.model.Account`."""

    @property
    def id(self) -> str:
        """Its 12 digits."""
        return internals.account_id()

    @property
    def region(self) -> str:
        """Its region."""
        return internals.region()

    def role(self, arn: str) -> Role | None:
        """Return a role as it is now."""
        name = arn.rsplit("/", 1)[-1]
        record = internals.role(name)
        if record is None:
            return None
        boundary = record.get("PermissionsBoundary") or (self.described("AWS::IAM::Role", name) or {}).get(
            "PermissionsBoundary"
        )
        return Role(
            arn=str(record["Arn"]),
            trust=internals.parsed(record["AssumeRolePolicyDocument"]),
            policies=[
                *(internals.parsed(document) for document in record["InlinePolicies"].values()),
                *(managed.document(str(attached)) for attached in record["AttachedPolicies"]),
            ],
            boundary=managed.document(_arn_of_boundary(boundary)) if boundary else None,
        )

    def resource_policy(self, arn: str) -> Document | None:
        """Return the policy of a key, topic, function, secret or file system."""
        if ":elasticfilesystem:" in arn:
            system = self.described("AWS::EFS::FileSystem", arn.rsplit("/", 1)[-1]) or {}
            return system.get("FileSystemPolicy")
        found = internals.resource_policy(arn)
        return internals.parsed(found) if found else None

    def key_of(self, arn: str) -> str | None:
        """Return the ARN of the account's own key that encrypts a secret, topic or log group."""
        record: Mapping[str, Any] = {}
        if ":secretsmanager:" in arn:
            record = internals.secret(arn) or {}
        elif ":sns:" in arn:
            record = (internals.topic(arn) or {}).get("attributes") or {}
        elif ":log-group:" in arn:
            record = internals.log_group(arn.split(":log-group:")[1].removesuffix(":*")) or {}
        reference = record.get("KmsKeyId") or record.get("KmsMasterKeyId") or record.get("kmsKeyId")
        return internals.key_arn(str(reference)) if reference else None

    def arn(self, resource_type: str, name: str) -> str | None:
        """Return the ARN of what has a name."""
        match resource_type:
            case "AWS::IAM::Role":
                record, key = internals.role(name), "Arn"
            case "AWS::SecretsManager::Secret":
                record, key = internals.secret(name), "ARN"
            case "AWS::CloudFormation::Stack":
                record, key = internals.stack(name), "StackId"
            case "AWS::AutoScaling::AutoScalingGroup":
                record, key = auto_scaling_groups.get(name), "AutoScalingGroupARN"
            case _:
                return None
        return str(record[key]) if record else None

    def described(self, resource_type: str, reference: str) -> Document | None:
        """Return what the template says of a resource, by its ARN, id or name."""
        known = _described.get(resource_type, {})
        return known.get(reference) or known.get(reference.rsplit("/", 1)[-1])


def _arn_of_boundary(boundary: Any) -> str:
    return str(boundary["PermissionsBoundaryArn"] if isinstance(boundary, Mapping) else boundary)
