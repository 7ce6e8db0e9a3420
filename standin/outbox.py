"""Messages on their way: the sharding function, a queue for each shard, and what a coreapp can carry."""

import hashlib
from collections import deque
from typing import NamedTuple

from standin.errors import Refusal
from standin.store import Delivery, Store


def shard_of(recipient: str, shards: int) -> int:
    """Return the shard of a recipient: hash(recipient) % shards (M-3).

    The page does not give the hash; ours is BLAKE2b, which spreads consecutive numbers evenly and is the same
    in every process.

    Example:
        >>> shard_of("15550100", 1), sorted({shard_of(str(n), 4) for n in range(50)})
        (0, [0, 1, 2, 3])
    """
    return int.from_bytes(hashlib.blake2b(recipient.encode(), digest_size=4).digest()) % shards


class Waiting(NamedTuple):
    """A message in a queue: its number, its recipient and when it was accepted."""

    message: int
    recipient: str
    accepted_at: float


class Outbox:
    """The queue of each shard. Built again from the store, so it survives whatever ends the process.

    Args:
        store: Where the messages are kept.
        shards: The number of shards.
        rate: Messages/s that one coreapp sends; beyond it a backlog grows (M-1).
        limit: Messages that one shard's queue holds; beyond it the answer is 1016 (facts 1.3).
    """

    def __init__(self, store: Store, shards: int, rate: float, limit: int) -> None:
        self._store = store
        self._gap = 1 / rate
        self._limit = limit
        self.sent = store.counts()[2]
        self.reshard(shards)

    def reshard(self, shards: int) -> None:
        """Sort the messages that wait into the queues of a new number of shards, oldest first."""
        self.queues: list[deque[Waiting]] = [deque() for _ in range(shards)]
        self._free_at = [0.0] * shards
        for row in self._store.waiting():
            self.queues[shard_of(row[1], shards)].append(Waiting(*row))

    def shard_of(self, recipient: str) -> int:
        """Return the shard that a recipient belongs to now."""
        return shard_of(recipient, len(self.queues))

    @property
    def waiting(self) -> int:
        """The backlog: messages accepted and not yet sent."""
        return sum(map(len, self.queues))

    def accept(self, recipient: str, body: str, now: float) -> int:
        """Keep a message and return its number.

        Raises:
            Refusal: 1016 when the queue of its shard is full.
        """
        queue = self.queues[self.shard_of(recipient)]
        if len(queue) >= self._limit:
            raise Refusal(1016, f"{len(queue)} messages wait for this shard: slow down, then send again")
        number = self._store.add_message(recipient, body, now)
        queue.append(Waiting(number, recipient, now))
        return number

    def send(self, owners: dict[int, str], since: float, until: float) -> None:
        """Let each shard's coreapp send what it can between two moments.

        Args:
            owners: The serving coreapp of each served shard, the same all the time between the two moments.
            since: Simulated seconds since 1970.
            until: The same; nothing is sent after it.
        """
        deliveries = []
        for shard, coreapp in owners.items():
            queue = self.queues[shard]
            while queue and (at := max(self._free_at[shard], queue[0].accepted_at, since)) <= until:
                deliveries.append(Delivery(queue.popleft().message, shard, coreapp, at))
                self._free_at[shard] = at + self._gap
        if deliveries:
            self._store.add_deliveries(deliveries)
            self.sent += len(deliveries)
