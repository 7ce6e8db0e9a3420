"""The invariant of a fleet: the tasks that run never need more hosts than serve."""

from __future__ import annotations

from collections.abc import Iterator

from . import internals
from .internals import Record
from .room import hosts_for, left_over
from .world import Moment, World


def look(world: World) -> None:
    """Judge every cluster now, and write down a moment that begins or ends."""
    broken = {judged.cluster: judged for judged in _judged(world) if judged.needed > judged.serving}
    open_moments = {moment.cluster: moment for moment in world.moments if moment.ended is None}
    for cluster, moment in open_moments.items():
        if cluster not in broken:
            moment.ended = world.now
            continue
        now = broken[cluster]
        moment.over_cap = max(moment.over_cap, now.over_cap)
        if now.needed - now.serving > moment.needed - moment.serving:
            moment.needed, moment.serving = now.needed, now.serving
    world.moments += [broken[cluster] for cluster in broken.keys() - open_moments.keys()]


def _judged(world: World) -> Iterator[Moment]:
    """Yield how it is now in each cluster with tasks on hosts that go.

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
        needed = len(serving) + hosts_for(homeless, largest)
        groups = {host.group for host in world.hosts_in(cluster)}
        allowed = sum(internals.auto_scaling_groups.get(name, {"MaxSize": 0})["MaxSize"] for name in groups)
        yield Moment(
            cluster=cluster,
            began=world.now,
            needed=needed,
            serving=len(serving),
            over_cap=max(0, needed - allowed),
        )
