"""What the client says of its cluster, and the one way to set its shards, with every guard before it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from functions.aws import Services
from functions.contract import SHARD_COUNTS
from functions.deadline import Deadline
from functions.errors import Refusal
from functions.log import log
from functions.shards.account import CERTIFICATE_MAX_AGE_DAYS, Account, today
from functions.shards.client import Client


@dataclass(frozen=True)
class Observation:
    """What the client says of itself at one moment.

    Attributes:
        shards: The number set (M-12).
        coreapps: How many coreapps run: the length of the client's list, or the tasks that ECS runs if they are fewer.
        connected: Coreapps that are connected to WhatsApp.
        control_connected: Whether a primary master is connected; with 2 shards or more it must be.
        owners: How many coreapps own each shard.
    """

    shards: int
    coreapps: int
    connected: int
    control_connected: bool
    owners: Mapping[int, int]

    def missing(self) -> str | None:
        """Return what the number of shards still lacks to be in full service; None when it lacks nothing.

        That is: as many coreapps connected as there are shards, from 2 shards on the primary master too, and each
        shard owned exactly once (facts from the client's health and support pages).

        Example:
            >>> Observation(2, 3, 2, True, {0: 1, 1: 1}).missing() is None
            True
            >>> Observation(2, 3, 1, True, {0: 1}).missing()
            '1 of 2 coreapps connected; shards 1 not owned by exactly one coreapp'
        """
        problems = []
        if self.connected != self.shards:
            problems.append(f"{self.connected} of {self.shards} coreapps connected")
        if self.shards > 1 and not self.control_connected:
            problems.append("the primary master is not connected")
        if loose := [str(shard) for shard in range(self.shards) if self.owners.get(shard) != 1]:
            problems.append(f"shards {', '.join(loose)} not owned by exactly one coreapp")
        return "; ".join(problems) or None


@dataclass(frozen=True)
class Service:
    """The ECS service of the coreapps.

    Attributes:
        ecs: A client for ECS.
        cluster: Name or ARN of its cluster.
        name: Name or ARN of the service.
    """

    ecs: Services
    cluster: str
    name: str

    def running(self) -> int:
        """Return the tasks that run; 0 when there is no such service."""
        services = self.ecs.describe_services(cluster=self.cluster, services=[self.name])["services"]
        return int(services[0]["runningCount"]) if services else 0


class Cluster:
    """A client with its coreapps.

    Args:
        client: A session with the webapp.
        account: The account whose certificate is guarded.
        service: The service that runs the coreapps; None trusts the client's own list alone.
        max_age_days: How old the operator's confirmation of the certificate may be.
    """

    def __init__(
        self,
        client: Client,
        account: Account,
        service: Service | None = None,
        max_age_days: int = CERTIFICATE_MAX_AGE_DAYS,
    ) -> None:
        self._client = client
        self._account = account
        self._service = service
        self._max_age_days = max_age_days

    def observe(self, deadline: Deadline) -> Observation:
        """Ask the client, and ECS if the service is known.

        Raises:
            Unavailable: No answer before the deadline.
            Rejected: The client refuses, and trying again cannot help.
        """
        shards = self._client.get_shards(deadline)
        seen = observation(shards, self._client.health(deadline), self._client.support(deadline))
        if self._service is None:
            return seen
        coreapps = min(seen.coreapps, self._service.running())
        return Observation(shards, coreapps, seen.connected, seen.control_connected, seen.owners)

    def check(self, shards: int, seen: Observation, on: date | None = None) -> None:
        """Refuse what must not be sent.

        Args:
            shards: The number to set.
            seen: What was observed just now.
            on: The date, in UTC; default today's.

        Raises:
            Refusal: A number that is not allowed (M-2), fewer coreapps than shards (M-21), a certificate that is
                missing (M-10) or not confirmed (M-11); with what to do.
        """
        if shards not in SHARD_COUNTS:
            raise Refusal(f"{shards} shards: allowed are {', '.join(map(str, SHARD_COUNTS))}.")
        if seen.coreapps < shards:
            raise Refusal(f"{shards} shards need as many coreapps; {seen.coreapps} run. Grow the service first.")
        self._account.check_certificate(on or today(), self._max_age_days)

    def set_shards(self, shards: int, seen: Observation, deadline: Deadline, *, again: bool = False) -> None:
        """Check, send, and wait until the client reports the number; its coreapps may still be restarting then.

        Args:
            shards: The number to set.
            seen: What was observed just now.
            deadline: When to give up.
            again: Send although the number is set already, to bring back a client that is logged off (M-11).

        Raises:
            Refusal: As `check`; nothing was sent.
            Unavailable: Not accepted before the deadline.
            Rejected: The client refuses, and trying again cannot help.
        """
        self.check(shards, seen)
        log("set shards", shards=shards, before=seen.shards, coreapps=seen.coreapps)
        self._client.set_shards(shards, deadline, again=again)
        # As long as the client reports the old number, the next call would set the shards, and so restart it, again.
        while self._client.get_shards(deadline) != shards and deadline.sleep(1):
            pass


def observation(shards: int, health: Mapping[str, Any], support: Mapping[str, Any]) -> Observation:
    """Read health and support answers.

    Args:
        shards: The number set.
        health: A map of nodes, or the flat form of a single container.
        support: A map of nodes with their shards as [from, to] pairs; -1 is the control shard.

    Example:
        >>> health = {"a:1": {"role": "coreapp", "gateway_status": "connected"}, "m:1": {"role": "primary_master"}}
        >>> observation(1, health, {"a:1": {"role": "coreapp", "shards": [[-1, 0]]}})
        Observation(shards=1, coreapps=1, connected=1, control_connected=False, owners={0: 1})
    """
    if "gateway_status" in health:
        connected = health["gateway_status"] == "connected"
        return Observation(shards, 1, int(connected), False, {0: 1} if connected else {})
    nodes = [node for node in health.values() if isinstance(node, dict)]
    coreapps = [node for node in nodes if node.get("role") == "coreapp"]
    owners = Counter(
        shard
        for node in support.values()
        if isinstance(node, dict) and node.get("role") == "coreapp"
        for first, last in node.get("shards", [])
        for shard in range(max(0, first), last + 1)
    )
    return Observation(
        shards=shards,
        coreapps=len(coreapps),
        connected=sum(node.get("gateway_status") == "connected" for node in coreapps),
        control_connected=any(
            node.get("role") == "primary_master" and node.get("gateway_status") == "connected" for node in nodes
        ),
        owners=dict(owners),
    )
