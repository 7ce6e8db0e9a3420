"""Managed draining: ECS holds a host that is about to end until its tasks have moved away.

It does so as long as the host's capacity provider is attached to the cluster. Without it nobody answers the hook, which
then holds the host for its whole heartbeat of an hour (T-2).
Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-instance-draining.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from . import internals
from .host import WAITING, Host
from .internals import Record

if TYPE_CHECKING:
    from .world import World

HOOK: Final = "ecs-managed-draining-termination-hook"
HEARTBEAT_SECONDS: Final = 3600
LONGEST_SECONDS: Final = 48 * 3600.0
"""ECS keeps a host in DRAINING for 48 hours at most."""


def step(world: World) -> bool:
    """Drain hosts that wait for their end, and let go those that are empty."""
    changed = False
    for host in world.hosts.values():
        if host.state != WAITING or HOOK not in host.hooks or not _managed(host):
            continue
        if not host.draining:
            host.draining, changed = True, True
            host.hooks[HOOK] = world.now + LONGEST_SECONDS
            world.note(f"{host.id} drains")
        if not world.tasks_on(host):
            del host.hooks[HOOK]
            changed = True
    return changed


def due(_: World) -> Iterator[float]:
    """Yield nothing: it follows the tasks, and the group watches the hooks."""
    yield from ()


def put_hook(provider: Record) -> None:
    """Put the hook on the group of a capacity provider with managed draining, which is on unless it is switched off."""
    group = group_of(provider)
    settings = provider["autoScalingGroupProvider"]
    if group is not None and settings.get("managedDraining", "ENABLED") == "ENABLED":
        internals.put_termination_hook(group["AutoScalingGroupName"], HOOK, HEARTBEAT_SECONDS)


def group_of(provider: Record) -> Record | None:
    """Return the Auto Scaling group of a capacity provider."""
    arn = (provider.get("autoScalingGroupProvider") or {}).get("autoScalingGroupArn")
    groups = internals.auto_scaling_groups.values()
    return next((group for group in groups if group["AutoScalingGroupARN"] == arn), None)


def _managed(host: Host) -> bool:
    cluster = internals.ecs_clusters.get(host.cluster) or {}
    arn = internals.auto_scaling_groups[host.group]["AutoScalingGroupARN"]
    return any(
        provider["autoScalingGroupProvider"]["autoScalingGroupArn"] == arn
        and provider["autoScalingGroupProvider"].get("managedDraining", "ENABLED") == "ENABLED"
        for name, provider in internals.capacity_providers.items()
        if name in cluster.get("capacityProviders", ())
    )
