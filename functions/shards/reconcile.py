"""Puts right what CloudFormation's own rollback cannot (D-8).

A resource whose update never started hears nothing of the rollback: after a decrease that failed at the service, the
shards stay low while the stack has its old, high number again. And a person, or a client that was away, may leave
another number behind. So EventBridge calls this when the stack's status changes, when the coreapp service reaches a
steady state, and by a schedule. What the event says does not matter, only what is seen then.

The event is the constant input of the rule: `StackName`, and the properties of `functions.shards.properties` that say
where the client is. The declared number is the stack's own output `ShardCount`, which CloudFormation rolls back like
everything else.

Nothing is done while the stack is busy, because the custom resources decide then. Shards are raised only when the
coreapps run.
"""

from collections.abc import Mapping
from typing import Any

from functions import contract
from functions.deadline import Deadline
from functions.errors import Failure
from functions.log import log
from functions.shards.dependencies import Dependencies
from functions.stack import describe_stack, stack_outputs

SETTLED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
"""Statuses in which the stack's fleet has the size that its outputs declare."""


def converge(event: Mapping[str, Any], dependencies: Dependencies) -> dict[str, Any]:
    """Bring the client to the number of shards that the stack declares.

    Args:
        event: The constant input of the rule.
        dependencies: What to act on.

    Returns:
        `Outcome`: what was done, or why nothing was, as the log has it.

    Raises:
        Failure: The client cannot be reached or refuses. Lambda calls again, and so does the next event.
    """
    outcome = _converge(event, dependencies)
    log("reconciled", outcome=outcome, stack=event.get(contract.STACK_NAME))
    return {"Outcome": outcome}


def _converge(event: Mapping[str, Any], dependencies: Dependencies) -> str:
    declared = _settled_count(event, dependencies)
    if declared is None:
        return "the stack is busy or declares no shards"
    cluster = dependencies.open_cluster(event)
    seen = cluster.observe(Deadline.after(dependencies.observe_seconds))
    if seen.shards == declared:
        return f"{declared} shards are set, as declared"
    if seen.coreapps < declared:
        return f"{declared} shards are declared, {seen.shards} set: {seen.coreapps} coreapps run, too few to raise"
    # The stack is read again at the last moment, because a deploy that began meanwhile decides for itself.
    if _settled_count(event, dependencies) != declared:
        return "the stack became busy"
    cluster.set_shards(declared, seen, Deadline.after(dependencies.call_seconds))
    return f"set {declared} shards; {seen.shards} were set"


def _settled_count(event: Mapping[str, Any], dependencies: Dependencies) -> int | None:
    """Return the number of shards that the stack declares; None while the stack changes or if it declares none."""
    name = event.get(contract.STACK_NAME)
    if not isinstance(name, str):
        raise Failure(f"The event has no {contract.STACK_NAME}. Set it in the input of the EventBridge rule.")
    stack = describe_stack(dependencies.stacks(), name)
    if stack["StackStatus"] not in SETTLED:
        return None
    outputs = stack_outputs(stack)
    return int(outputs[contract.SHARD_COUNT_OUTPUT]) if contract.SHARD_COUNT_OUTPUT in outputs else None
