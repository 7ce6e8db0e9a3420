"""The table of CloudFormation types: add those that MiniStack lacks, wrap those that it ships."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any

from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Attributes = dict[str, Any]
# (logical id, properties, stack name) -> (physical id, what Fn::GetAtt answers)
Create = Callable[[str, Properties, str], tuple[str, Attributes]]
# (physical id, old properties, new properties) -> what Fn::GetAtt answers
Change = Callable[[str, Properties, Properties], Attributes]
# (physical id, properties)
Delete = Callable[[str, Properties], None]

_TABLE: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS


def add(
    resource_type: str,
    *,
    create: Create,
    delete: Delete,
    change: Change | None = None,
    create_only: Iterable[str] | None = None,
) -> None:
    """Add a type that MiniStack lacks.

    Args:
        resource_type: The CloudFormation type, such as `AWS::EC2::EIP`.
        create: Makes the resource.
        delete: Removes it. A resource that is gone already is no error.
        change: Changes it in place. Default: every change but one of tags replaces it.
        create_only: Properties whose change replaces the resource. Default: all, but `Tags`.

    Raises:
        SystemExit: MiniStack ships the type by now, so that the entry here must go.
    """
    if resource_type in _TABLE:
        raise SystemExit(f"MiniStack ships {resource_type} now: remove it from emulator/handlers")
    replacing = None if create_only is None else frozenset(create_only)

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Attributes]:
        changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        if change is not None and not changed & (changed - {"Tags"} if replacing is None else replacing):
            return physical_id, change(physical_id, old, new)
        created = create(logical_id, new, stack)
        if created[0] != physical_id:
            provisioners._delete_predecessor(delete, physical_id, old)
        return created

    _TABLE[resource_type] = {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
    }


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
    shipped = dict(_TABLE[resource_type])
    base_update, wants_logical_id = shipped.get("update"), shipped.get("update_with_logical_id")

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        check(properties)
        physical_id, attributes = shipped["create"](logical_id, properties, stack)
        return physical_id, {**after(physical_id, properties), **attributes}

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> tuple[str, Attributes]:
        assert base_update is not None  # noqa: S101 -- the entry is made only if it is there
        check(new)
        words = (physical_id, old, new, stack, *([logical_id] if wants_logical_id else []))
        physical_id, attributes = base_update(*words)
        return physical_id, {**after(physical_id, new), **attributes}

    def delete(physical_id: str, *words: Any) -> None:
        before_delete(physical_id)
        shipped["delete"](physical_id, *words)

    wrapped: dict[str, Any] = {"create": create, "delete": delete}
    if base_update is not None:
        wrapped |= {"update": update, "update_with_logical_id": True}
    _TABLE[resource_type] = shipped | wrapped


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


def apply_tags(resource_id: str, new: Properties, old: Properties | None = None) -> None:
    """Set the tags of an EC2 resource to those of its `new` properties."""
    provisioners._ec2_apply_tags(resource_id, new, old or {})
