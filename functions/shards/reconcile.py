"""Puts right what CloudFormation's own rollback cannot (D-8).

A resource whose update never started hears nothing of the rollback: after a decrease that failed at the service, the
shards stay low while the stack has its old, high number again. And a person, or a client that was away, may leave
another number behind. This handler is called by EventBridge when the stack's status changes, when the coreapp service
reaches a steady state, and by a schedule; what the event says does not matter, only what is seen then.

The event is the rule's constant input, with the keys of `functions.shards.resource` and `StackName`. The declared
number is the stack's own output `ShardCount`, which CloudFormation rolls back like everything else.

It does nothing while the stack is busy: then the custom resources decide. Shards go up only when the coreapps are
there.
"""

from collections.abc import Mapping
from typing import Any

from functions.cloudformation import Failure
from functions.deadline import Deadline
from functions.log import log
from functions.shards.resource import WORLD, World, stack_outputs

OUTPUT = "ShardCount"
"""The stack's output with the declared number of shards."""

SETTLED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
"""Statuses in which the stack's fleet has the size that its outputs declare."""


def handler(event: Mapping[str, Any], _context: object = None, world: World = WORLD) -> dict[str, Any]:
    """Bring the client to the number that the stack declares.

    Returns:
        `Outcome`: what was done or why nothing was, as it is in the log.

    Raises:
        Failure: The client cannot be reached or refuses; Lambda calls again, and the next event does.
    """
    outcome = _reconcile(event, world)
    log("reconciled", outcome=outcome, stack=event.get("StackName"))
    return {"Outcome": outcome}


def _reconcile(event: Mapping[str, Any], world: World) -> str:
    declared = _settled_count(event, world)
    if declared is None:
        return "the stack is busy or declares no shards"
    cluster = world.open_cluster(event)
    seen = cluster.observe(Deadline.after(world.observe_seconds))
    if seen.shards == declared:
        return f"{declared} shards are set, as declared"
    if seen.coreapps < declared:
        return f"{declared} shards are declared, {seen.shards} set: {seen.coreapps} coreapps run, too few to raise"
    # Looked at again at the last moment: a deploy that began meanwhile decides for itself.
    if _settled_count(event, world) != declared:
        return "the stack became busy"
    cluster.set_shards(declared, seen, Deadline.after(world.call_seconds))
    return f"set {declared} shards; {seen.shards} were set"


def _settled_count(event: Mapping[str, Any], world: World) -> int | None:
    """Return what the stack declares; None while it changes."""
    name = event.get("StackName")
    if not isinstance(name, str):
        raise Failure("The event has no StackName. Set it in the input of the EventBridge rule.")
    stack = world.stacks().describe_stacks(StackName=name)["Stacks"][0]
    if stack["StackStatus"] not in SETTLED:
        return None
    outputs = stack_outputs(stack)
    return int(outputs[OUTPUT]) if OUTPUT in outputs else None
