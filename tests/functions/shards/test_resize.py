"""A size change keeps the documented order in both directions, and leaves one opinion on the number of shards."""

from itertools import pairwise, permutations

import pytest

from functions.contract import SHARD_COUNTS
from functions.shards.resource import accept, advance
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


def test_a_service_that_is_called_done_before_its_tasks_run_is_waited_for(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation's express mode goes on while a service is still starting its tasks (T-35)."""
    with running(clock, shards=2) as stack:
        grow = stack.service
        monkeypatch.setattr(stack, "service", lambda shards: stack.timeline.append("service: called done"))

        def start_late(place: str, number: int) -> None:
            if (place, number) == ("after", 3):
                assert stack.shards() == 2, "nothing is set that the running coreapps cannot hold"
                grow(8)

        stack.on_poll = start_late
        stack.deploy(8)
        assert stack.timeline == ["before: 2 shards", "service: called done", "service: 9 coreapps", "after: 8 shards"]
        stack.check()


@pytest.mark.parametrize("shards", [1, 8])
def test_a_deploy_without_a_new_number_asks_nothing_of_the_client(clock: Clock, shards: int) -> None:
    with running(clock, shards=shards) as stack:
        stack.standin.stop()
        try:
            stack.secret = "not even read"
            for place in ("before", "after"):
                assert accept(stack.event("Update", place, shards, shards), stack.dependencies) == {}
                assert advance(stack.event("Update", place, shards, shards), stack.dependencies)["IsComplete"]
        finally:
            stack.standin.start()
