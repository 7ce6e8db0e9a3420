"""What to do next, from what is seen: a pure function, so that every case can be laid out in a table.

CloudFormation calls the two custom resources around the coreapp service. It does not document in which order it rolls
back, and a resource whose update never started hears nothing. So no step here relies on the order:

- Lowering is done by whichever resource is called first, `before` in a deploy, either one in a rollback. It is
  needed before the service shrinks and harmless at any other time, since fewer shards fit every fleet.
- Raising is done by `after` alone, and only once the coreapps are there (M-21, M-22).
- A raise that does not succeed is given back: shards return to `floor`, the lower of the two declared numbers, which
  the smaller fleet can hold, before the resource answers FAILED and CloudFormation shrinks the service.
- In a rollback a raise never fails: failing would leave the stack in UPDATE_ROLLBACK_FAILED. What it cannot do, the
  reconciler does when the stack is done. A lowering may fail there: better a stuck stack than too few coreapps.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from functions.shards.cluster import Observation

REACH_SECONDS = 20 * 60
"""How long to try for the wanted number. A restart takes 45-60 s (M-22), a fail-over 35 s (M-6), a host minutes."""

GIVE_BACK_SECONDS = 10 * 60
"""How long after that to try for the floor. CDK's Provider must allow the sum and some more: an hour."""

Place = Literal["before", "after"]


class Act(Enum):
    """What to do next."""

    SET = "set shards"
    WAIT = "wait"
    DONE = "done"
    FAIL = "fail"


@dataclass(frozen=True)
class Change:
    """What CloudFormation asks for.

    Attributes:
        place: The custom resource: before or after the service.
        wanted: The declared number of shards.
        floor: A number that both the old and the new fleet can hold: the lower of the two declared ones.
        creating: Whether the custom resource is new, and so perhaps the whole client.
        rolling_back: Whether CloudFormation is updating back.
    """

    place: Place
    wanted: int
    floor: int
    creating: bool = False
    rolling_back: bool = False


@dataclass(frozen=True)
class Decision:
    """What to do next.

    Attributes:
        act: The kind of step.
        why: For the log, and for the operator when it fails.
        shards: The number to set, for `Act.SET`.
    """

    act: Act
    why: str
    shards: int = 0


def decide(change: Change, seen: Observation | None, elapsed: float, problem: str = "") -> Decision:
    """Return the next step.

    Args:
        change: What is asked for.
        seen: What the client says; None when it does not answer.
        elapsed: Seconds since CloudFormation asked.
        problem: Why a number could not be set in a way that no repetition mends; empty when there was no such thing.

    Example:
        >>> grown = Observation(2, 9, 2, True, {0: 1, 1: 1})
        >>> decide(Change("after", wanted=8, floor=2), grown, elapsed=0)
        Decision(act=<Act.SET: 'set shards'>, why='2 shards are set, 8 are declared', shards=8)
    """
    in_time = elapsed < REACH_SECONDS and not problem
    if seen is None:
        return _unseen(change, elapsed, problem)
    if seen.shards == change.wanted:
        lacking = seen.missing()
        if not lacking:
            return Decision(Act.DONE, f"{change.wanted} shards are served")
        if in_time:
            return Decision(Act.WAIT, lacking)
        return _give_up(change, seen, elapsed, lacking)
    difference = f"{seen.shards} shards are set, {change.wanted} are declared"
    if seen.shards > change.wanted:
        if in_time and seen.coreapps >= change.wanted:
            return Decision(Act.SET, difference, change.wanted)
        if in_time:
            return Decision(Act.WAIT, f"{difference}; only {seen.coreapps} coreapps run")
        # The service still has its old size, which holds the number that is set.
        return Decision(Act.FAIL, f"{problem or difference} {_by_hand(change.wanted)}")
    if change.place == "before":
        return Decision(Act.DONE, f"{difference}: raised after the service has grown")
    if in_time and seen.coreapps >= change.wanted:
        return Decision(Act.SET, difference, change.wanted)
    lacking = problem or f"{change.wanted} shards need as many coreapps; {seen.coreapps} run"
    if in_time and not change.rolling_back:
        return Decision(Act.WAIT, lacking)
    return _give_up(change, seen, elapsed, lacking)


def _unseen(change: Change, elapsed: float, problem: str) -> Decision:
    """The client does not answer."""
    if change.creating and change.place == "before":
        return Decision(Act.DONE, "no client answers yet, so it has no shards to lower")
    if elapsed < REACH_SECONDS:
        return Decision(Act.WAIT, problem or "the client does not answer")
    raising = change.place == "after" and change.wanted > change.floor
    if raising and change.rolling_back:
        return Decision(Act.DONE, "the client does not answer; the reconciler goes on when the stack is done")
    if raising and elapsed < REACH_SECONDS + GIVE_BACK_SECONDS:
        return Decision(Act.WAIT, "the client does not answer; shards may have to be given back")
    return Decision(Act.FAIL, f"{problem or 'The client does not answer.'} {_by_hand(change.floor)}")


def _give_up(change: Change, seen: Observation, elapsed: float, why: str) -> Decision:
    """The wanted number cannot be had: leave a number behind that every fleet can hold."""
    if change.rolling_back and change.wanted > change.floor:
        return Decision(Act.DONE, f"{why}; the reconciler goes on when the stack is done")
    late = elapsed >= REACH_SECONDS + GIVE_BACK_SECONDS
    if seen.shards > change.floor and not late:
        enough = seen.coreapps >= change.floor
        return Decision(Act.SET if enough else Act.WAIT, f"giving back: {why}", change.floor)
    if seen.shards == change.floor and seen.shards != change.wanted and seen.missing() and not late:
        return Decision(Act.WAIT, f"gave back; {seen.missing()}")
    state = f"{seen.shards} shards are set."
    return Decision(Act.FAIL, f"{why}. {state} {_by_hand(min(seen.shards, change.floor))}")


def _by_hand(shards: int) -> str:
    return f"See `python -m functions.shards get`; set {shards} by hand if it is more, then deploy again."
