"""The invariant of a fleet: the tasks that run never need more hosts than serve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from . import internals
from .room import hosts_for, left_over

if TYPE_CHECKING:
    from .world import World


@dataclass(kw_only=True)
class Moment:
    """A time at which the invariant of a cluster was broken.

    Attributes:
        cluster: Name of the ECS cluster.
        began: When it broke, in simulated seconds.
        ended: When it was whole again, None while it is broken.
        needed: How many hosts the running tasks needed, at the worst.
        serving: How many served then.
    """

    cluster: str
    began: float
    needed: int
    serving: int
    ended: float | None = None


class Watch:
    """Every moment at which running tasks needed more hosts than served: more would have been lost with them."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []

    def look(self, world: World) -> None:
        """Judge every cluster now."""
        broken = {cluster: (needed, serving) for cluster, needed, serving in _judged(world) if needed > serving}
        open_moments = {moment.cluster: moment for moment in self.moments if moment.ended is None}
        for cluster, moment in open_moments.items():
            if cluster not in broken:
                moment.ended = world.now
            elif broken[cluster][0] - broken[cluster][1] > moment.needed - moment.serving:
                moment.needed, moment.serving = broken[cluster]
        for cluster in broken.keys() - open_moments.keys():
            needed, serving = broken[cluster]
            self.moments.append(Moment(cluster=cluster, began=world.now, needed=needed, serving=serving))

    def document(self) -> list[dict[str, Any]]:
        """Return the moments as JSON knows them, the oldest first."""
        return [asdict(moment) for moment in self.moments]

    def clear(self) -> None:
        """Forget all moments."""
        self.moments.clear()


def _judged(world: World) -> Iterator[tuple[str, int, int]]:
    """Yield for each cluster how many hosts its running tasks need and how many serve."""
    running: dict[str, list[Any]] = {}
    for task in world.tasks():
        if task["lastStatus"] == "RUNNING" and task.get("_host") in world.hosts:
            running.setdefault(internals.cluster_name(task["clusterArn"]), []).append(task)
    for cluster, tasks in running.items():
        serving = [host for host in world.hosts_in(cluster) if host.serves]
        names = {host.id for host in serving}
        if all(task["_host"] in names for task in tasks):
            continue
        homeless = left_over((task["_need"] for task in tasks), (host.room for host in serving))
        largest = max(host.room for host in world.hosts.values())
        yield cluster, len(serving) + hosts_for(homeless, largest), len(serving)
