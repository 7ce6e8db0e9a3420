"""The table of CloudFormation types: add those that MiniStack lacks, wrap those that it ships."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from .internals import Properties, delete_predecessor, resource_types
from .replacement import needs_replacement

Attributes = dict[str, Any]
# (logical id, properties, stack name) -> (physical id, what Fn::GetAtt answers)
Create = Callable[[str, Properties, str], tuple[str, Attributes]]
# (physical id, old properties, new properties) -> what Fn::GetAtt answers
Change = Callable[[str, Properties, Properties], Attributes]
# (physical id, properties)
Delete = Callable[[str, Properties], None]

# The types that this package added or wrapped.
handled_types: set[str] = set()


def add(resource_type: str, *, create: Create, change: Change, delete: Delete) -> None:
    """Add a type that MiniStack lacks. An update replaces the resource when its schema says so.

    Args:
        resource_type: The CloudFormation type, such as `AWS::EC2::EIP`.
        create: Makes the resource.
        change: Changes it in place.
        delete: Removes it. A resource that is gone already is no error.

    Raises:
        SystemExit: MiniStack ships the type by now, so that the entry here must go.
    """
    if resource_type in resource_types:
        raise SystemExit(f"MiniStack ships {resource_type} now: remove it from emulator/handlers")

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Attributes]:
        if not needs_replacement(resource_type, old, new):
            return physical_id, change(physical_id, old, new)
        created = create(logical_id, new, stack)
        if created[0] != physical_id:
            delete_predecessor(delete, physical_id, old)
        return created

    resource_types[resource_type] = {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
    }
    handled_types.add(resource_type)


def extend(
    resource_type: str,
    *,
    check: Callable[[Properties], None] = lambda _: None,
    after: Callable[[str, Properties], Attributes] = lambda _id, _properties: {},
    before_delete: Callable[[str], None] = lambda _id: None,
) -> None:
    """Wrap a type that MiniStack ships.

    Args:
        resource_type: The CloudFormation type.
        check: Called with the properties first; raises ValueError for what AWS refuses. Default: nothing.
        after: Called with the physical id and the properties at the end; what it returns is added to the
            attributes of Fn::GetAtt. Default: nothing.
        before_delete: Called with the physical id before the resource goes. Default: nothing.
    """
    shipped = dict(resource_types[resource_type])
    base_update, wants_logical_id = shipped.get("update"), shipped.get("update_with_logical_id")

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        check(properties)
        physical_id, attributes = shipped["create"](logical_id, properties, stack)
        try:
            return physical_id, {**after(physical_id, properties), **attributes}
        except ValueError:
            # The stack never learns the id of what it failed to make, so it could not delete it.
            delete(physical_id, properties)
            raise

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Attributes]:
        assert base_update is not None  # noqa: S101 -- this function is put into the table only if MiniStack has one
        check(new)
        arguments = (physical_id, old, new, stack, *([logical_id] if wants_logical_id else []))
        physical_id, attributes = base_update(*arguments)
        return physical_id, {**after(physical_id, new), **attributes}

    def delete(physical_id: str, *rest: Any) -> None:
        before_delete(physical_id)
        shipped["delete"](physical_id, *rest)

    wrapped: dict[str, Any] = {"create": create, "delete": delete}
    if base_update is not None:
        wrapped |= {"update": update, "update_with_logical_id": True}
    resource_types[resource_type] = shipped | wrapped
    handled_types.add(resource_type)


def require(resource_type: str, properties: Properties, *names: str) -> None:
    """Refuse properties that lack one of `names`, in CloudFormation's words.

    Raises:
        ValueError: A property is missing or empty.
    """
    for name in names:
        if properties.get(name) in (None, "", []):
            raise ValueError(f"{resource_type}: property {name} cannot be empty")


def new_id(prefix: str) -> str:
    """Return an id in the form of EC2's: the prefix, a hyphen and 17 hexadecimal digits."""
    return f"{prefix}-{secrets.token_hex(9)[:17]}"
