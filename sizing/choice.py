"""The cheapest database class and host type that satisfy every constraint, and why the others lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Generic, TypeVar

from sizing import catalogue, placement, published
from sizing.catalogue import DatabaseClass, HostType, Price
from sizing.connections import ConnectionEstimate, class_limit
from sizing.errors import Problem
from sizing.model import Alternative
from sizing.request import Request

EXPECTED_PERCENT: Final = 50
"""Most expected connections, percent of the class's limit (D-3)."""
HIGH_PERCENT: Final = 90
"""Most high connections, percent of the class's limit (D-3)."""
RUNNERS_UP: Final = 5

T = TypeVar("T", DatabaseClass, HostType)


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """What was chosen, by which prices, and who came next.

    Attributes:
        chosen: The class or type, or None when nothing satisfies.
        usd_per_hour: The price that ranked it; None for one asked for by name without a price.
        price_region: Region whose price list ranked the candidates.
        alternatives: The next five with the reason each lost.
    """

    chosen: T | None
    usd_per_hour: float | None
    price_region: str
    alternatives: tuple[Alternative, ...]


def vcpu_floor(rate: float) -> int:
    """Return the vCPU a database needs at `rate` messages/s (D-3).

    Example:
        >>> [vcpu_floor(rate) for rate in (20, 40, 100, 250, 251)]
        [2, 4, 8, 16, 32]
    """
    for most, vcpu in published.DATABASE_VCPU_FLOOR:
        if rate <= most:
            return vcpu
    return published.DATABASE_VCPU_ABOVE


def class_fault(db: DatabaseClass, request: Request, estimate: ConnectionEstimate) -> str:
    """Return why `db` cannot carry the cluster, or "" when it can (D-3)."""
    limit = class_limit(db, request.engine)
    floor = vcpu_floor(request.rate)
    if 100 * estimate.expected > EXPECTED_PERCENT * limit:
        return f"{estimate.expected} expected connections are over {EXPECTED_PERCENT} % of its {limit}"
    if 100 * estimate.high > HIGH_PERCENT * limit:
        return f"{estimate.high} high connections are over {HIGH_PERCENT} % of its {limit}"
    if db.vcpu < floor:
        return f"{db.vcpu} vCPU are under the {floor} that {request.rate:g} messages/s take"
    if db.burstable and request.production:
        return "burstable, not for production"
    return ""


def fleet(request: Request) -> tuple[placement.Tier, ...]:
    """Return the tasks to place, the heaviest service first."""
    defaults = request.defaults
    return (
        placement.Tier("coreapp", request.active + request.spares, request.coreapp_memory_mib),
        placement.Tier("master", request.masters or defaults.masters, published.MASTER_MEMORY_MIB),
        placement.Tier("webapp", request.webs or defaults.webs, published.WEB_MEMORY_MIB),
    )


# Many types share memory and limits, and a sweep asks the same question again and again.
_holds = cache(placement.holds_with_one_lost)


def task_limit(host: HostType, request: Request) -> int:
    """Return the tasks one host's network interfaces allow (D-4)."""
    return host.tasks_with_trunking if request.eni_trunking else host.tasks_without_trunking


def host_fault(host: HostType, request: Request) -> str:
    """Return why `host` cannot carry the fleet under the cap, or "" when it can (D-1, D-4)."""
    if host.burstable and request.production:
        return "burstable, not for production"
    memory = placement.task_memory_mib(host.memory_mib)
    limit = task_limit(host, request)
    if _holds(request.cap, request.zones, memory, limit, fleet(request)):
        return ""
    return f"{request.cap} of them, one lost, do not hold the fleet: {memory} MiB and {limit} tasks each"


def choose_database(request: Request, estimate: ConnectionEstimate) -> tuple[Choice[DatabaseClass], list[Problem]]:
    """Return the cheapest class that satisfies D-3 with the next five, and problems when there is none."""
    every = catalogue.database_classes().values()
    there = catalogue.orderable(request.engine, request.region, request.version)
    if request.historical:
        there = [db for db in every if db.status == "retired" and request.engine in db.engines] + there
    families = request.database_families
    candidates = [
        db
        for db in there
        if (families is None or db.family in families)
        and request.database_architecture in (None, db.architecture)
        and catalogue.generation(db.family) >= request.minimum_database_generation
    ]

    def prices(region: str) -> Callable[[DatabaseClass], Price | None]:
        return lambda db: catalogue.database_price(request.engine, region, db.name, multi_az=False)

    def fault(db: DatabaseClass) -> str:
        return class_fault(db, request, estimate)

    named = catalogue.database_classes().get(request.database_class or "")
    choice = _choose("database", candidates, fault, prices, request.region, named)
    if choice.chosen is None:
        if named is not None:
            return choice, [Problem("database_class", named.name, _instead(fault(named), choice.alternatives))]
        message = (
            f"no class carries {estimate.expected} expected and {estimate.high} high connections and "
            f"{request.rate:g} messages/s; allow more families or another engine"
        )
        return choice, [Problem("database_families", families, message)]
    return choice, []


def choose_host(request: Request) -> tuple[Choice[HostType], list[Problem]]:
    """Return the cheapest type that holds the fleet under the cap with the next five, and problems when none does."""
    families = request.host_families
    candidates = [
        host
        for host in catalogue.host_types().values()
        if (families is None or host.family in families)
        and catalogue.generation(host.family) >= request.minimum_host_generation
    ]

    def prices(region: str) -> Callable[[HostType], Price | None]:
        return lambda host: catalogue.host_prices(region).get(host.name)

    def fault(host: HostType) -> str:
        return host_fault(host, request)

    named = catalogue.host_types().get(request.host_type or "")
    choice = _choose("host", candidates, fault, prices, request.region, named)
    if choice.chosen is None:
        if named is not None:
            return choice, [Problem("host_type", named.name, _instead(fault(named), choice.alternatives))]
        tasks = sum(tier.number for tier in fleet(request))
        message = (
            f"no type holds {tasks} tasks on {request.cap} hosts with one lost; allow more families or fewer tasks"
        )
        return choice, [Problem("host_families", families, message)]
    return choice, []


def _instead(fault: str, alternatives: Sequence[Alternative]) -> str:
    names = ", ".join(alternative.name for alternative in alternatives)
    return f"{fault}; allowed for example {names}" if names else fault


def _choose(
    kind: str,
    candidates: Sequence[T],
    fault: Callable[[T], str],
    prices: Callable[[str], Callable[[T], Price | None]],
    region: str,
    named: T | None,
) -> Choice[T]:
    """Walk the candidates from the cheapest and take the first without fault, and the next five after it.

    The region's own price list ranks. A class without a price in it is chosen only by name; where the list prices
    nothing that would do, the reference region's list ranks instead.
    """
    for price_region in (region, catalogue.REFERENCE_REGION):
        listed = [(price.usd, item) for item in candidates if (price := prices(price_region)(item))]
        # Of equal prices the newer generation, then the roomier, then the name, so that the answer never wavers.
        listed.sort(key=lambda pair: (pair[0], -catalogue.generation(pair[1].family), -pair[1].vcpu, pair[1].name))
        good: list[tuple[float, T]] = []
        for usd, item in listed:
            if not fault(item):
                good.append((usd, item))
                if len(good) > RUNNERS_UP:
                    break
        if good:
            break
    if named is not None:
        price = prices(price_region)(named)
        others = [pair for pair in good if pair[1].name != named.name][:RUNNERS_UP]
        runners = tuple(Alternative(kind, item.name, other, f"{named.name} was asked for") for other, item in others)
        return Choice(None if fault(named) else named, price.usd if price else None, price_region, runners)
    if not good:
        return Choice(None, None, price_region, ())
    usd, chosen = good[0]
    runners = tuple(
        Alternative(
            kind,
            item.name,
            other,
            f"{100 * (other / usd - 1):.0f} % dearer than {chosen.name}"
            if other > usd
            else f"same price as {chosen.name}, which is of a newer generation or roomier",
        )
        for other, item in good[1:]
    )
    return Choice(chosen, usd, price_region, runners)
