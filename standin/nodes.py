"""What a cluster is made of: its options, containers, the master lease, the two timers (facts 1.1, 1.2)."""

from dataclasses import dataclass, field
from math import floor, inf

SHARD_COUNTS = (1, 2, 4, 8, 16, 32)
"""The only shard counts there are (M-2)."""

KINDS = ("coreapp", "master", "web")


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """How the cluster starts and how fast it is. Times are simulated seconds.

    Attributes:
        coreapps: Coreapps at the start, 1 or more.
        masters: Masters at the start; 0 is the single container of M-1, without high availability.
        webs: Webapps at the start, 1 or more.
        shards: Shards at the start, 1 by default (M-13).
        restart_seconds: Least and most for a coreapp to restart after Set Shards (M-22: 45 s to 1 min).
        start_seconds: Least and most for a new container to start. The page gives none; ours is 10-20 s.
        send_rate: Messages/s that one coreapp sends. Published figures are 10-25 (facts 2.5); ours is 25.
        queue_limit: Messages one shard's queue holds before 1016. Not published; ours is 10 000.
        seed: Makes every random choice the same again.

    Raises:
        ValueError: A value that no cluster can have, with what is allowed.
    """

    coreapps: int = 3
    masters: int = 2
    webs: int = 1
    shards: int = 1
    restart_seconds: tuple[float, float] = (45.0, 60.0)
    start_seconds: tuple[float, float] = (10.0, 20.0)
    send_rate: float = 25.0
    queue_limit: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.shards not in SHARD_COUNTS:
            raise ValueError(f"shards={self.shards}: allowed are {', '.join(map(str, SHARD_COUNTS))}")
        for name, least in (("coreapps", 1), ("masters", 0), ("webs", 1), ("queue_limit", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)}: give {least} or more")
        if not self.send_rate > 0:
            raise ValueError(f"send_rate={self.send_rate}: give messages per second, above 0")
        for name in ("restart_seconds", "start_seconds"):
            low, high = getattr(self, name)
            if not 0 <= low <= high < inf:
                raise ValueError(f"{name}={low},{high}: give the least and the most seconds, such as 45,60")
        if not self.masters and (self.coreapps, self.shards) != (1, 1):
            raise ValueError(
                f"masters=0, coreapps={self.coreapps}, shards={self.shards}: without masters it is a single "
                "container with 1 coreapp and 1 shard; give 2 masters or more"
            )


@dataclass
class Node:
    """A container. The fields are a row of the store's table of nodes, in its order."""

    name: str
    kind: str
    container: str
    ready_at: float
    paused: bool = False
    stopped: bool = False
    missed_at: float | None = None

    def __post_init__(self) -> None:
        self.paused, self.stopped = bool(self.paused), bool(self.stopped)


@dataclass
class Lease:
    """The master lease (facts 1.1): renewed at each heartbeat while `until` is None, then runs out."""

    holder: str | None = None
    until: float | None = None


@dataclass
class Timers:
    """The two settings behind the ~35 s of M-6 (facts 1.2), in simulated seconds."""

    heartbeat_interval: float = 5.0
    unhealthy_interval: float = 30.0
    epoch: float = field(default=0.0, repr=False)
    """A moment of a heartbeat; the others follow from it."""

    def beat_after(self, at: float) -> float:
        """Return the first heartbeat after `at`.

        Example:
            >>> Timers().beat_after(12.0)
            15.0
        """
        beat = self.epoch + (floor((at - self.epoch) / self.heartbeat_interval) + 1) * self.heartbeat_interval
        return beat if beat > at else beat + self.heartbeat_interval
