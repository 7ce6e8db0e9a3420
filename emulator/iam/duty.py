"""One thing that a service of AWS does for a resource of a stack, and how it is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .model import Account, Call, Principal, Role, Service, Session

# The message of a denial takes the place of these braces.
DENIAL = "{denial}"


@dataclass(frozen=True, kw_only=True)
class Duty:
    """A call that a service of AWS makes for a resource.

    Attributes:
        principal: Who makes it: the session of a role, or the service itself.
        call: The call.
        refusal: What AWS says when it may not; `{denial}` stands for the sentence on the call.
        quiet: Whether AWS makes the resource all the same, and the call fails later without failing the stack.
    """

    principal: Principal
    call: Call
    refusal: str = DENIAL
    quiet: bool = False


Properties = Mapping[str, Any]
Duties = Callable[[Account, str, Properties], Iterator[Duty]]


def assumes(account: Account, host: str, role: str, refusal: str, source: str = "") -> Iterator[Duty]:
    """Yield the duty of a service to assume a role, for the resource with the ARN `source` where it says which."""
    context = {"aws:SourceAccount": account.id, "aws:SourceArn": source} if source else {}
    yield Duty(
        principal=Service(host=host),
        call=Call(action="sts:AssumeRole", resource=role, context=context),
        refusal=refusal,
    )


def session_of(account: Account, role: str, name: str) -> Session:
    """Return the session of a role that a service has assumed."""
    # A role that is not there may do nothing.
    return Session(role=account.role(role) or Role(arn=role, trust={}, policies=()), name=name)


def as_session(
    session: Session, calls: Mapping[str, str], refusal: str = DENIAL, *, quiet: bool = False
) -> Iterator[Duty]:
    """Yield the duties that a service does in a session; `calls` are resources by action."""
    for action, resource in calls.items():
        yield Duty(principal=session, call=Call(action=action, resource=resource), refusal=refusal, quiet=quiet)


def log_stream(account: Account, group: str) -> str:
    """Return the ARN of a stream of a log group that is given by its name or ARN."""
    name = group.split(":log-group:")[-1].removesuffix(":*")
    return f"arn:aws:logs:{account.region}:{account.id}:log-group:{name}:log-stream:stream"


def writes_logs(account: Account, group: str) -> dict[str, str]:
    """Return the calls that write a log group, given by its name or ARN: resources by action."""
    return dict.fromkeys(("logs:CreateLogStream", "logs:PutLogEvents"), log_stream(account, group))
