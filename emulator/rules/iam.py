"""IAM: roles and policies that must exist, and what a policy document may say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import get_account_id

from emulator.handlers import internals
from emulator.handlers.internals import Step

from .book import properties_of, refuse

_QUOTAS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_PRINCIPALS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"
_ROLE, _POLICY, _PROFILE = "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::InstanceProfile"
_INLINE_CHARACTERS = 10_240
_MANAGED_POLICIES = 10


def statements(document: Any) -> list[dict[str, Any]]:
    """Return the statements of a policy document, given as an object or as JSON."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return []
    found = document.get("Statement", []) if isinstance(document, dict) else []
    return [found] if isinstance(found, dict) else list(found)


def principals(document: Any, kind: str) -> Iterator[str]:
    """Yield the principals of one kind (`AWS` or `Service`) in all statements of a policy."""
    for statement in statements(document):
        principal = statement.get("Principal")
        named = principal.get(kind, []) if isinstance(principal, dict) else []
        yield from map(str, [named] if isinstance(named, str) else named)


def role_of(arn: Any) -> dict[str, Any] | None:
    """Return the record of a role of this account by its ARN, None when there is none."""
    role = internals.roles.get(str(arn).rsplit("/", 1)[-1])
    return role if role and role.get("Arn") == arn else None


def trusts(arn: Any, service: str) -> bool:
    """Tell whether a role exists and lets a service, such as `lambda.amazonaws.com`, assume it."""
    role = role_of(arn)
    return role is not None and service in principals(role.get("AssumeRolePolicyDocument"), "Service")


def unknown_principal(document: Any) -> str | None:
    """Return the first principal of this account in a policy that does not exist; other accounts cannot be asked."""
    for arn in principals(document, "AWS"):
        found = re.fullmatch(rf"arn:aws[\w-]*:iam::{get_account_id()}:(role|user)/.+", arn)
        if found and role_of(arn) is None:
            return arn
    return None


@refuse(_ROLE, source=_PRINCIPALS)
def trust_of_nobody(step: Step) -> str | None:
    """A trust policy cannot name a role or user of the account that does not exist."""
    arn = unknown_principal(properties_of(step).get("AssumeRolePolicyDocument"))
    return f'Invalid principal in policy: "AWS":"{arn}"' if arn else None


@refuse(_ROLE, source=_PRINCIPALS)
def trust_without_principal(step: Step) -> str | None:
    """Each statement of a trust policy names a principal, and no resource."""
    for statement in statements(properties_of(step).get("AssumeRolePolicyDocument")):
        if "Resource" in statement:
            return "Has prohibited field Resource"
        if "Principal" not in statement:
            return "Missing required field Principal"
    return None


@refuse(_ROLE, source=_PRINCIPALS)
def unknown_service_principal(step: Step) -> str | None:
    """A service principal is the name of a service, such as `ec2.amazonaws.com`."""
    for name in principals(properties_of(step).get("AssumeRolePolicyDocument"), "Service"):
        if not re.fullmatch(r"[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|aws\.internal|api\.aws)", name):
            return f'Invalid principal in policy: "SERVICE":"{name}"'
    return None


@refuse(_ROLE, source="https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html", code="NotFound")
def unknown_managed_policy(step: Step) -> str | None:
    """A policy of the account that a role attaches must exist; of AWS's own no list is at hand."""
    for arn in properties_of(step).get("ManagedPolicyArns") or []:
        if f"::{get_account_id()}:" in arn and arn not in internals.managed_policies:
            return f"Policy {arn} does not exist or is not attachable."
    return None


@refuse(_ROLE, source=_QUOTAS, code="ServiceLimitExceeded")
def too_many_managed_policies(step: Step) -> str | None:
    """At most 10 managed policies are attached to a role."""
    count = len(properties_of(step).get("ManagedPolicyArns") or [])
    return f"Cannot exceed quota for PoliciesPerRole: {_MANAGED_POLICIES}" if count > _MANAGED_POLICIES else None


@refuse(
    _ROLE,
    source="https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
    moment="create",
    code="AlreadyExists",
)
def role_name_taken(step: Step) -> str | None:
    """A role cannot have the name of another role of the account, in whatever case."""
    name = str(properties_of(step).get("RoleName") or "")
    taken = name and name.lower() in {other.lower() for other in internals.roles}
    return f"Resource of type 'AWS::IAM::Role' with identifier '{name}' already exists." if taken else None


@refuse(_ROLE, source="https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html")
def session_length(step: Step) -> str | None:
    """The longest session of a role is 3,600 to 43,200 seconds."""
    value = properties_of(step).get("MaxSessionDuration")
    if value is None or 3600 <= int(value) <= 43200:
        return None
    bound = "greater than or equal to 3600" if int(value) < 3600 else "less than or equal to 43200"
    return (
        f"1 validation error detected: Value '{value}' at 'maxSessionDuration' failed to satisfy constraint: "
        f"Member must have value {bound}"
    )


@refuse(_ROLE, _POLICY, source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html")
def malformed_policy(step: Step) -> str | None:
    """A statement of an identity policy has an effect, actions and resources, and no principal."""
    given = properties_of(step)
    documents = [given.get("PolicyDocument"), *(item.get("PolicyDocument") for item in given.get("Policies") or [])]
    for statement in (each for document in documents if document for each in statements(document)):
        if "Principal" in statement:
            return "Policy document should not specify a principal."
        if not {"Resource", "NotResource"} & statement.keys():
            return "Policy statement must contain resources."
        if not {"Action", "NotAction"} & statement.keys():
            return "Policy statement must contain actions."
        actions = statement.get("Action", [])
        for action in [actions] if isinstance(actions, str) else actions:
            if action != "*" and not re.fullmatch(r"[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+", action):
                return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    return None


@refuse(_ROLE, _POLICY, source=_QUOTAS, code="ServiceLimitExceeded")
def inline_policies_too_long(step: Step) -> str | None:
    """The inline policies of a role have at most 10,240 characters, white space aside."""
    given = properties_of(step)
    documents = [given.get("PolicyDocument"), *(item.get("PolicyDocument") for item in given.get("Policies") or [])]
    size = sum(len(json.dumps(document, separators=(",", ":"))) for document in documents if document)
    if size <= _INLINE_CHARACTERS:
        return None
    name = given.get("RoleName") or next(iter(given.get("Roles") or []), step.logical_id)
    return f"Maximum policy size of {_INLINE_CHARACTERS} bytes exceeded for role {name}"


@refuse(_POLICY, source="https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html", code="NotFound")
def policy_of_unknown_role(step: Step) -> str | None:
    """An inline policy belongs to a role that exists."""
    for name in properties_of(step).get("Roles") or []:
        if name not in internals.roles:
            return f"The role with name {name} cannot be found."
    return None


@refuse(
    _PROFILE,
    source="https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html",
    code="NotFound",
)
def profile_of_unknown_role(step: Step) -> str | None:
    """An instance profile holds a role that exists."""
    for name in properties_of(step).get("Roles") or []:
        if name not in internals.roles:
            return f"The role with name {name} cannot be found."
    return None
