"""The invariant of a fleet: the tasks that run never need more hosts than serve."""

from __future__ import annotations

from collections.abc import Iterator

from . import internals
from .internals import Record
from .room import hosts_for, left_over
from .world import Moment, World


def look(world: World) -> None:
    """Judge every cluster now, and write down a moment that begins or ends."""
    broken = {cluster: (needed, serving) for cluster, needed, serving in _judged(world) if needed > serving}
    open_moments = {moment.cluster: moment for moment in world.moments if moment.ended is None}
    for cluster, moment in open_moments.items():
        if cluster not in broken:
            moment.ended = world.now
        elif broken[cluster][0] - broken[cluster][1] > moment.needed - moment.serving:
            moment.needed, moment.serving = broken[cluster]
    for cluster in broken.keys() - open_moments.keys():
        needed, serving = broken[cluster]
        world.moments.append(Moment(cluster=cluster, began=world.now, needed=needed, serving=serving))


def _judged(world: World) -> Iterator[tuple[str, int, int]]:
    """Yield for each cluster with tasks on hosts that go how many hosts its running tasks need, and how many serve.

    Of each service, as many tasks count as it desires: a task whose successor runs already needs no host any more.
    """
    running: dict[str, dict[str, list[Record]]] = {}
    for task in world.tasks():
        if task["lastStatus"] == "RUNNING" and task.get("_host") in world.hosts:
            cluster = internals.cluster_name(task["clusterArn"])
            running.setdefault(cluster, {}).setdefault(task["group"], []).append(task)
    for cluster, groups in running.items():
        serving = [host for host in world.hosts_in(cluster) if host.serves]
        names = {host.id for host in serving}
        if all(task["_host"] in names for tasks in groups.values() for task in tasks):
            continue
        counted = list[Record]()
        for group, tasks in groups.items():
            service = internals.ecs_services.get(internals.service_key(cluster, group.removeprefix("service:"))) or {}
            tasks.sort(key=lambda task: task["_host"] not in names)
            counted += tasks[: service.get("desiredCount", len(tasks))]
        homeless = left_over((task["_need"] for task in counted), (host.room for host in serving))
        largest = max(host.room for host in world.hosts.values())
        yield cluster, len(serving) + hosts_for(homeless, largest), len(serving)
