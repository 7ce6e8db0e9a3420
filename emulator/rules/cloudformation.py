"""CloudFormation: exports that are in use."""

from __future__ import annotations

from emulator.handlers import internals

from .book import note

_STACK = "AWS::CloudFormation::Stack"


def register() -> None:
    """Judge the exports of every stack that is created or updated."""
    internals.before_outputs(_judge_exports)


def _judge_exports(stack: str, exports: dict[str, str]) -> None:
    words = export_taken(stack, exports) or export_updated(stack, exports) or export_deleted(stack, exports)
    if words:
        raise ValueError(words)


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


def _importing(export: str, exporting: str) -> list[str]:
    """Return the names of the stacks that import an export: a failed stack holds it, a deleted one does not."""
    return [
        name
        for name, stack in internals.cloudformation_stacks.items()
        if name != exporting
        and stack["StackStatus"] != "DELETE_COMPLETE"
        and export in internals.imported_exports(stack)
    ]


_USING_EXPORTS = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html"
note(export_taken, subject=_STACK, moment="outputs", source=_USING_EXPORTS, code="ValidationError")
note(export_updated, subject=_STACK, moment="outputs", source="T-6", code="ValidationError")
note(export_deleted, subject=_STACK, moment="outputs", source="T-6", code="ValidationError")
