"""How long a shard stands still, and which number of spares that asks for (M-5, M-6, M-23)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from math import comb, log10
from typing import Any, Final

from sizing.connections.estimate import is_rate
from sizing.errors import Problem, SizingError
from sizing.facts import published
from sizing.planning import placement
from sizing.planning.cost import HOURS_PER_MONTH
from sizing.planning.model import Plan
from sizing.planning.placement import Host, Tier
from sizing.planning.plan import plan as make_plan

MINUTES_PER_MONTH: Final = 60 * HOURS_PER_MONTH
SECONDS_PER_YEAR: Final = 365 * 24 * 3600
MOST_PLACEMENTS: Final = 10_000  # about ten seconds of placing; every loss of up to four of 15 hosts is 1,365


@dataclass(frozen=True, slots=True)
class Failures:
    """How often things fail and how long they stay away. The rates are assumptions: put your own in.

    AWS publishes no failure rate of hosts or zones. What is documented are the two intervals of the client.

    Attributes:
        host_failures_per_year: Failures of one host in a year, retirements and replacements too. Default 1, assumed.
        host_replacement_seconds: From a host's loss until its coreapps run again, on a new host or in the room of
            another. Default 300, assumed.
        zone_failures_per_year: Failures of one zone in a year. Default 0.1, assumed.
        zone_replacement_seconds: From a zone's loss until its coreapps run again on new hosts in the other zones, or
            the zone is back. Default 900, assumed.
        heartbeat_seconds: The client's `heartbeat_interval`. Default 5, the client's own.
        unhealthy_seconds: The client's `unhealthy_interval`. Default 30, the client's own; with the heartbeat it is the
            35 s of M-6.
    """

    host_failures_per_year: float = 1.0
    host_replacement_seconds: float = 300.0
    zone_failures_per_year: float = 0.1
    zone_replacement_seconds: float = 900.0
    heartbeat_seconds: float = published.HEARTBEAT_SECONDS
    unhealthy_seconds: float = published.UNHEALTHY_SECONDS

    def __post_init__(self) -> None:
        """Refuse what is not a finite number from 0."""
        problems = [
            Problem(each.name, getattr(self, each.name), "a finite number from 0")
            for each in fields(self)
            if not is_rate(getattr(self, each.name))
        ]
        if problems:
            raise SizingError(problems)

    @property
    def failover_seconds(self) -> float:
        """Seconds from the loss of a shard's coreapp until a spare serves it, at most (M-6)."""
        return self.heartbeat_seconds + self.unhealthy_seconds


DEFAULT_FAILURES: Final = Failures()


@dataclass(frozen=True, slots=True)
class Availability:
    """How long one shard stands still in a month of 730 hours, on average.

    Hosts and zones fail independently. The database, the network and the vendor's servers are not in it.

    Attributes:
        failover_minutes: While a spare takes over: every failure costs one fail-over, however many spares there are.
        shortage_minutes: While more coreapps are away than there are spares.
        failures: The rates it was worked out with.
    """

    failover_minutes: float
    shortage_minutes: float
    failures: Failures

    @property
    def unavailable_minutes(self) -> float:
        """Minutes a month that a shard is not served."""
        return self.failover_minutes + self.shortage_minutes

    @property
    def availability(self) -> float:
        """Share of the time that a shard is served, 0 to 1."""
        return 1 - self.unavailable_minutes / MINUTES_PER_MONTH

    @property
    def nines(self) -> float:
        """The same as a number of nines: 3 for 99.9 %."""
        return -log10(max(self.unavailable_minutes / MINUTES_PER_MONTH, 1e-15))


def _fleet(plan: Plan) -> tuple[Tier, ...]:
    """Return the plan's tasks in the order in which it placed them."""
    coreapp, master, webapp = (
        (tasks.count, tasks.memory_reservation_mib)
        for tasks in (plan.tasks.coreapp, plan.tasks.master, plan.tasks.webapp)
    )
    return placement.fleet(coreapp=coreapp, master=master, webapp=webapp)


def layout(plan: Plan, hosts: int | None = None) -> list[Host]:
    """Return the plan's tasks on its hosts, as ECS spreads them.

    Args:
        plan: The plan.
        hosts: Running hosts. Default the plan's cap.

    Returns:
        The hosts, zone by turns.

    Raises:
        SizingError: When the tasks do not fit on so many hosts, or there are more than the cap.
    """
    count = plan.hosts.maximum if hosts is None else hosts
    placed = placement.empty_hosts(
        count, plan.hosts.availability_zones, plan.hosts.task_memory_mib, plan.hosts.tasks_per_host
    )
    if not 0 < count <= plan.hosts.maximum or placement.place(placed, _fleet(plan)):
        allowed = f"the hosts that hold the fleet, at most the cap of {plan.hosts.maximum}"
        raise SizingError([Problem("hosts", count, allowed)])
    return placed


def _away(hosts: Sequence[Host], failures: Failures) -> list[float]:
    """Return the chance of 0, 1, 2, ... coreapps being away at a random time.

    Each host is away for its own failure with chance p, each zone with chance q, all independently. A zone's coreapps
    are then spread as (1 - q) * product of (1 - p + p x^c) + q x^C, and the zones multiply.
    """

    def share(per_year: float, seconds: float) -> float:
        return per_year * seconds / (SECONDS_PER_YEAR + per_year * seconds)

    host_away = share(failures.host_failures_per_year, failures.host_replacement_seconds)
    zone_away = share(failures.zone_failures_per_year, failures.zone_replacement_seconds)
    whole = [1.0]
    for zone in sorted({host.zone for host in hosts}):
        counts = [host.tasks.get("coreapp", 0) for host in hosts if host.zone == zone]
        inside = [1.0]
        for count in counts:
            inside = _times(inside, [1 - host_away, *[0.0] * (count - 1), host_away] if count else [1.0])
        inside = [(1 - zone_away) * chance for chance in inside]
        inside[-1] += zone_away
        whole = _times(whole, inside)
    return whole


def _times(left: Sequence[float], right: Sequence[float]) -> list[float]:
    """Multiply two polynomials."""
    product = [0.0] * (len(left) + len(right) - 1)
    for one, a in enumerate(left):
        for other, b in enumerate(right):
            product[one + other] += a * b
    return product


def availability(plan: Plan, failures: Failures = DEFAULT_FAILURES, *, hosts: int | None = None) -> Availability:
    """Return how long a shard of a plan stands still.

    Fail-over: a shard loses its coreapp as often as its host or zone fails, and waits heartbeat + unhealthy interval.
    Shortage: at any time as many shards are unserved as coreapps are away beyond the spares; the mean over the exact
    distribution of coreapps away, on the real placement, where one host can carry several coreapps.

    Args:
        plan: The plan.
        failures: Rates and times. Default: see `Failures`.
        hosts: Running hosts. Default the plan's cap.

    Returns:
        Expected unavailable minutes per shard and month.

    Raises:
        SizingError: When the tasks do not fit on so many hosts.

    Example:
        >>> import sizing
        >>> round(availability(sizing.plan(8, spares=2)).unavailable_minutes, 3)
        0.168
    """
    away = _away(layout(plan, hosts), failures)
    unserved = sum((number - plan.spares) * chance for number, chance in enumerate(away) if number > plan.spares)
    shortage = unserved / plan.active_coreapps
    losses_per_second = (failures.host_failures_per_year + failures.zone_failures_per_year) / SECONDS_PER_YEAR
    failover = losses_per_second * failures.failover_seconds * (1 - shortage)
    return Availability(MINUTES_PER_MONTH * failover, MINUTES_PER_MONTH * shortage, failures)


def spares_for(
    target: float,
    active_coreapps: int | None = None,
    messages_per_second: float | None = None,
    *,
    failures: Failures = DEFAULT_FAILURES,
    **options: Any,
) -> int:
    """Return the least spares, the X of M-5, with which every shard is served for a share of the time.

    Args:
        target: Share of the time, such as 0.99999.
        active_coreapps: As in `plan`.
        messages_per_second: As in `plan`.
        failures: Rates and times. Default: see `Failures`.
        **options: Any other keyword of `plan` but `spares`.

    Returns:
        Spares.

    Raises:
        SizingError: When no number of spares that fits reaches the target, with what is reached; or for arguments that
            `plan` refuses.

    Example:
        >>> spares_for(0.99999, 8), spares_for(0.999995, 8)
        (1, 2)
    """
    if not is_rate(target) or not 0 < target < 1:
        raise SizingError([Problem("target", target, "a share of the time between 0 and 1, such as 0.9999")])
    reached = 0.0
    first = make_plan(active_coreapps, messages_per_second, spares=0, **options)
    for spares in range(first.hosts.maximum):
        try:
            found = availability(make_plan(active_coreapps, messages_per_second, spares=spares, **options), failures)
        except SizingError:
            break  # more spares do not fit
        if found.availability >= target:
            return spares
        reached = max(reached, found.availability)
    floor = failures.failover_seconds
    allowed = (
        f"up to {reached:.7f}, which is what the spares that fit reach; each failure costs a fail-over of "
        f"{floor:g} s, so shorten heartbeat_seconds and unhealthy_seconds or make failures rarer"
    )
    raise SizingError([Problem("target", target, allowed)])


def survives(plan: Plan, hosts: int = 1, azs: int = 0, *, replaced: bool = False) -> bool:
    """Return whether every shard is still served after the worst loss of so many zones and further hosts.

    On a real placement at the cap. M-5 counts one coreapp a machine; under the caps of M-17 a host can carry several,
    and then its loss takes more coreapps than one spare covers until they run again elsewhere.

    Args:
        plan: The plan.
        hosts: Hosts lost, beside those of lost zones. Default 1.
        azs: Zones lost. Default 0.
        replaced: False (default) asks about the minutes after the loss, with the coreapps that are left. True asks
            about the time when ECS has put the lost tasks on the remaining hosts, as far as there is room.

    Returns:
        True when enough coreapps for all shards, one web and one master container run whichever are lost.

    Raises:
        SizingError: For a number that is negative or more than there is, or too many ways to lose hosts.

    Example:
        >>> import sizing
        >>> three = sizing.plan(2)
        >>> survives(three, hosts=1), survives(three, hosts=2), survives(three, hosts=0, azs=1)
        (True, False, True)
    """
    placed = layout(plan)
    zones = sorted({host.zone for host in placed})
    problems = []
    for name, value, most in (("hosts", hosts, len(placed)), ("azs", azs, len(zones))):
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            problems.append(Problem(name, value, f"0 to {most}"))
    if not problems and comb(len(placed), hosts) * comb(len(zones), azs) > MOST_PLACEMENTS:
        problems.append(Problem("hosts", hosts, f"at most {MOST_PLACEMENTS} ways to lose them; take fewer"))
    if problems:
        raise SizingError(problems)
    return all(_serves(plan, placed, lost, replaced) for lost in _losses(placed, zones, hosts, azs))


def _losses(placed: Sequence[Host], zones: Sequence[int], hosts: int, azs: int) -> Iterable[frozenset[int]]:
    """Yield every set of host numbers that can be lost."""
    for lost_zones in combinations(zones, azs):
        dark = {number for number, host in enumerate(placed) if host.zone in lost_zones}
        lit = [number for number in range(len(placed)) if number not in dark]
        for more in combinations(lit, min(hosts, len(lit))):
            yield frozenset(dark | set(more))


def _serves(plan: Plan, placed: Sequence[Host], lost: frozenset[int], replaced: bool) -> bool:
    fleet = _fleet(plan)
    running = {
        tier.name: sum(host.tasks.get(tier.name, 0) for number, host in enumerate(placed) if number not in lost)
        for tier in fleet
    }
    if replaced:
        left = {tier.name: tier.number for tier in placement.lose(placed, lost, fleet)}
        running = {tier.name: tier.number - left.get(tier.name, 0) for tier in fleet}
    return running["coreapp"] >= plan.active_coreapps and running["webapp"] > 0 and running["master"] > 0
