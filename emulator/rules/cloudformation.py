"""CloudFormation: templates that refer to nothing or go in a circle, and exports that are in use."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Any

from emulator.handlers import internals

from .book import note

_STACK = "AWS::CloudFormation::Stack"


def register() -> None:
    """Judge every template that is sent, and the exports of every stack that is created, updated or deleted."""
    internals.before_outputs(_judge_exports)
    internals.keep_what_a_rollback_could_not_delete()
    internals.before_stack_delete(lambda stack: None if _protected(stack) else stack_exports(stack))
    internals.before_templates(lambda template: unresolved_reference(template) or circular_dependency(template))


def _judge_exports(stack: str, exports: dict[str, str]) -> None:
    words = export_taken(stack, exports) or export_updated(stack, exports) or export_deleted(stack, exports)
    if words:
        raise ValueError(words)
    own = internals.cloudformation_stacks[stack]["StackId"]
    for name in [name for name, record in internals.exports.items() if record["StackId"] == own]:
        if name not in exports:  # MiniStack would list it for ever
            del internals.exports[name]


def export_taken(stack: str, exports: dict[str, str]) -> str | None:
    """Two stacks cannot export the same name in one region."""
    own = internals.cloudformation_stacks[stack]["StackId"]
    for name in exports:
        owner = internals.exports.get(name, {}).get("StackId", own)
        if owner != own:
            return f"Export with name {name} is already exported by stack {owner.split('/')[1]}."
    return None


def export_updated(stack: str, exports: dict[str, str]) -> str | None:
    """The value of an export cannot change while another stack imports it."""
    for name, value in exports.items():
        if name in internals.exports and internals.exports[name]["Value"] != value:
            for user in _importing(name, stack):
                return f"Export {name} cannot be updated as it is in use by {user}"
    return None


def export_deleted(stack: str, exports: dict[str, str]) -> str | None:
    """An export cannot go while another stack imports it."""
    own = internals.cloudformation_stacks[stack]["StackId"]
    for name, record in internals.exports.items():
        if record["StackId"] == own and name not in exports:
            for user in _importing(name, stack):
                return f"Export {name} cannot be deleted as it is in use by {user}"
    return None


def _protected(stack: dict[str, Any]) -> bool:
    """Return whether a stack has termination protection. One that a change set has made does not say."""
    return bool(stack.get("EnableTerminationProtection"))


def stack_exports(stack: dict[str, Any]) -> str | None:
    """A stack is not deleted while another one imports what it exports, whatever state that one is in."""
    for output in stack.get("Outputs") or []:
        if name := output.get("ExportName"):
            for user in _importing(name, stack["StackName"]):
                return f"Export {name} cannot be deleted as it is in use by {user}"
    return None


def _importing(export: str, exporting: str) -> list[str]:
    """Return the names of the stacks that import an export: a failed stack holds it, a deleted one does not."""
    return [
        name
        for name, stack in internals.cloudformation_stacks.items()
        if name != exporting
        and stack["StackStatus"] != "DELETE_COMPLETE"
        and export in internals.imported_exports(stack)
    ]


def unresolved_reference(template: dict[str, Any]) -> str | None:
    """A template refers to resources and parameters that it has."""
    resources = template.get("Resources") or {}
    known = {*resources, *(template.get("Parameters") or {})}
    unknown = set[str]()
    for definition in resources.values():
        for name, attribute in internals.references(definition.get("Properties") or {}):
            if attribute is not None and not name.startswith("AWS::") and name not in resources:
                return f"Template error: instance of Fn::GetAtt references undefined resource {name}"
            if not name.startswith("AWS::") and name not in known:
                unknown.add(name)
        unknown |= _depends_on(definition) - resources.keys()
    if unknown:
        return (
            f"Template format error: Unresolved resource dependencies [{', '.join(sorted(unknown))}] in the "
            "Resources block of the template"
        )
    for name, _ in internals.references(template.get("Outputs") or {}):
        if not name.startswith("AWS::") and name not in known:
            unknown.add(name)
    if unknown:
        return (
            f"Template format error: Unresolved resource dependencies [{', '.join(sorted(unknown))}] in the "
            "Outputs block of the template"
        )
    return None


def circular_dependency(template: dict[str, Any]) -> str | None:
    """Resources do not wait for each other in a circle."""
    resources = template.get("Resources") or {}
    waits = {
        name: _depends_on(item)
        | {other for other, _ in internals.references(item.get("Properties") or {}) if other in resources}
        for name, item in resources.items()
    }
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as circle:
        return f"Circular dependency between resources: [{', '.join(sorted(set(circle.args[1])))}]"
    return None


def _depends_on(definition: dict[str, Any]) -> set[str]:
    named = definition.get("DependsOn") or []
    return {named} if isinstance(named, str) else set(named)


_ANATOMY = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html"
_USING_EXPORTS = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html"
note(export_taken, subject=_STACK, moment="outputs", source=_USING_EXPORTS, code="ValidationError")
note(export_updated, subject=_STACK, moment="outputs", source="T-6", code="ValidationError")
note(export_deleted, subject=_STACK, moment="outputs", source="T-6", code="ValidationError")
note(stack_exports, subject=_STACK, moment="call", source="T-6", code="ValidationError")
note(unresolved_reference, subject=_STACK, moment="call", source=_ANATOMY, code="ValidationError")
note(circular_dependency, subject=_STACK, moment="call", source=_ANATOMY, code="ValidationError")
