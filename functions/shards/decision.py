"""What to do next, decided from what is seen by a pure function, so that a table can show every case.

CloudFormation calls the two custom resources around the coreapp service. It does not document in which order it rolls
back, and a resource whose update never started hears nothing. So no step here relies on the order:

- Lowering is done by whichever resource is called first: `before` in a deploy, either one in a rollback. It is
  needed before the service shrinks and harmless at any other time, since fewer shards fit every fleet.
- Raising is done by `after` alone, and only once enough coreapps run (M-21, M-22).
- A raise that does not succeed is given back: shards return to `floor`, the lower of the two declared numbers, which
  the smaller fleet can hold, before the resource answers FAILED and CloudFormation shrinks the service.
- In a rollback a raise never fails, nor does a client that does not answer: failing would leave the stack in
  UPDATE_ROLLBACK_FAILED, and the rollback may be what brings the client back. What is left, the reconciler does when
  the stack is done. Only a client that is seen to have too many shards for the smaller fleet, and refuses to lower
  them, stops a rollback: better a stuck stack than shards without a coreapp.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from functions import contract
from functions.shards.cluster import Observation

REACH_SECONDS = 20 * 60
"""How long to try to reach the wanted number.

A restart takes 45 to 60 s (M-22), a fail-over 35 s (M-6), and a new host some minutes.
"""

GIVE_BACK_SECONDS = 10 * 60
"""How long to try after that to give back: to set `Change.floor`.

CDK's Provider and the runbook must wait longer than both together, which are 30 min; a test compares them.
"""

ROLLBACK_SECONDS = 5 * 60
"""How long to wait in a rollback before the rest is left to the reconciler: the time of five restarts."""

LEFT_TO_RECONCILER = "The reconciler goes on when the stack is done."

Place = Literal["before", "after"]
"""`functions.contract.BEFORE` or `AFTER`: a type cannot name them."""


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
        why: The reason, for the log and, when it fails, for the operator.
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
        problem: Why a number could not be set, when trying again cannot help; empty otherwise.

    Example:
        >>> grown = Observation(2, 9, 2, True, {0: 1, 1: 1})
        >>> decide(Change("after", wanted=8, floor=2), grown, elapsed=0)
        Decision(act=<Act.SET: 'set shards'>, why='2 shards are set, 8 are declared', shards=8)
    """
    if seen is None:
        return _unseen(change, elapsed, problem)
    in_time = elapsed < (ROLLBACK_SECONDS if change.rolling_back else REACH_SECONDS) and not problem
    if seen.shards == change.wanted:
        lacking = seen.missing()
        if not lacking:
            return Decision(Act.DONE, f"{change.wanted} shards are served")
        if in_time:
            return Decision(Act.WAIT, lacking)
        return _give_up(change, seen, elapsed, lacking, problem)
    difference = f"{seen.shards} shards are set, {change.wanted} are declared"
    if seen.shards > change.wanted:
        return _lower(change, seen, elapsed, problem, difference)
    if change.place == contract.BEFORE:
        return Decision(Act.DONE, f"{difference}: raised after the service has grown")
    if in_time and seen.coreapps >= change.wanted:
        return Decision(Act.SET, difference, change.wanted)
    lacking = f"{change.wanted} shards need as many coreapps; {seen.coreapps} run"
    if seen.coreapps >= change.wanted:
        lacking = f"{change.wanted} shards were not in full service after {REACH_SECONDS // 60} min; the log says why"
    if in_time and not change.rolling_back:
        return Decision(Act.WAIT, lacking)
    return _give_up(change, seen, elapsed, lacking, problem)


def _unseen(change: Change, elapsed: float, problem: str) -> Decision:
    """Decide when the client does not answer or refuses the login."""
    if change.creating and change.place == contract.BEFORE:
        return Decision(Act.DONE, "no client answers yet, so it has no shards to lower")
    why = problem or "The client does not answer."
    if change.rolling_back:
        if elapsed < ROLLBACK_SECONDS:
            return Decision(Act.WAIT, why)
        return Decision(Act.DONE, f"{why} {LEFT_TO_RECONCILER}")
    # An earlier call may have raised the number, so a raise gets the time to be given back too. A lowering that fails
    # needs no such time: the service has not shrunk yet.
    raising = change.place == contract.AFTER and change.wanted > change.floor
    allowed = REACH_SECONDS + GIVE_BACK_SECONDS if raising else 0 if problem else REACH_SECONDS
    if elapsed < allowed:
        return Decision(Act.WAIT, why)
    return Decision(Act.FAIL, f"{why} {_by_hand(change.floor)}")


def _lower(change: Change, seen: Observation, elapsed: float, problem: str, difference: str) -> Decision:
    """Decide when more shards are set than declared. The service still has its old size, which holds them."""
    if elapsed >= REACH_SECONDS or problem:
        return Decision(Act.FAIL, f"{problem or difference}. {_by_hand(change.wanted)}")
    if seen.coreapps < change.wanted:
        return Decision(Act.WAIT, f"{difference}; only {seen.coreapps} coreapps run")
    return Decision(Act.SET, difference, change.wanted)


def _give_up(change: Change, seen: Observation, elapsed: float, lacking: str, problem: str) -> Decision:
    """Decide when the wanted number cannot be reached: leave a number that both fleets can hold."""
    why = problem or lacking
    if change.rolling_back:
        return Decision(Act.DONE, f"{why}. {LEFT_TO_RECONCILER}")
    late = elapsed >= REACH_SECONDS + GIVE_BACK_SECONDS
    if seen.shards > change.floor and not late:
        enough = seen.coreapps >= change.floor
        return Decision(Act.SET if enough else Act.WAIT, f"giving back: {why}", change.floor)
    # With a problem it does not wait, because the next call would send what was refused once more.
    if seen.shards == change.floor < change.wanted and seen.missing() and not late and not problem:
        return Decision(Act.WAIT, f"gave back; {seen.missing()}")
    return Decision(Act.FAIL, f"{why}. {seen.shards} shards are set. {_by_hand(change.floor)}")


def _by_hand(shards: int) -> str:
    return (
        f"If `python -m functions.shards get` shows more than {shards}, run `python -m functions.shards set {shards}`. "
        "Then deploy again, or continue the rollback."
    )
