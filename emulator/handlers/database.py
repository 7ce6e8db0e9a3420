"""RDS: references checked, and the master secret that RDS manages."""

from __future__ import annotations

import json
import secrets
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services.secretsmanager import create_secret_in_process

from . import internals
from .internals import Properties
from .registry import Attributes, extend

_INSTANCE = "AWS::RDS::DBInstance"


def register() -> None:
    """Wrap the type of this module."""
    extend(
        _INSTANCE,
        check=_check_instance,
        after=lambda name, properties: _managed_secret(internals.db_instances[name], properties),
        before_delete=lambda name: _delete_secret(internals.db_instances.get(name)),
    )


def _check_instance(properties: Properties) -> None:
    references = (
        ("DBSubnetGroupName", internals.db_subnet_groups),
        ("DBParameterGroupName", internals.db_parameter_groups),
    )
    for key, records in references:
        name = str(properties.get(key) or "")
        if name and not name.startswith("default") and name not in records:
            raise ValueError(f"{_INSTANCE}: {key} {name} not found")
    for group in properties.get("VPCSecurityGroups") or []:
        if group not in internals.security_groups:
            raise ValueError(f"{_INSTANCE}: security group {group} does not exist")


def _managed_secret(database: dict[str, Any], properties: Properties) -> Attributes:
    """Make the master secret once and keep it for the life of the database."""
    if str(properties.get("ManageMasterUserPassword")).lower() != "true":
        return {}
    if not database.get("MasterUserSecret"):
        key = (properties.get("MasterUserSecret") or {}).get("KmsKeyId")
        login = {"username": database["MasterUsername"], "password": secrets.token_urlsafe(24)}
        name = f"rds!db-{secrets.token_hex(8)}"
        arn = create_secret_in_process(name, json.dumps(login), description="Managed by RDS")
        # Who reads the secret needs its key too.
        internals.secrets[name]["KmsKeyId"] = key
        database["MasterUserSecret"] = {
            "SecretArn": arn,
            "SecretStatus": "active",
            "KmsKeyId": key or f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/secretsmanager",
        }
    return {"MasterUserSecret.SecretArn": database["MasterUserSecret"]["SecretArn"]}


def _delete_secret(database: dict[str, Any] | None) -> None:
    arn = ((database or {}).get("MasterUserSecret") or {}).get("SecretArn")
    for name in [name for name, secret in internals.secrets.items() if secret["ARN"] == arn]:
        del internals.secrets[name]
