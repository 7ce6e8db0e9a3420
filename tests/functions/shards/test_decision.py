"""Every case of the next step, and what holds in all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.contract import SHARD_COUNTS
from functions.shards.cluster import Observation, observation
from functions.shards.decision import (
    GIVE_BACK_SECONDS,
    REACH_SECONDS,
    ROLLBACK_SECONDS,
    Act,
    Change,
    decide,
)

LATE = REACH_SECONDS + 1.0
END = REACH_SECONDS + GIVE_BACK_SECONDS + 1.0


def served(shards: int, coreapps: int = 9) -> Observation:
    return Observation(shards, coreapps, shards, True, dict.fromkeys(range(shards), 1))


def restarting(shards: int, coreapps: int = 9) -> Observation:
    return Observation(shards, coreapps, 0, False, {})


UP = Change("after", wanted=8, floor=2)
UP_BEFORE = Change("before", wanted=8, floor=2)
DOWN = Change("before", wanted=2, floor=2)
DOWN_AFTER = Change("after", wanted=2, floor=2)
BACK_UP = Change("after", wanted=8, floor=2, rolling_back=True)
BACK_DOWN = Change("before", wanted=2, floor=2, rolling_back=True)
NEW = Change("before", wanted=2, floor=1, creating=True)


@pytest.mark.parametrize(
    ("change", "seen", "elapsed", "problem", "act", "shards"),
    [
        # An increase: raised by `after`, once the coreapps are there.
        (UP_BEFORE, served(2, 3), 0, "", Act.DONE, 0),
        (UP, served(2, 9), 0, "", Act.SET, 8),
        (UP, served(2, 7), 0, "", Act.WAIT, 0),
        (UP, restarting(8), 60, "", Act.WAIT, 0),
        (UP, served(8), 60, "", Act.DONE, 0),
        # It cannot be had: given back, and only then failed.
        (UP, restarting(8), LATE, "", Act.SET, 2),
        (UP, restarting(8, 1), LATE, "", Act.WAIT, 2),
        (UP, restarting(2), LATE, "", Act.WAIT, 0),
        (UP, served(2), LATE, "", Act.FAIL, 0),
        (UP, served(2, 7), LATE, "", Act.FAIL, 0),
        (UP, restarting(8), END, "", Act.FAIL, 0),
        (UP, served(2), 0, "wrong certificate", Act.FAIL, 0),
        (UP, served(4), 0, "wrong certificate", Act.SET, 2),
        # A decrease: lowered by `before`; the service keeps its size until that is done.
        (DOWN, served(8), 0, "", Act.SET, 2),
        (DOWN, served(8, 1), 0, "", Act.WAIT, 0),
        (DOWN, restarting(2), 60, "", Act.WAIT, 0),
        (DOWN, served(2), 60, "", Act.DONE, 0),
        (DOWN, served(1), 0, "", Act.DONE, 0),
        (DOWN, served(8), LATE, "", Act.FAIL, 0),
        (DOWN, served(8), 0, "PIN missing", Act.FAIL, 0),
        (DOWN, restarting(2), LATE, "", Act.FAIL, 0),
        (DOWN_AFTER, served(2), 0, "", Act.DONE, 0),
        # A client that does not answer, or does not let us in.
        (UP, None, LATE, "", Act.WAIT, 0),
        (UP, None, END, "", Act.FAIL, 0),
        (DOWN, None, 60, "", Act.WAIT, 0),
        (DOWN, None, LATE, "", Act.FAIL, 0),
        (DOWN, None, 0, "wrong password", Act.FAIL, 0),
        (NEW, None, 0, "", Act.DONE, 0),
        # A rollback, in whatever order it comes.
        (BACK_DOWN, served(8), 0, "", Act.SET, 2),
        (Change("after", wanted=2, floor=2, rolling_back=True), served(8), 0, "", Act.SET, 2),
        (BACK_DOWN, served(8), 0, "PIN missing", Act.FAIL, 0),
        (BACK_DOWN, restarting(2), 60, "", Act.WAIT, 0),
        (BACK_DOWN, restarting(2), ROLLBACK_SECONDS, "", Act.DONE, 0),
        (BACK_DOWN, None, 60, "", Act.WAIT, 0),
        (BACK_DOWN, None, ROLLBACK_SECONDS, "", Act.DONE, 0),
        (BACK_UP, served(2, 9), 0, "", Act.SET, 8),
        (BACK_UP, served(2, 3), 0, "", Act.DONE, 0),
        (BACK_UP, served(2, 9), 0, "wrong certificate", Act.DONE, 0),
        (BACK_UP, None, ROLLBACK_SECONDS, "", Act.DONE, 0),
    ],
)
def test_the_next_step(
    change: Change, seen: Observation | None, elapsed: float, problem: str, act: Act, shards: int
) -> None:
    decision = decide(change, seen, elapsed, problem)
    assert (decision.act, decision.shards) == (act, shards), decision.why
    assert problem in decision.why or act is Act.SET


counts = st.sampled_from(SHARD_COUNTS)
coreapps = st.integers(0, 40)
owners = st.dictionaries(st.integers(0, 31), st.integers(0, 2))
observations = st.builds(Observation, counts, coreapps, coreapps, st.booleans(), owners)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    wanted, old = draw(counts), draw(counts)
    back = draw(st.booleans())
    return Change(draw(st.sampled_from(["before", "after"])), wanted, min(wanted, old), not back, back)


@given(changes(), observations, st.floats(0, 4000), st.sampled_from(["", "refused"]))
def test_nothing_is_set_that_the_running_coreapps_cannot_hold(
    change: Change, seen: Observation, elapsed: float, problem: str
) -> None:
    decision = decide(change, seen, elapsed, problem)
    if decision.act is Act.SET:
        assert decision.shards <= seen.coreapps
        assert decision.shards in (change.wanted, change.floor)
        assert decision.shards != seen.shards


@given(changes(), observations, st.floats(0, 4000), st.sampled_from(["", "refused"]))
def test_before_the_service_shards_never_go_up(change: Change, seen: Observation, elapsed: float, problem: str) -> None:
    if change.place == "before":
        decision = decide(change, seen, elapsed, problem)
        assert decision.act is not Act.SET or decision.shards < seen.shards


@given(changes(), st.none() | observations, st.sampled_from(["", "refused"]))
def test_it_ends_in_time(change: Change, seen: Observation | None, problem: str) -> None:
    assert decide(change, seen, END, problem).act in (Act.DONE, Act.FAIL)


@given(changes(), observations, st.floats(0, REACH_SECONDS + GIVE_BACK_SECONDS - 1))
def test_a_raise_fails_only_when_the_smaller_fleet_can_hold_what_is_set(
    change: Change, seen: Observation, elapsed: float
) -> None:
    if change.wanted > change.floor and seen.shards <= change.wanted:
        decision = decide(change, seen, elapsed, "")
        assert decision.act is not Act.FAIL or seen.shards <= change.floor


@given(changes(), st.none() | observations, st.floats(0, 4000), st.sampled_from(["", "refused"]))
def test_a_rollback_stops_only_when_too_many_shards_are_seen(
    change: Change, seen: Observation | None, elapsed: float, problem: str
) -> None:
    if change.rolling_back and decide(change, seen, elapsed, problem).act is Act.FAIL:
        assert seen
        assert seen.shards > change.wanted


@pytest.mark.parametrize(
    ("seen", "lacking"),
    [
        (Observation(1, 2, 1, False, {0: 1}), None),
        (Observation(2, 3, 2, False, {0: 1, 1: 1}), "the primary master is not connected"),
        (Observation(2, 3, 2, True, {0: 2}), "shards 0, 1 not owned by exactly one coreapp"),
        (Observation(2, 3, 3, True, {0: 1, 1: 1}), "3 of 2 coreapps connected"),
    ],
)
def test_what_full_service_lacks(seen: Observation, lacking: str | None) -> None:
    assert seen.missing() == lacking


def test_a_single_container_is_read_too() -> None:
    assert observation(1, {"gateway_status": "connected"}, {}).missing() is None
    assert observation(1, {"gateway_status": "unregistered"}, {}).missing() is not None
