"""What a change of a property does to its resource, by the resource schemas that CloudFormation publishes.

cfn-lint ships the schemas as JSON files. They are read from its folder: its Python interface needs seconds of CPU to be
imported, because it loads a package for algebra, and the target must answer within a second.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from emulator.workspace import REGION

from . import internals
from .internals import Properties

ALWAYS, CONDITIONALLY, NEVER = "Always", "Conditionally", "Never"


def register() -> None:
    """Let change sets answer by the schemas; MiniStack knows few types and says `Conditionally` for all others."""
    internals.judge_replacement(recreation)


def recreation(resource_type: str, name: str) -> str:
    """Return the `RequiresRecreation` of a change set for a change of one property.

    Args:
        resource_type: The CloudFormation type; all custom resources share one schema.
        name: A property at the top level, such as `DesiredCount`.

    Returns:
        `Always` when the property is set at creation alone. `Conditionally` when the schema says so, when only a
        part of the property is set at creation alone, or when CloudFormation publishes no schema of the type.
        `Never` when it changes in place.
    """
    schema = _schema(resource_type)
    if schema is None:
        return CONDITIONALLY
    fixed = create_only(resource_type)
    if (name,) in fixed:
        return ALWAYS
    partly = {path[0] for path in (*fixed, *_paths(schema, "conditionalCreateOnlyProperties"))}
    return CONDITIONALLY if name in partly else NEVER


def create_only(resource_type: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths of all properties of a type that are set at creation alone."""
    return _paths(_schema(resource_type) or {}, "createOnlyProperties")


def needs_replacement(resource_type: str, old: Properties, new: Properties) -> bool:
    """Tell whether a change of properties cannot be made in place, because one is set at creation alone."""
    return any(_value(old, path) != _value(new, path) for path in create_only(resource_type))


def _paths(schema: dict[str, Any], key: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(pointer.split("/")[2:]) for pointer in schema.get(key, ()))  # "/properties/Name/Part"


def _value(properties: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        properties = properties.get(name) if isinstance(properties, dict) else None
    return properties


@cache
def _schema(resource_type: str) -> dict[str, Any] | None:
    if resource_type.startswith("Custom::"):
        resource_type = "AWS::CloudFormation::CustomResource"
    digest = _digests().get(resource_type)
    return None if digest is None else json.loads((_folder() / "resources" / f"{digest}.json").read_text("utf-8"))


@cache
def _digests() -> dict[str, str]:
    """Return the name of each type's file, which is a digest of its content."""
    return json.loads((_folder() / "providers" / f"{REGION}.json").read_text("utf-8"))


def _folder() -> Path:
    return Path(str(distribution("cfn-lint").locate_file("cfnlint/data/schemas")))
