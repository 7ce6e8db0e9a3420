"""Which host ECS chooses for a task, and which tasks of a service it stops first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from .host import Host
from .internals import Record
from .room import Room

ZONE = "attribute:ecs.availability-zone"


def choose(
    hosts: Sequence[Host], free: Mapping[str, Room], need: Room, strategies: Sequence[Record], on: Counter[str]
) -> Host | None:
    """Return the host for a task, None when it fits on none.

    The strategies count one after the other; of hosts that are equal by all of them ECS takes any, here the oldest.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-strategies.html

    Args:
        hosts: On which ECS may put tasks.
        free: What is free on each host, by id.
        need: What the task takes.
        strategies: The service's, in the spelling of the API.
        on: How many tasks of the service each host has, by id.
    """
    in_zone = Counter[str]()
    for host in hosts:
        in_zone[host.zone] += on[host.id]

    def rank(host: Host) -> tuple[int, ...]:
        return (*(_rank(host, free[host.id], each, on, in_zone) for each in strategies), host.number)

    return min((host for host in hosts if free[host.id].holds(need)), key=rank, default=None)


def _rank(host: Host, free: Room, strategy: Record, on: Counter[str], in_zone: Counter[str]) -> int:
    match strategy.get("type"), str(strategy.get("field", "")):
        case "spread", field if field == ZONE:
            return in_zone[host.zone]
        case "spread", "instanceId" | "host":
            return on[host.id]
        case "binpack", field if field.upper() == "MEMORY":
            return free.memory_mib
        case "binpack", _:
            return free.cpu_units
        case _:
            return 0


def closest(hosts: Iterable[Host], free: Mapping[str, Room], need: Room) -> str:
    """Say why a task fits on no host, in the words of a service's event."""
    best = max(hosts, key=lambda host: free[host.id], default=None)
    if best is None:
        return "Reason: No Container Instances were found in your cluster."
    name = best.arn.rsplit("/", 1)[-1]
    return f"The closest matching container-instance {name} has {free[best.id].lacks(need)}."


def surplus(tasks: Sequence[Record], hosts: Mapping[str, Host], count: int) -> list[Record]:
    """Return the tasks of a service that ECS stops when `count` of them are too many.

    Those that found no host go first. Of the others, it stops one after the other in the zone that has the most of the
    service's tasks, there on the host that has the most, there the newest (T-32).
    """
    left, chosen = list(tasks), list[Record]()
    while len(chosen) < count:
        placed = [hosts[task["_host"]] for task in left if task.get("_host") in hosts]
        on, in_zone = Counter(host.id for host in placed), Counter(host.zone for host in placed)

        def rank(entry: tuple[int, Record], on: Counter[str] = on, zones: Counter[str] = in_zone) -> tuple[int, ...]:
            number, task = entry
            host = hosts.get(task.get("_host", ""))
            return (1, 0, 0, number) if host is None else (0, zones[host.zone], on[host.id], number)

        number, task = max(enumerate(left), key=rank)
        del left[number]
        chosen.append(task)
    return chosen
