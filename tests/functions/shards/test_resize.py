"""A size change keeps the documented order in both directions, and leaves one opinion on the number of shards."""

from itertools import pairwise, permutations

import pytest

from functions.shards import SHARD_COUNTS
from functions.shards.resource import is_complete, on_event
from standin.clock import Clock

from .conftest import running, traffic


def every_pair_once() -> list[int]:
    """Return a walk over the sizes that takes each of the 30 ordered pairs once (a Eulerian circuit)."""
    unused = set(permutations(SHARD_COUNTS, 2))
    path, walk = [1], []
    while path:
        here = path[-1]
        onward = next((pair for pair in sorted(unused) if pair[0] == here), None)
        if onward:
            unused.remove(onward)
            path.append(onward[1])
        else:
            walk.append(path.pop())
    return walk[::-1]


def test_the_walk_takes_each_of_the_30_ordered_pairs_once() -> None:
    assert sorted(pairwise(every_pair_once())) == sorted(permutations(SHARD_COUNTS, 2))


def test_every_ordered_pair_of_sizes_goes_in_the_documented_order_without_losing_a_message(clock: Clock) -> None:
    with running(clock, shards=1) as stack:
        with traffic(stack) as wait_for_more:
            for old, new in pairwise(every_pair_once()):
                stack.timeline.clear()
                stack.deploy(new)
                assert stack.timeline == (
                    [f"before: {old} shards", f"service: {new + 1} coreapps", f"after: {new} shards"]  # M-22
                    if new > old
                    else [f"before: {new} shards", f"service: {new + 1} coreapps", f"after: {new} shards"]  # M-23
                )
                stack.check()
                wait_for_more(4)
        stack.standin.advance_until(lambda state: not state["messages"]["waiting"])
        ledger = stack.standin.ledger()
    assert ledger["accepted"] > 100
    assert (ledger["lost"], ledger["doubled"], ledger["waiting"]) == (0, 0, 0)


@pytest.mark.parametrize("shards", [1, 8])
def test_a_deploy_without_a_new_number_asks_nothing_of_the_client(clock: Clock, shards: int) -> None:
    with running(clock, shards=shards) as stack:
        stack.standin.stop()
        try:
            stack.secret = "not even read"
            for place in ("before", "after"):
                assert on_event(stack.event("Update", place, shards, shards), None, stack.world) == {}
                assert is_complete(stack.event("Update", place, shards, shards))["IsComplete"]
        finally:
            stack.standin.start()
