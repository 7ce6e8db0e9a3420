"""The decision: may this principal make this call?

MiniStack keeps the evaluator: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from dataclasses import dataclass

from . import internals
from .model import Account, Call, Document, Principal, Role, Session

# For these, the policy of the resource must allow too: key policies and trust policies.
_NEEDS_RESOURCE_POLICY = frozenset({"kms", "sts"})


@dataclass(frozen=True, kw_only=True)
class Denial:
    """A refusal.

    Attributes:
        principal: Who was refused.
        call: What was refused.
        why: The end of AWS's sentence, such as `because no identity-based policy allows the ecs:RunTask action`.
    """

    principal: Principal
    call: Call
    why: str

    @property
    def message(self) -> str:
        """AWS's words."""
        return (
            f"User: {self.principal.arn} is not authorized to perform: {self.call.action} "
            f"on resource: {self.call.resource} {self.why}"
        )


def judge(account: Account, principal: Principal, call: Call) -> Denial | None:
    """Return None if the policies of the account let the principal make the call, else the refusal."""
    service = call.action.partition(":")[0]
    needed = service in _NEEDS_RESOURCE_POLICY
    policy = _trust(account.role(call.resource)) if service == "sts" else account.resource_policy(call.resource)
    context = {"aws:SecureTransport": "true"} | dict(call.context)
    if isinstance(principal, Session):
        role = principal.role
        verdict = internals.evaluate_session(
            # Policies see the role: `aws:PrincipalArn` of a session is the role's ARN.
            principal_arn=role.arn,
            account=role.account,
            region=account.region,
            action=call.action,
            resource=call.resource,
            context=context,
            identity=role.policies,
            boundary=role.boundary,
            resource_policy=policy,
            resource_policy_needed=needed,
        )
    else:
        verdict = internals.evaluate_service(
            host=principal.host,
            region=account.region,
            action=call.action,
            resource=call.resource,
            context=context,
            resource_policy=policy,
        )
    if verdict == "Allow":
        return None
    return Denial(principal=principal, call=call, why=_why(verdict, principal, call, policy is not None and needed))


def _trust(role: Role | None) -> Document | None:
    return role.trust if role else None


def _why(verdict: str, principal: Principal, call: Call, resource_policy_needed: bool) -> str:
    kind = "identity" if isinstance(principal, Session) and not resource_policy_needed else "resource"
    if verdict == "Deny":
        return f"with an explicit deny in {'an' if kind == 'identity' else 'a'} {kind}-based policy"
    return f"because no {kind}-based policy allows the {call.action} action"
