"""Services: as many tasks as desired, replaced within the minimum and maximum percent.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-draining.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import internals
from .internals import Record
from .placement import surplus
from .tasks import stop, wanted

if TYPE_CHECKING:
    from .world import World


def step(world: World) -> bool:
    """Let the scheduler have one look at every service."""
    changed = False
    for key, service in internals.ecs_services.items():
        if service["status"] == "INACTIVE":
            continue
        cluster = key.split("/", 1)[0]
        changed |= _schedule(world, cluster, service)
        _count(world, cluster, service)
        if service["status"] == "DRAINING" and not _tasks(world, service):
            internals.retire_service(cluster, service)
            changed = True
    return changed


def due(_: World) -> Iterator[float]:
    """Yield nothing: a service follows its tasks and hosts."""
    yield from ()


def steady(world: World, service: Record) -> bool:
    """Tell whether a service has reached what it desires, with one deployment and every task where it stays."""
    alive = [task for task in _tasks(world, service) if wanted(task)]
    return (
        service["status"] == "ACTIVE"
        and len(service["deployments"]) == 1
        and len(alive) == service["desiredCount"]
        and all(task["lastStatus"] == "RUNNING" and _stays(world, service, task) for task in alive)
    )


def _tasks(world: World, service: Record) -> list[Record]:
    group, cluster = f"service:{service['serviceName']}", service["clusterArn"]
    return [task for task in world.tasks() if task["group"] == group and task["clusterArn"] == cluster]


def _stays(world: World, service: Record, task: Record) -> bool:
    """Tell whether a task is of the newest deployment and on a host that does not drain."""
    host = world.hosts.get(task.get("_host") or "")
    return internals.is_current(service, task) and not (host is not None and host.draining)


def _schedule(world: World, cluster: str, service: Record) -> bool:
    desired = service["desiredCount"] if service["status"] == "ACTIVE" else 0
    settings = service.get("deploymentConfiguration") or {}
    fewest = -(-desired * int(settings.get("minimumHealthyPercent", 100)) // 100)
    most = desired * int(settings.get("maximumPercent", 200)) // 100
    alive = [task for task in _tasks(world, service) if wanted(task)]
    stays = [task for task in alive if _stays(world, service, task)]
    goes = [task for task in alive if task not in stays]

    # What does not run yet and has no future is stopped at once; what runs, only as long as enough others run.
    ending = [task for task in goes if task["lastStatus"] != "RUNNING"]
    replaced = [task for task in goes if task["lastStatus"] == "RUNNING"]
    ending += surplus(stays, world.hosts, len(stays) - desired)
    left = sum(task["lastStatus"] == "RUNNING" for task in stays if task not in ending)
    ending += replaced[: max(0, left + len(replaced) - fewest)]
    for task in ending:
        stop(world, task, "Service scheduling")
    missing = min(desired - len(stays), most - (len(alive) - len(ending)))
    if missing > 0:
        internals.start_tasks(cluster, service, missing)
    return bool(ending) or missing > 0


def _count(world: World, cluster: str, service: Record) -> None:
    """Bring the counts up to date, and end a deployment that has reached its end."""
    primary = internals.primary_deployment(service)
    if primary is not None:
        alive = [task for task in _tasks(world, service) if wanted(task)]
        mine = [task for task in alive if internals.is_current(service, task)]
        done = len(mine) == len(alive) == service["desiredCount"]
        done = done and all(task["lastStatus"] == "RUNNING" for task in mine)
        if done and not primary.get("_completed"):
            primary["_completed"] = True
            primary.update(rolloutState="COMPLETED", rolloutStateReason="ECS deployment completed.")
            text = f"(service {service['serviceName']}) has reached a steady state."
            service["events"].insert(0, internals.new_event(text))
        elif not primary.get("_completed"):
            primary.update(rolloutState="IN_PROGRESS", rolloutStateReason="ECS deployment in progress.")
    internals.count_tasks(cluster, service)
    placing = [task for task in _tasks(world, service) if task["lastStatus"] == "PROVISIONING"]
    service["pendingCount"] += len(placing)
