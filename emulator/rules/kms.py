"""KMS: policies of keys, and keys that other resources name."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id

from emulator.handlers import internals
from emulator.handlers.internals import Step

from .book import is_true, properties_of, refuse
from .iam import principals, statements, unknown_principal

_KEY = "AWS::KMS::Key"
_POLICIES = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html"


def exists(reference: Any) -> bool:
    """Tell whether a key exists, by id, ARN or alias; AWS's own (`alias/aws/...`) always do."""
    name = str(reference).rsplit(":", 1)[-1].removeprefix("key/")
    if name.startswith("alias/"):
        return name.startswith("alias/aws/") or name in internals.key_aliases()
    key = internals.keys.get(name)
    return key is not None and key.get("KeyState") in ("Enabled", "Creating", None)


def unknown_key(reference: Any) -> str | None:
    """Return KMS's words about a key that does not exist; nothing when none is named."""
    if not reference or exists(reference):
        return None
    name = str(reference)
    if "alias/" in name:
        return f"Alias {name} is not found."
    return f"Key '{name}' does not exist"


@refuse(_KEY, source=_POLICIES)
def invalid_principal(step: Step) -> str | None:
    """A key policy cannot name a role or user of the account that does not exist."""
    unknown = unknown_principal(properties_of(step).get("KeyPolicy"))
    return "Policy contains a statement with one or more invalid principals." if unknown else None


@refuse(_KEY, source=_POLICIES)
def locked_out(step: Step) -> str | None:
    """A key policy lets the account, or who makes the key, change it later."""
    given = properties_of(step)
    policy = given.get("KeyPolicy")
    if policy is None or is_true(given.get("BypassPolicyLockoutSafetyCheck")):
        return None
    account = get_account_id()
    for statement in statements(policy):
        actions = statement.get("Action", [])
        allowed = {str(action) for action in ([actions] if isinstance(actions, str) else actions)}
        owners = set(principals({"Statement": statement}, "AWS")) | {str(statement.get("Principal"))}
        root = any(owner in ("*", account) or owner.endswith(f"::{account}:root") for owner in owners)
        if statement.get("Effect") == "Allow" and root and allowed & {"*", "kms:*", "kms:PutKeyPolicy", "kms:Put*"}:
            return None
    return "The new key policy will not allow you to update the key policy in the future."


@refuse(_KEY, source="https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html", own_words=True)
def pending_window(step: Step) -> str | None:
    """A key is deleted after 7 to 30 days."""
    days = properties_of(step).get("PendingWindowInDays")
    return None if days is None or 7 <= int(days) <= 30 else "PendingWindowInDays must be between 7 and 30."
