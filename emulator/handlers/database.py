"""RDS: references checked, and the master secret that RDS manages."""

from __future__ import annotations

import json
import secrets
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2, rds, secretsmanager

from .registry import Attributes, Properties, extend

_INSTANCE = "AWS::RDS::DBInstance"


def register() -> None:
    """Wrap the types of this module."""
    extend(
        _INSTANCE,
        check=_check_instance,
        after=lambda name, properties: _managed_secret("db", rds._instances[name], properties),
        before_delete=lambda name: _drop_secret(rds._instances.get(name)),
    )
    extend(
        "AWS::RDS::DBCluster",
        after=lambda name, properties: _managed_secret("cluster", rds._clusters[name], properties),
        before_delete=lambda name: _drop_secret(rds._clusters.get(name)),
    )


def _check_instance(properties: Properties) -> None:
    references = (
        ("DBSubnetGroupName", rds._subnet_groups),
        ("DBParameterGroupName", rds._param_groups),
    )
    for key, store in references:
        name = str(properties.get(key) or "")
        if name and not name.startswith("default") and name not in store:
            raise ValueError(f"{_INSTANCE}: {key} {name} not found")
    for group in properties.get("VPCSecurityGroups") or []:
        if group not in ec2._security_groups:
            raise ValueError(f"{_INSTANCE}: security group {group} does not exist")


def _managed_secret(kind: str, record: dict[str, Any], properties: Properties) -> Attributes:
    """Make the master secret once and keep it for the life of the record."""
    if str(properties.get("ManageMasterUserPassword")).lower() != "true":
        return {}
    if not record.get("MasterUserSecret"):
        key = (properties.get("MasterUserSecret") or {}).get("KmsKeyId")
        login = {"username": record["MasterUsername"], "password": secrets.token_urlsafe(24)}
        record["MasterUserSecret"] = {
            "SecretArn": secretsmanager.create_secret_in_process(
                f"rds!{kind}-{secrets.token_hex(8)}", json.dumps(login), description="Managed by RDS"
            ),
            "SecretStatus": "active",
            "KmsKeyId": key or f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/secretsmanager",
        }
    return {"MasterUserSecret.SecretArn": record["MasterUserSecret"]["SecretArn"]}


def _drop_secret(record: dict[str, Any] | None) -> None:
    arn = ((record or {}).get("MasterUserSecret") or {}).get("SecretArn")
    for name in [name for name, secret in secretsmanager._secrets.items() if secret["ARN"] == arn]:
        del secretsmanager._secrets[name]
