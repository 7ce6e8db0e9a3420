"""Secrets: `Ref` answers the ARN, as on AWS; MiniStack's answers the name, which no policy can allow."""

from __future__ import annotations

from . import internals
from .internals import Properties, resource_types
from .registry import Attributes, handled_types

_TYPE = "AWS::SecretsManager::Secret"


def register() -> None:
    """Wrap the type of this module, and let drift detection find its secrets."""
    shipped = dict(resource_types[_TYPE])

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        _, attributes = shipped["create"](logical_id, properties, stack)
        return attributes["Arn"], attributes

    def update(arn: str, old: Properties, new: Properties, stack: str, logical_id: str) -> tuple[str, Attributes]:
        _, attributes = shipped["update"](_name(arn), old, new, stack, logical_id)
        return attributes["Arn"], attributes

    def delete(arn: str, properties: Properties) -> None:
        shipped["delete"](_name(arn), properties)

    resource_types[_TYPE] = shipped | {"create": create, "update": update, "delete": delete}
    handled_types.add(_TYPE)
    internals.read_for_drift(_TYPE, _read, ("Name", "Description"))


def _name(arn: str) -> str:
    return next((name for name, secret in internals.secrets.items() if secret["ARN"] == arn), arn)


def _read(arn: str, _: Properties) -> Properties | None:
    secret = internals.secrets.get(_name(arn))
    return None if secret is None else {"Name": secret["Name"], "Description": secret.get("Description", "")}
