"""Every statement of every policy of a deployment taken away, one at a time."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.emulator.iam.account import Resource, Templates
from tests.emulator.iam.needs import Need

POLICIES = (
    "AWS::EFS::FileSystem",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Permission",
    "AWS::SNS::TopicPolicy",
    "AWS::SecretsManager::ResourcePolicy",
)


@dataclass(frozen=True)
class Mutation:
    """A change of a resource's properties.

    Attributes:
        place: The resource, as `stack/logical id`.
        label: What is taken away, for people and for the table of what may be: `Role Name Allow a:B c:D`.
        whole: Whether a whole statement goes, and not one of several actions.
        denies: Whether the statement denies.
        properties: The resource's properties without it.
    """

    place: str
    label: str
    whole: bool
    denies: bool
    properties: Mapping[str, Any]


def mutations(account: Templates) -> Iterator[Mutation]:
    """Yield every mutation of an account."""
    for resource in account.of(*POLICIES):
        if resource.kind == "AWS::Lambda::Permission":
            nobody = {**resource.properties, "Principal": "nobody.amazonaws.com"}
            label = _label(resource, {"Effect": "Allow", "Action": resource.properties["Action"]})
            yield Mutation(resource.place, label, True, False, nobody)
            continue
        for index, arn in enumerate(resource.properties.get("ManagedPolicyArns", [])):
            changed = copy.deepcopy(dict(resource.properties))
            del changed["ManagedPolicyArns"][index]
            label = _label(resource, {"Effect": "Allow", "Action": arn.rpartition("/")[2]})
            yield Mutation(resource.place, label, True, False, changed)
        for path, statement in _statements(resource.properties):
            denies = statement["Effect"] == "Deny"
            yield Mutation(resource.place, _label(resource, statement), True, denies, _without(resource, path))
            actions = statement["Action"]
            for index in range(len(actions) if isinstance(actions, list) and len(actions) > 1 else 0):
                label = f"{_label(resource, statement)}, without {actions[index]}"
                changed = _without(resource, (*path, "Action", index))
                yield Mutation(resource.place, label, False, denies, changed)


Path = tuple[str | int, ...]


def _statements(value: Any, path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield every statement below a value, with the way to it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if isinstance(inner, dict) and "Effect" in inner:
            yield (*path, key), inner
        else:
            yield from _statements(inner, (*path, key))


def _without(resource: Resource, path: Path) -> Mapping[str, Any]:
    changed = copy.deepcopy(dict(resource.properties))
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return changed


def _label(resource: Resource, statement: Mapping[str, Any]) -> str:
    """Return words that stay the same when a construct moves: no hash of the CDK."""
    name = re.sub(r"[0-9A-F]{8}$", "", resource.place.partition("/")[2])
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    return " ".join([resource.kind.rpartition(":")[2], name, statement["Effect"], *actions])


def touched(account: Templates, changed: Templates, needs: list[Need]) -> list[Need]:
    """Return the needs that a change may decide otherwise: their role has changed, or the policy of their resource."""

    def seen(side: Templates, need: Need) -> tuple[object, ...]:
        return side.role(need.principal), side.role(need.call.resource), side.resource_policy(need.call.resource)

    return [need for need in needs if seen(account, need) != seen(changed, need)]
