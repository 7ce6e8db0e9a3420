"""The simulated cluster: a master lease, coreapps that own a shard each, fail-over (M-2..M-7, facts 1.1-1.2).

It is synchronous, knows no clock and no network: whoever calls it says what time it is. Between two calls it
works through what falls due in order, so the outcome does not depend on how often it is called.
"""

import random
from collections.abc import Iterator
from dataclasses import astuple
from math import inf

from standin.errors import Refusal
from standin.nodes import KINDS, ClusterOptions, Lease, Node, Timers
from standin.outbox import Outbox
from standin.store import Store


class Cluster:
    """Nodes, lease, shard map and messages of one client.

    Args:
        store: Where all of it is kept. A store that holds a cluster already continues with that one.
        options: What a new cluster starts with.
        now: Simulated seconds since 1970; on a used store never less than when it was left.

    Example:
        >>> cluster = Cluster(Store(), ClusterOptions(coreapps=3, shards=2), now=0)
        >>> cluster.shard_map  # one coreapp stays secondary: up, not connected (M-6)
        {0: 'coreapp-1', 1: 'coreapp-2'}
        >>> cluster.stop("coreapp-1")
        >>> cluster.advance(35)  # heartbeat + unhealthy interval
        >>> cluster.shard_map
        {0: 'coreapp-3', 1: 'coreapp-2'}
    """

    def __init__(self, store: Store, options: ClusterOptions, now: float) -> None:
        self.store = store
        self.options = options
        self.now = now
        self.online = True
        """False while the account is logged off, unregistered or blocked: then nothing is sent."""
        self._random = random.Random(options.seed)  # noqa: S311 - choices of a simulation
        self.nodes = {row[0]: Node(*row) for row in store.nodes()}
        self.shard_map = store.shard_map()
        self.lease = Lease(**store.get("lease", {}))
        self.timers = Timers(**store.get("timers", {"epoch": now}))
        self.restart_until: float = store.get("restart_until", 0.0)
        self.single: bool = store.get("single", not options.masters)
        """One container without masters (M-1): it has no fail-over and no more than one shard."""
        with store.transaction():
            if not self.nodes:
                store.set("single", self.single)
                self.set_timers()
                for kind in KINDS:
                    for _ in range(getattr(options, f"{kind}s")):
                        self.add(kind, starts_in=0.0)
                self._put_map(dict.fromkeys(range(options.shards)))
            self.outbox = Outbox(store, len(self.shard_map), options.send_rate, options.queue_limit)
            self._settle()

    # What can be seen.

    @property
    def shards(self) -> int:
        """The number of shards."""
        return len(self.shard_map)

    def answers(self, node: Node) -> bool:
        """Tell whether a node is up and answers its health checks."""
        return not node.paused and not node.stopped and node.ready_at <= self.now

    def answering(self, kind: str) -> list[Node]:
        """Return the nodes of a kind that are up and answer."""
        return [node for node in self.nodes.values() if node.kind == kind and self.answers(node)]

    @property
    def primary(self) -> Node | None:
        """The primary master, None while there is none; a single container is its own master."""
        if self.single:
            return next(iter(self.answering("coreapp")), None)
        holder = self.nodes.get(self.lease.holder or "")
        return holder if holder and self.answers(holder) else None

    def owned(self) -> dict[str, int]:
        """Return the shard of each coreapp that has one."""
        return {coreapp: shard for shard, coreapp in self.shard_map.items() if coreapp}

    def serving(self) -> dict[int, str]:
        """Return the coreapp of each shard that is served now."""
        return {s: name for s, name in self.shard_map.items() if name and self.answers(self.nodes[name])}

    # What a client does.

    def accept(self, recipient: str, body: str) -> int:
        """Take a message for the coreapp that owns its shard (M-3, M-4) and return its number.

        Raises:
            Refusal: 1011 while no coreapp is up, 1018 while the shard's owner is gone (facts 1.3), 1016 when
                the shard's queue is full. Nothing is kept then.
        """
        shard = self.outbox.shard_of(recipient)
        owner = self.shard_map[shard]
        if not owner or not self.answers(self.nodes[owner]):
            if not self.answering("coreapp"):
                raise Refusal(1011, "no coreapp is up yet: they are restarting; try again")
            raise Refusal(1018, f"shard {shard} has no coreapp now; a fail-over may be under way: try again")
        with self.store.transaction():
            return self.outbox.accept(recipient, body, self.now)

    def check_set_shards(self, shards: int) -> None:
        """Refuse a Set Shards that cannot be carried out now.

        Raises:
            Refusal: 403 while the last one still restarts the coreapps (M-9), 1017 without a primary master
                (facts 1.3), 1025 on a single container (M-2: high availability comes first).
        """
        if self.restart_until > self.now:
            raise Refusal(1011, "coreapps are restarting after the last change: try again", status=403)
        if self.single and shards != 1:
            raise Refusal(1025, f"shards={shards}: Multiconnect needs a high-availability set-up first")
        if not self.primary:
            raise Refusal(1017, "there is no primary master now: try again")

    def set_shards(self, shards: int) -> None:
        """Change the number of shards: every coreapp stops and restarts (M-22), then is given a shard again.

        More shards than coreapps are accepted, and the surplus shards have no owner: the page says only that
        the number of coreapps must always be enough (M-21), not that the client checks it.

        Raises:
            Refusal: As `check_set_shards`.
        """
        self.check_set_shards(shards)
        with self.store.transaction():
            for node in self.nodes.values():
                if node.kind == "coreapp" and not node.stopped:
                    node.ready_at = self.now + self._random.uniform(*self.options.restart_seconds)
                    self._put(node)
            coreapps = [node for node in self.nodes.values() if node.kind == "coreapp"]
            self.restart_until = max((node.ready_at for node in coreapps), default=self.now)
            self.store.set("restart_until", self.restart_until)
            self._put_map(dict.fromkeys(range(shards)))
            self.outbox.reshard(shards)
            self._note(f"Set Shards to {shards}: all coreapps restart")

    def set_timers(self, **seconds: float) -> None:
        """Change `heartbeat_interval` or `unhealthy_interval`; heartbeats count from now on."""
        with self.store.transaction():
            self.timers = Timers(**{**vars(self.timers), **seconds, "epoch": self.now})
            self.store.set("timers", vars(self.timers))

    # What happens to machines.

    def add(self, kind: str, starts_in: float | None = None) -> str:
        """Start a container and return its name. It is ready after `starts_in`, default `start_seconds`."""
        if self.single and self.nodes and kind != "web":
            raise ValueError(f"kind={kind}: a single container stays alone; start with 2 masters or more")
        number = self.store.get(f"last_{kind}", 0) + 1
        delay = self._random.uniform(*self.options.start_seconds) if starts_in is None else starts_in
        node = Node(f"{kind}-{number}", kind, f"{self._random.getrandbits(48):012x}", self.now + delay)
        with self.store.transaction():
            self.store.set(f"last_{kind}", number)
            self.nodes[node.name] = node
            self._put(node)
            self._note(f"{node.name} starts")
        return node.name

    def stop(self, name: str) -> None:
        """End a container at once: a crash, a lost host and a scale-in look the same (M-6, M-23)."""
        self._fail(name, "is gone", stopped=True)

    def pause(self, name: str) -> None:
        """Make a container stop answering while it stays up."""
        self._fail(name, "stops answering", paused=True)

    def resume(self, name: str) -> None:
        """Make a paused container answer again; it keeps its shard or lease if nobody took it over."""
        with self.store.transaction():
            node = self.node(name)
            node.paused, node.missed_at = False, None
            self._put(node)
            if self.lease.holder == name:
                self._put_lease(Lease(name))
            self._note(f"{name} answers again")
            self._settle()

    def scale(self, kind: str, count: int) -> None:
        """Start or stop containers until there are `count`, as the orchestrator's service would.

        Which ones go is a seeded choice: one that serves a shard may be among them (M-23).
        """
        running = [node.name for node in self.nodes.values() if node.kind == kind and not node.stopped]
        for _ in range(count - len(running)):
            self.add(kind)
        for name in self._random.sample(running, max(0, len(running) - count)):
            self.stop(name)

    def node(self, name: str) -> Node:
        """Return a container that runs, by its name.

        Raises:
            ValueError: There is none of that name, or it is gone: it stays in the list until it is declared unhealthy.
        """
        running = [node.name for node in self.nodes.values() if not node.stopped]
        if name not in running:
            gone = "it is gone; " if name in self.nodes else ""
            raise ValueError(f"node={name}: {gone}there are {', '.join(running)}")
        return self.nodes[name]

    # What time does.

    def advance(self, now: float) -> None:
        """Let the cluster live until `now`: messages go out, heartbeats find dead nodes, shards fail over."""
        if now <= self.now:
            return
        with self.store.transaction():
            while (due := self._next_due()) <= now:
                beat = self.timers.beat_after(self.now)
                self._send(due)
                self.now = due
                if due >= beat:
                    self._beat()
                self._settle()
            self._send(now)
            self.now = now

    def _next_due(self) -> float:
        return min((at for at in self._dues() if at > self.now), default=inf)

    def _dues(self) -> Iterator[float]:
        """Yield the moments at which something changes by itself; no heartbeats that find nothing."""
        failing = False
        for node in self.nodes.values():
            if not node.stopped and not node.paused:
                yield node.ready_at
            elif node.missed_at is None:
                failing = True
            else:
                yield node.missed_at + self.timers.unhealthy_interval
        if self.answering("master"):
            if failing:
                yield self.timers.beat_after(self.now)
            if self.lease.until is not None:
                yield self.timers.beat_after(max(self.now, self.lease.until))

    def _send(self, until: float) -> None:
        if self.online:
            self.outbox.send(self.serving(), self.now, until)

    def _beat(self) -> None:
        """Check every node and compete for a lease that has run out: a heartbeat (facts 1.1, 1.2)."""
        masters = self.answering("master")
        if not masters:
            return
        for node in self.nodes.values():
            if (node.stopped or node.paused) and node.missed_at is None:
                node.missed_at = self.now
                self._put(node)
        if self.lease.until is not None and self.now > self.lease.until:
            self._elect(masters)

    def _elect(self, masters: list[Node]) -> None:
        winner = self._random.choice(masters)
        self._put_lease(Lease(winner.name))
        self._note(f"{winner.name} takes the lease: it is the primary master")

    def _settle(self) -> None:
        """Move shards from unhealthy coreapps to healthy secondary ones: the primary master's job."""
        if not self.single and self.lease == Lease() and (masters := self.answering("master")):
            self._elect(masters)
        if not self.primary:
            return
        for node in list(self.nodes.values()):
            if node.missed_at is not None and self.now >= node.missed_at + self.timers.unhealthy_interval:
                self._release(node)
        owned = self.owned()
        standby = (node.name for node in self.answering("coreapp") if node.name not in owned)
        new_map = {shard: coreapp or next(standby, None) for shard, coreapp in self.shard_map.items()}
        for shard, coreapp in new_map.items():
            if coreapp != self.shard_map[shard]:
                self._note(f"shard {shard} is given to {coreapp}")
        if new_map != self.shard_map:
            self._put_map(new_map)

    def _release(self, node: Node) -> None:
        """Declare a node unhealthy; a container that is gone leaves the list."""
        if node.name in self.owned():
            self._note(f"{node.name} is declared unhealthy and loses its shard")
            self._put_map({s: None if owner == node.name else owner for s, owner in self.shard_map.items()})
        if node.stopped:
            del self.nodes[node.name]
            self.store.drop_node(node.name)

    def _fail(self, name: str, what: str, *, stopped: bool = False, paused: bool = False) -> None:
        with self.store.transaction():
            node = self.node(name)
            node.stopped |= stopped
            node.paused |= paused
            self._put(node)
            if node.name == self.lease.holder and self.lease.until is None:
                # The lease was renewed at the last heartbeat before now and runs for the unhealthy interval.
                renewed = self.timers.beat_after(self.now) - self.timers.heartbeat_interval
                self._put_lease(Lease(name, renewed + self.timers.unhealthy_interval))
            if node.kind == "web" and stopped:  # no master watches the webapps
                del self.nodes[name]
                self.store.drop_node(name)
            self._note(f"{name} {what}")
            # One that was declared unhealthy before it ended leaves the list now: nothing more falls due for it.
            self._settle()

    def _put(self, node: Node) -> None:
        self.store.put_node(astuple(node))

    def _put_map(self, shard_map: dict[int, str | None]) -> None:
        self.shard_map = shard_map
        self.store.put_shard_map(shard_map)

    def _put_lease(self, lease: Lease) -> None:
        self.lease = lease
        self.store.set("lease", vars(lease))

    def _note(self, text: str) -> None:
        self.store.add_event(self.now, text)
