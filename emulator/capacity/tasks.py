"""Tasks: put on a host, started, stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from . import internals
from .host import Host
from .internals import Record
from .placement import choose, closest
from .room import demand

if TYPE_CHECKING:
    from .world import World

START_SECONDS: Final = 30.0
"""From placement until the task runs: network interface, image, container."""

STOP_SECONDS: Final = 30.0
"""From the signal until the containers have stopped."""

FORGET_SECONDS: Final = 3600.0
"""How long ECS shows a task that has stopped."""

STEPS: Final = ("PROVISIONING", "PENDING", "RUNNING")


def step(world: World) -> bool:
    """Take in tasks that were just made, put those on hosts that wait, and let time work on the others."""
    changed = False
    _forget(world)
    for task in world.tasks():
        if "_need" not in task:
            changed |= _take_in(task)
        if task["lastStatus"] == "PROVISIONING":
            changed |= _place(world, task)
        elif task.get("_due") is not None and world.now >= task["_due"]:
            changed = True
            if task["lastStatus"] == "PENDING":
                task["lastStatus"], task["_due"] = "RUNNING", None
                task["startedAt"] = internals.now_iso()
                # No container runs here, so a check that there is has nothing to find fault with.
                task["healthStatus"] = "HEALTHY" if _is_checked(task) else "UNKNOWN"
            else:
                internals.end_task(task, task["stoppedReason"], "ServiceSchedulerInitiated")
    return changed


def due(world: World) -> Iterator[float]:
    """Yield when a task has started or stopped."""
    for task in world.tasks():
        if task.get("_due") is not None:
            yield task["_due"]


def stop(world: World, task: Record, reason: str) -> None:
    """Begin to stop a task: one that does not run yet has nothing to wind down."""
    task["desiredStatus"], task["stoppedReason"] = "STOPPED", reason
    if task["lastStatus"] == "RUNNING":
        task["lastStatus"], task["_due"] = "STOPPING", world.now + STOP_SECONDS
    else:
        internals.end_task(task, reason, "ServiceSchedulerInitiated")


def die_with(world: World, host: Host) -> None:
    """Stop at once what is still on a host that ends."""
    for task in world.tasks_on(host):
        world.note(f"a task of {task['group']} ends with {host.id}")
        internals.end_task(task, f"Host EC2 (instance {host.id}) terminated.", "TerminationNotice")


def wanted(task: Record) -> bool:
    """Tell whether a task runs or is to run, and is not being stopped."""
    return task["lastStatus"] in STEPS and task["desiredStatus"] == "RUNNING"


def _is_checked(task: Record) -> bool:
    """Tell whether ECS asks for the health of a task: one of its containers has a check."""
    definition = internals.task_definition(task["taskDefinitionArn"]) or {}
    return any("healthCheck" in container for container in definition.get("containerDefinitions", ()))


def _forget(world: World) -> None:
    """Forget tasks that stopped long ago."""
    for arn, task in list(internals.tasks.items()):
        if task["lastStatus"] == "STOPPED" and world.now >= task.setdefault("_ended", world.now) + FORGET_SECONDS:
            del internals.tasks[arn]


def _take_in(task: Record) -> bool:
    """Let a task that MiniStack calls running wait for a host; on Fargate it needs none."""
    task["_need"] = demand(internals.task_definition(task["taskDefinitionArn"]) or {})
    if task.get("launchType") == "FARGATE":
        return False
    task.update(lastStatus="PROVISIONING", containerInstanceArn=None, startedAt=None, _host=None, _due=None)
    return True


def _place(world: World, task: Record) -> bool:
    cluster = internals.cluster_name(task["clusterArn"])
    hosts = [host for host in world.hosts_in(cluster) if host.serves and _provides(host, task)]
    service = internals.ecs_services.get(internals.service_key(cluster, task["group"].removeprefix("service:"))) or {}
    free = world.free()
    beside = world.spread(each for each in world.tasks() if each["group"] == task["group"] and wanted(each))
    host = choose(hosts, free, task["_need"], service.get("placementStrategy") or (), beside)
    if host is None:
        return _complain(service, closest(hosts, free, task["_need"]))
    task.update(
        lastStatus="PENDING",
        containerInstanceArn=host.arn,
        availabilityZone=host.zone,
        _host=host.id,
        _due=world.now + START_SECONDS,
    )
    return True


def _provides(host: Host, task: Record) -> bool:
    """Tell whether a host belongs to the capacity provider that a task asks for."""
    name = task.get("capacityProviderName")
    if not name:
        return True
    provider = internals.capacity_providers.get(name) or {}
    arn = (provider.get("autoScalingGroupProvider") or {}).get("autoScalingGroupArn")
    return internals.auto_scaling_groups[host.group]["AutoScalingGroupARN"] == arn


def _complain(service: Record, why: str) -> bool:
    """Write an event of the service; the same is not written twice in a row, and it changes nothing in the world."""
    name = service.get("serviceName")
    text = (
        f"(service {name}) was unable to place a task because no container instance met all of its requirements. {why}"
    )
    events = service.get("events")
    if events is not None and (not events or events[0]["message"] != text):
        events.insert(0, internals.new_event(text))
    return False
