"""Managed scaling: ECS sizes the group of a capacity provider by what its tasks need.

Every minute ECS publishes `CapacityProviderReservation`, which is M / N in percent. N is how many hosts there are. M is
how many are needed: while tasks wait for room, N and those that their largest group of equal tasks needs more; else
the hosts that have a task. Above the target for a minute the group grows, below it for 15 minutes it shrinks.
Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-scaling-behavior.html
https://aws.amazon.com/blogs/containers/deep-dive-on-amazon-ecs-cluster-auto-scaling/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from . import internals
from .draining import group_of
from .groups import capacity, fresh_room, set_size
from .host import PENDING, Host
from .internals import Record
from .room import Room, hosts_for, left_over
from .tasks import wanted

if TYPE_CHECKING:
    from .world import World

OUT, IN = "out", "in"
DELAY_SECONDS: Final = {OUT: 60.0, IN: 900.0}


def step(world: World) -> bool:
    """Let every capacity provider judge its group, and change its desired capacity when it is time."""
    changed = False
    for name, group, size in _judged(world):
        direction = _direction(group, size)
        since = world.scaling_since.get(name)
        if direction is None:
            world.scaling_since.pop(name, None)
        elif since is None or since[0] != direction:
            world.scaling_since[name] = (direction, world.now)
        elif world.now >= since[1] + DELAY_SECONDS[direction]:
            _scale(world, name, group, size)
            changed = True
    return changed


def due(world: World) -> Iterator[float]:
    """Yield when an alarm of a capacity provider will have been on for long enough."""
    for direction, since in world.scaling_since.values():
        yield since + DELAY_SECONDS[direction]


def _judged(world: World) -> Iterator[tuple[str, Record, int]]:
    """Yield each capacity provider that scales, its group and the size that it asks for."""
    for cluster in internals.ecs_clusters.values():
        for name in cluster.get("capacityProviders", ()):
            provider = internals.capacity_providers.get(name) or {}
            settings = (provider.get("autoScalingGroupProvider") or {}).get("managedScaling") or {}
            group = group_of(provider)
            if group is not None and settings.get("status") == "ENABLED":
                needed = _needed(world, name, group)
                yield name, group, _size(group, settings, needed, len(capacity(world, group)))


def _size(group: Record, settings: Record, needed: int, present: int) -> int:
    size = -(-needed * 100 // int(settings.get("targetCapacity") or 100))
    if size > present:
        least, most = settings.get("minimumScalingStepSize") or 1, settings.get("maximumScalingStepSize") or 10_000
        size = present + min(max(size - present, int(least)), int(most))
    return min(max(size, group["MinSize"]), group["MaxSize"])


def _needed(world: World, provider: str, group: Record) -> int:
    """Return M of the metric."""
    hosts = capacity(world, group)
    mine = [task for task in world.tasks() if task.get("capacityProviderName") == provider and wanted(task)]
    room = fresh_room(group)
    waiting = Counter[Room](
        task["_need"]
        for task in mine
        if task["lastStatus"] == "PROVISIONING" and room is not None and room.holds(task["_need"])
    )
    if not waiting or room is None:
        used = world.spread(world.tasks())
        return sum(used[host.id] > 0 for host in hosts)
    starting = [host.room for host in hosts if host.state == PENDING]
    more = (hosts_for(left_over([need] * count, starting), room) for need, count in waiting.items())
    return len(hosts) + max(more)


def _direction(group: Record, size: int) -> str | None:
    if size > group["DesiredCapacity"]:
        return OUT
    return IN if size < group["DesiredCapacity"] else None


def _scale(world: World, provider: str, group: Record, size: int) -> None:
    settings = internals.capacity_providers[provider]["autoScalingGroupProvider"]
    if size < group["DesiredCapacity"] and settings.get("managedTerminationProtection") == "ENABLED":
        used = world.spread(world.tasks())
        idle: list[Host] = [host for host in capacity(world, group) if not used[host.id]]
        for host in idle[: group["DesiredCapacity"] - size]:
            host.record["ProtectedFromScaleIn"] = False
    name = group["AutoScalingGroupName"]
    world.note(f"managed scaling sets {name} from {group['DesiredCapacity']} to {size}")
    set_size(group, size)
    del world.scaling_since[provider]
