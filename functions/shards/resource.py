"""The two custom resources around the coreapp service: what is done at the Provider framework's two calls.

`accept` only looks. It notes when CloudFormation asked and what both fleets can hold, and refuses what could not be
sent anyway. Every action is in `advance`, which the framework calls again and again. So there is one place that acts,
and it starts each time from what it sees: being killed and started again, called twice, or called by two deploys
changes nothing. State is kept only in the fields that the framework hands from the one call to the other.

The framework's total time-out must be above `REACH_SECONDS + GIVE_BACK_SECONDS`, which is 30 min, so that the shards
are given back before it ends the change. The function's own time-out must be above what one call may take
(`Dependencies`).
"""

from collections.abc import Mapping
from typing import Any

from functions import contract
from functions.deadline import Deadline
from functions.errors import Failure, Refusal, explain
from functions.log import log
from functions.shards.client import Rejected, Unavailable
from functions.shards.cluster import Observation
from functions.shards.decision import GIVE_BACK_SECONDS, REACH_SECONDS, Act, Change, Decision, decide
from functions.shards.dependencies import Dependencies
from functions.shards.properties import declared_shards, place
from functions.stack import describe_stack, rolls_back

Event = Mapping[str, Any]
"""An event of the Provider framework."""


def accept(event: Event, dependencies: Dependencies) -> dict[str, Any]:
    """Note what is asked for, and refuse it now if it could not be sent anyway.

    Args:
        event: What CloudFormation asks for, as the framework hands it on.
        dependencies: What to act on.

    Returns:
        `Started`, the time in seconds since 1970, and `Floor`, the number that both fleets can hold. Neither when there
        is nothing to do: on a delete, and when the number was and stays the same.

    Raises:
        Failure: A property or the account's secret is missing or not allowed, the client rejects the login, or a
            guard forbids to send. Nothing was changed.
    """
    if event["RequestType"] == "Delete":
        # The number stays as it is: whoever takes this management away did not ask for a restart.
        return {}
    properties = event["ResourceProperties"]
    wanted, where = declared_shards(properties), place(properties)
    old = declared_shards(event["OldResourceProperties"]) if event["RequestType"] == "Update" else None
    if old == wanted:
        return {}
    started = dependencies.now()
    rolling_back = _rolling_back(event, dependencies)
    change = Change(where, wanted, min(wanted, old or wanted), creating=old is None, rolling_back=rolling_back)
    # A rollback is always accepted: `advance` finds what cannot be done, and leaves it to the reconciler or stops.
    seen = None if change.rolling_back else _preflight(change, properties, dependencies)
    # A new resource knows no former number: the one that is set fits the fleet of now, and 1 (M-13) fits any.
    floor = min(wanted, old or (seen.shards if seen else 1))
    log("asked", place=where, shards=wanted, floor=floor, logical_id=event.get("LogicalResourceId"))
    return {contract.STARTED: started, contract.FLOOR: floor}


def _preflight(change: Change, properties: Mapping[str, Any], dependencies: Dependencies) -> Observation | None:
    """Look, and refuse now what could not be sent later; None when the client does not answer, which may pass."""
    cluster = dependencies.open_cluster(properties)
    try:
        seen = cluster.observe(Deadline.after(dependencies.observe_seconds))
    except Unavailable as error:
        log("no observation", problem=str(error))
        return None
    if decide(change, seen, elapsed=0).act is Act.SET:
        cluster.check(change.wanted, seen)
    return seen


def _rolling_back(event: Event, dependencies: Dependencies) -> bool:
    """Return whether CloudFormation rolls the update back."""
    if event["RequestType"] != "Update":
        return False
    return rolls_back(describe_stack(dependencies.stacks(), event["StackId"]))


def advance(event: Event, dependencies: Dependencies) -> dict[str, Any]:
    """Take the next step and say whether it was the last.

    The framework fails the resource on any error that is raised here, so an error that may pass is a reason to be
    called again instead. Time is measured here too, because the framework's own time-out would give nothing back.

    Args:
        event: What CloudFormation asks for, with what `accept` returned.
        dependencies: What to act on.

    Returns:
        `IsComplete`: whether nothing is left to do.

    Raises:
        Failure: It cannot be done. What is set then fits the smaller fleet, or the text says what to do.
    """
    if contract.STARTED not in event:
        return {contract.IS_COMPLETE: True}
    decision = _look_decide_act(event, dependencies)
    if decision.act is Act.FAIL:
        raise Failure(decision.why)
    return {contract.IS_COMPLETE: decision.act is Act.DONE}


def _look_decide_act(event: Event, dependencies: Dependencies) -> Decision:
    """Take one step and log it. An unexpected error may pass, so it is a reason to wait until the time is up."""
    elapsed = dependencies.now() - float(event[contract.STARTED])
    try:
        decision = _step(_change(event, dependencies), event["ResourceProperties"], dependencies, elapsed)
    except Exception as error:
        decision = Decision(Act.WAIT if elapsed < REACH_SECONDS + GIVE_BACK_SECONDS else Act.FAIL, explain(error))
    log("step", act=decision.act.value, why=decision.why, shards=decision.shards, seconds=round(elapsed, 1))
    return decision


def _change(event: Event, dependencies: Dependencies) -> Change:
    properties = event["ResourceProperties"]
    return Change(
        place=place(properties),
        wanted=declared_shards(properties),
        floor=int(event[contract.FLOOR]),
        creating=event["RequestType"] == "Create",
        rolling_back=_rolling_back(event, dependencies),
    )


def _step(change: Change, properties: Mapping[str, Any], dependencies: Dependencies, elapsed: float) -> Decision:
    try:
        cluster = dependencies.open_cluster(properties)
        seen = cluster.observe(Deadline.after(dependencies.observe_seconds))
    except Unavailable as error:
        log("no observation", problem=str(error))
        return decide(change, None, elapsed)
    except (Refusal, Rejected) as error:
        return decide(change, None, elapsed, problem=str(error))
    problem = ""
    decision = decide(change, seen, elapsed)
    while decision.act is Act.SET:
        try:
            cluster.set_shards(decision.shards, seen, Deadline.after(dependencies.call_seconds))
            return decision
        except Unavailable as error:
            # The number may have arrived all the same: the next call looks.
            return Decision(Act.WAIT, str(error))
        except (Refusal, Rejected) as error:
            # When the wanted number is refused, a number may have to be given back; a second refusal is the end.
            if problem:
                return Decision(Act.FAIL, f"{problem} Giving back failed too: {error}")
            problem = str(error)
            decision = decide(change, seen, elapsed, problem)
    return decision
