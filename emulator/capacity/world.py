"""The world of hosts and tasks: its clock, what is in it, and how it moves on."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from . import internals
from .host import Host
from .internals import Record
from .room import Room, lives

SETTLE_SECONDS: Final = 300.0
"""How far the world moves on by itself between two calls: far enough for hosts and tasks to start and to stop, so that
who polls sees the end soon, and not as far as the 15 minutes after which idle hosts go."""

REST_SECONDS: Final = 1800.0
"""How far it moves on until all has come to rest: through a managed scale-in, and not through the hour for which an
unanswered lifecycle hook holds a host."""

REMEMBERED: Final = 1000
"""How much of the history is kept."""

ROUNDS: Final = 100_000
"""A bound for a fault of the simulation, which would change something for ever at the same moment."""


LOCK = threading.RLock()
"""Calls and steps come on several threads: whoever looks at a world or moves it on holds this."""


class Process(Protocol):
    """One process of AWS, as a module of this package plays it."""

    def step(self, world: World, /) -> bool:
        """Do what is due now, and tell whether anything changed."""
        ...

    def due(self, world: World, /) -> Iterable[float]:
        """Return the times at which something becomes due, in simulated seconds."""
        ...


@dataclass(kw_only=True)
class Moment:
    """A time at which the running tasks of a cluster needed more hosts than served.

    Attributes:
        cluster: Name of the ECS cluster.
        began: When it began, in simulated seconds.
        ended: When there were enough hosts again, None while there are not.
        needed: How many hosts the running tasks needed, at the worst.
        serving: How many served then.
        over_cap: How many more they needed than the groups may have, at the worst: with 0, a host only waits for its
            successor, while with more no host will come for tasks that lose theirs (T-4).
    """

    cluster: str
    began: float
    needed: int
    serving: int
    over_cap: int
    ended: float | None = None


class World:
    """Hosts and tasks of one account and region.

    Time moves in jumps from one event to the next, so that hours pass in milliseconds, and the same calls in the same
    order always lead to the same end.

    Attributes:
        now: Simulated seconds since the target started.
        hosts: The hosts by instance id.
        moments: The times at which running tasks needed more hosts than served, the oldest first.
        history: What happened, each with its time.
        scaling_since: For each capacity provider, since when its group is too small or too large.
    """

    def __init__(self, processes: Iterable[Process], observe: Callable[[World], None]) -> None:
        """Begin with nothing.

        Args:
            processes: What goes on, in the order in which each has its turn.
            observe: Called after everything that changes.
        """
        self.now = 0.0
        self.hosts: dict[str, Host] = {}
        self.moments: list[Moment] = []
        self.history = deque[tuple[float, str]](maxlen=REMEMBERED)
        self.scaling_since: dict[str, tuple[str, float]] = {}
        self._processes = tuple(processes)
        self._observe = observe
        self._launched = 0

    # ---- what is in it ----

    def hosts_of(self, group: str) -> list[Host]:
        """Return the hosts of an Auto Scaling group, the oldest first."""
        return [host for host in self.hosts.values() if host.group == group]

    def hosts_in(self, cluster: str) -> list[Host]:
        """Return the hosts whose agents are in an ECS cluster, the oldest first."""
        return [host for host in self.hosts.values() if host.cluster == cluster and host.registered]

    def tasks(self) -> list[Record]:
        """Return the tasks that have not ended, the oldest first."""
        return [task for task in internals.tasks.values() if lives(task)]

    def tasks_on(self, host: Host) -> list[Record]:
        """Return the tasks that have not ended on a host."""
        return [task for task in self.tasks() if task.get("_host") == host.id]

    def free(self) -> dict[str, Room]:
        """Return what is free on each host, by instance id."""
        free = {host.id: host.room for host in self.hosts.values()}
        for task in self.tasks():
            if (host_id := task.get("_host")) in free:
                free[host_id] -= task["_need"]
        return free

    def spread(self, tasks: Iterable[Record]) -> Counter[str]:
        """Return how many of these tasks each host has, by instance id."""
        return Counter(task["_host"] for task in tasks if task.get("_host"))

    def next_number(self) -> int:
        """Return the number of the next host."""
        self._launched += 1
        return self._launched

    def note(self, text: str) -> None:
        """Write down what happens now."""
        self.history.append((self.now, text))

    # ---- how it moves on ----

    def settle(self, seconds: float = SETTLE_SECONDS) -> None:
        """Move on until nothing more happens within `seconds` of simulated time; the clock stands at the last event."""
        self._move(self.now + seconds, None)

    def pass_time(self, seconds: float) -> None:
        """Let simulated time pass."""
        end = self.now + seconds
        self._move(end, None)
        self.now = end

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Move on until `done`, and tell whether that was within `seconds` of simulated time."""
        end = self.now + seconds
        if self._move(end, done):
            return True
        self.now = end
        return False

    def _move(self, end: float, done: Callable[[], bool] | None) -> bool:
        while True:
            self._work()
            if done is not None and done():
                return True
            due = min((time for time in self._due() if time > self.now), default=None)
            if due is None or due > end:
                return False
            self.now = due

    def _work(self) -> None:
        """Let every process do what is due, until nothing changes any more."""
        for _ in range(ROUNDS):
            changed = False
            for process in self._processes:
                if process.step(self):
                    changed = True
                    self._observe(self)
            if not changed:
                return
        raise RuntimeError(f"hosts and tasks do not come to rest at {self.now:g} s")

    def _due(self) -> Iterator[float]:
        for process in self._processes:
            yield from process.due(self)
