"""Availability in closed form against a simulation, spares for a target, and losses on a real placement."""

import heapq
import math
import random
from itertools import combinations
from typing import Any

import pytest

import sizing
from sizing import Failures, SizingError, availability, plan, spares_for, survives
from sizing.reliability import SECONDS_PER_YEAR, layout

# Thousands of times more failures than in life, so that a second of simulation sees many of them.
ROUGH = Failures(
    host_failures_per_year=400,
    host_replacement_seconds=1800,
    zone_failures_per_year=40,
    zone_replacement_seconds=7200,
)


def simulated_share(answer, failures, years, seed):
    """Return the share of time that a shard is unserved, by playing hosts, zones and shards forward."""
    dice = random.Random(seed)  # noqa: S311
    placed = layout(answer)
    homes = [number for number, host in enumerate(placed) for _ in range(host.tasks.get("coreapp", 0))]
    zones = sorted({host.zone for host in placed})
    up = {("host", number): True for number in range(len(placed))} | {("zone", zone): True for zone in zones}
    mean = {
        "host": (SECONDS_PER_YEAR / failures.host_failures_per_year, failures.host_replacement_seconds),
        "zone": (SECONDS_PER_YEAR / failures.zone_failures_per_year, failures.zone_replacement_seconds),
    }
    events: list[Any] = [(dice.expovariate(1 / mean[part[0]][0]), "turn", part) for part in up]
    heapq.heapify(events)
    owner = dict(enumerate(range(answer.active_coreapps)))  # shard -> coreapp
    since: dict[int, float] = {}  # unserved shard -> when it fell
    unserved = 0.0
    end = years * SECONDS_PER_YEAR

    def runs(coreapp):
        return up["host", homes[coreapp]] and up["zone", placed[homes[coreapp]].zone]

    while events:
        now, kind, part = heapq.heappop(events)
        if now > end:
            break
        if kind == "turn":
            up[part] = not up[part]
            heapq.heappush(events, (now + dice.expovariate(1 / mean[part[0]][0 if up[part] else 1]), "turn", part))
            for shard, coreapp in list(owner.items()):
                if not runs(coreapp):
                    del owner[shard]
                    since[shard] = now
                    heapq.heappush(events, (now + failures.failover_seconds, "fail over", shard))
        free = [coreapp for coreapp in range(len(homes)) if runs(coreapp) and coreapp not in owner.values()]
        for shard, fell in sorted(since.items(), key=lambda each: each[1]):
            if free and now >= fell + failures.failover_seconds:
                owner[shard] = free.pop()
                unserved += now - since.pop(shard)
    unserved += sum(end - fell for fell in since.values())
    return unserved / end / answer.active_coreapps


@pytest.mark.parametrize(("active", "spares"), [(2, 0), (2, 1), (4, 2), (8, 1), (8, 3)])
def test_the_closed_form_agrees_with_a_simulation(active, spares):
    answer = plan(active, spares=spares)
    exact = 1 - availability(answer, ROUGH).availability
    runs = [simulated_share(answer, ROUGH, years=2, seed=seed) for seed in range(8)]
    mean = sum(runs) / len(runs)
    error = math.sqrt(sum((run - mean) ** 2 for run in runs) / (len(runs) - 1) / len(runs))
    # Four standard errors of the simulation, and 2 % for the overlap of fail-over and shortage it leaves out.
    assert abs(exact - mean) < 4 * error + 0.02 * exact


def test_one_fail_over_a_failure_is_what_no_spare_can_take_away():
    found = availability(plan(2, spares=2), Failures(zone_failures_per_year=0, host_failures_per_year=12))
    assert found.failover_minutes == pytest.approx(35 / 60, rel=0.01)  # one failure a month, 35 s (M-6)


def test_more_spares_never_make_it_worse_and_each_takes_less_away():
    minutes = [availability(plan(16, spares=spares)).unavailable_minutes for spares in range(5)]
    assert minutes == sorted(minutes, reverse=True)
    assert 0 < availability(plan(16)).availability < 1


def test_spares_for_is_the_least_that_reaches_the_target():
    for active in (2, 4, 8):
        for target in (0.9999, 0.99999, 0.999995):
            try:
                spares = spares_for(target, active)
            except SizingError:
                continue
            assert availability(plan(active, spares=spares)).availability >= target
            assert spares == 0 or availability(plan(active, spares=spares - 1)).availability < target


def test_a_target_out_of_reach_says_what_is_reached():
    with pytest.raises(SizingError, match=r"target: got 0.99999999; allowed up to 0\.9999\d+.*fail-over of 35 s"):
        spares_for(0.99999999, 2)
    with pytest.raises(SizingError, match="target"):
        spares_for(2)


@pytest.mark.parametrize("active", sizing.SHARD_COUNTS)
def test_every_plan_survives_a_lost_host_once_its_tasks_run_again(active):
    assert survives(plan(active), hosts=1, replaced=True)


def test_one_spare_covers_a_lost_host_only_where_a_host_carries_one_coreapp():
    assert survives(plan(2), hosts=1)  # 3 coreapps on 3 hosts
    assert not survives(plan(8), hosts=1)  # 9 coreapps on 5 hosts: some host has two
    # 5 hosts in 3 zones: the third zone has one host, and spreading over zones gives it three coreapps of ten.
    assert not survives(plan(8, spares=2), hosts=1)
    assert survives(plan(8, spares=3), hosts=1)


@pytest.mark.parametrize(("active", "spares", "hosts"), [(2, 2, 2), (4, 2, 1), (8, 3, 2), (16, 4, 1)])
def test_survival_is_the_worst_of_every_loss(active, spares, hosts):
    """Counted again with plain sums over the placement."""
    answer = plan(active, spares=spares)
    coreapps = [host.tasks.get("coreapp", 0) for host in layout(answer)]
    webs = [host.tasks.get("webapp", 0) for host in layout(answer)]
    masters = [host.tasks.get("master", 0) for host in layout(answer)]
    worst = all(
        sum(coreapps) - sum(coreapps[number] for number in lost) >= active
        and sum(webs) > sum(webs[number] for number in lost)
        and sum(masters) > sum(masters[number] for number in lost)
        for lost in combinations(range(len(coreapps)), hosts)
    )
    assert survives(answer, hosts=hosts) is worst


def test_losing_everything_is_not_survived():
    assert not survives(plan(2), hosts=0, azs=3)
    assert not survives(plan(2), hosts=3)


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        (lambda: survives(plan(2), hosts=4, azs=-1), ["hosts", "azs"]),
        (lambda: survives(plan(32, spares=1), hosts=9, azs=1), ["hosts"]),
        (lambda: Failures(host_failures_per_year=-1, heartbeat_seconds=math.nan),
         ["host_failures_per_year", "heartbeat_seconds"]),
        (lambda: availability(plan(8), hosts=1), ["hosts"]),
        (lambda: availability(plan(8), hosts=99), ["hosts"]),
    ],
)  # fmt: skip
def test_bad_questions_are_refused(call, parameters):
    with pytest.raises(SizingError) as caught:
        call()
    assert [problem.parameter for problem in caught.value.problems] == parameters
