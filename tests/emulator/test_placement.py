"""Where the target puts tasks and which it stops, what a host gives, and the switches for time and rollbacks."""

import base64
import time
from collections import Counter
from typing import Any

import pytest

from emulator.capacity.control import Settings
from emulator.capacity.host import IN_SERVICE, Host
from emulator.capacity.placement import choose, closest, surplus
from emulator.capacity.room import Room, agent_setting, decoded, demand, host_room, hosts_for, left_over

SPREAD_ZONES = {"type": "spread", "field": "attribute:ecs.availability-zone"}
SPREAD_HOSTS = {"type": "spread", "field": "instanceId"}
PACK_MEMORY = {"type": "binpack", "field": "MEMORY"}
PACK_CPU = {"type": "binpack", "field": "CPU"}


def host(number: int, zone: str) -> Host:
    record = {"InstanceId": f"i-{number}", "AvailabilityZone": zone, "LifecycleState": IN_SERVICE}
    return Host(
        record=record,
        group="group",
        number=number,
        room=Room(1000, 1000),
        cluster="cluster",
        arn=f"arn:host/{number}",
        launched=0.0,
        due=None,
    )


HOSTS = [host(1, "a"), host(2, "a"), host(3, "b"), host(4, "b")]
FREE = {"i-1": Room(400, 900), "i-2": Room(300, 950), "i-3": Room(200, 990), "i-4": Room(900, 300)}


@pytest.mark.parametrize(
    ("strategies", "on", "chosen"),
    [
        ([], {}, "i-1"),
        ([SPREAD_HOSTS], {"i-1": 1, "i-2": 1}, "i-3"),
        ([SPREAD_ZONES], {"i-3": 1, "i-1": 2}, "i-3"),
        ([SPREAD_ZONES, SPREAD_HOSTS], {"i-3": 1, "i-1": 2}, "i-4"),
        ([SPREAD_ZONES, PACK_MEMORY], {"i-1": 1}, "i-3"),
        ([PACK_MEMORY], {}, "i-3"),
        ([PACK_CPU], {}, "i-4"),
        ([SPREAD_ZONES, SPREAD_HOSTS], {"i-1": 1, "i-3": 1, "i-4": 1}, "i-2"),
    ],
)
def test_strategies_count_one_after_the_other(
    strategies: list[dict[str, Any]], on: dict[str, int], chosen: str
) -> None:
    found = choose(HOSTS, FREE, Room(100, 100), strategies, Counter(on))
    assert found is not None
    assert found.id == chosen


def test_a_task_goes_only_where_it_fits() -> None:
    found = choose(HOSTS, FREE, Room(500, 100), [SPREAD_HOSTS], Counter({"i-4": 9}))
    assert found is not None
    assert found.id == "i-4"
    assert choose(HOSTS, FREE, Room(950), [], Counter()) is None
    assert closest(HOSTS, FREE, Room(950)) == (
        "The closest matching container-instance 4 has insufficient memory available."
    )
    assert closest(HOSTS, FREE, Room(100, 995)).endswith("has insufficient CPU units available.")
    assert closest(HOSTS, FREE, Room(100, 100, 1)).endswith("has encountered error RESOURCE:ENI.")
    assert closest([], {}, Room(1)) == "Reason: No Container Instances were found in your cluster."


def test_too_many_tasks_go_where_most_are() -> None:
    """T-32: first in the zone with most tasks, there on the host with most, those without a host before all."""
    placed = ["i-1", "i-1", "i-2", "i-3", "", "i-4"]
    tasks = [{"name": f"{number}", "_host": each or None} for number, each in enumerate(placed)]
    stopped = surplus(tasks, {each.id: each for each in HOSTS}, 4)
    assert [task["name"] for task in stopped] == ["4", "1", "5", "2"]
    assert surplus(tasks, {}, 0) == surplus(tasks, {}, -3) == []


def test_what_a_task_takes() -> None:
    containers = [{"memoryReservation": 300, "memory": 900, "cpu": 10}, {"memory": 200}]
    assert demand({"containerDefinitions": containers, "networkMode": "awsvpc"}) == Room(500, 10, 1)
    assert demand({"containerDefinitions": containers, "memory": "800", "cpu": "256"}) == Room(800, 256, 0)
    # What a task does not reserve, it takes although none is left.
    assert Room(100, -5, 0).holds(Room(100, 0, 0))


def test_what_a_host_gives() -> None:
    lines = ("#!/bin/bash", "cat >> /etc/ecs/ecs.config <<'X'", "ECS_CLUSTER=mine", "ECS_RESERVED_MEMORY=409", "X", "")
    user_data = "\n".join(lines)
    assert decoded(base64.b64encode(user_data.encode()).decode()) == user_data
    assert agent_setting(user_data, "ECS_CLUSTER") == "mine"
    assert agent_setting("echo ECS_CLUSTER=other >> /etc/ecs/ecs.config", "ECS_CLUSTER") == "other"
    assert agent_setting(user_data, "ECS_LOGLEVEL") is None
    assert host_room("m6i.large", user_data, trunking=False) == Room(7577 - 409, 2048, 2)
    assert host_room("m6i.large", user_data, trunking=True) == Room(7577 - 409, 2048, 10)
    assert host_room("m6i.unheard", "", trunking=True) is None


def test_how_many_hosts_tasks_need() -> None:
    tasks = [Room(300)] * 4 + [Room(700)] * 2
    assert hosts_for(tasks, Room(1000)) == 3
    assert hosts_for([*tasks, Room(2000)], Room(1000)) == 3, "what fits on no host asks for none"
    assert left_over(tasks, [Room(1000), Room(500)]) == [Room(700), Room(300), Room(300)]


def test_real_time_counts_only_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    still, quick = Settings(), Settings()
    quick.read({"EMULATOR_SECONDS_PER_DAY": "2", "EMULATOR_ROLLBACK_ORDER": "reverse"})
    now = 101.0
    assert (still.passed(), quick.passed(), quick.passed()) == (0.0, 43_200.0, 0.0)
    assert quick.reorder(["first", "second"]) == ["second", "first"]


def test_a_shuffled_rollback_is_the_same_for_the_same_seed() -> None:
    names, orders = [f"Resource{number}" for number in range(9)], list[list[str]]()
    for seed in ("1", "1", "2"):
        settings = Settings()
        settings.read({"EMULATOR_ROLLBACK_ORDER": f"shuffled:{seed}"})
        orders.append(settings.reorder(names))
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == names


@pytest.mark.parametrize(
    ("name", "value"), [("EMULATOR_SECONDS_PER_DAY", "0"), ("EMULATOR_ROLLBACK_ORDER", "shuffled")]
)
def test_a_switch_that_is_wrong_ends_the_target(name: str, value: str) -> None:
    with pytest.raises(SystemExit, match=rf"got '{value}'; allowed"):
        Settings().read({name: value})
