"""The cheapest database class and host type that satisfy every constraint, and why the others lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Generic, NamedTuple, TypeVar

from sizing.connections.estimate import ConnectionEstimate
from sizing.engines import ENGINES
from sizing.errors import Problem
from sizing.facts import catalogue, published
from sizing.facts.catalogue import DatabaseClass, HostType
from sizing.planning import placement
from sizing.planning.model import Alternative
from sizing.planning.request import Request

EXPECTED_PERCENT: Final = 50
"""Most expected connections, percent of the class's limit (D-3)."""
HIGH_PERCENT: Final = 90
"""Most high connections, percent of the class's limit (D-3)."""
RUNNERS_UP: Final = 5
MORE_CLASSES: Final = "more families or another engine"
MORE_HOSTS: Final = "more families or fewer tasks"
"""What is allowed when no candidate fits."""

T = TypeVar("T", DatabaseClass, HostType)


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """What was chosen, by which prices, and who came next.

    Attributes:
        chosen: The class or type, or None when nothing satisfies.
        price_region: Region whose price list ranked the candidates; None for one asked for by name.
        alternatives: The next five with the reason each lost.
    """

    chosen: T | None
    price_region: str | None
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
    limit = ENGINES[request.engine].max_connections(db.memory_gib)
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


def fleet(request: Request) -> tuple[placement.Tier, placement.Tier, placement.Tier]:
    """Return the tasks to place for what was asked."""
    defaults = request.defaults
    return placement.fleet(
        coreapp=(request.active + request.spares, request.coreapp_memory_mib),
        master=(request.masters or defaults.masters, published.MASTER_MEMORY_MIB),
        webapp=(request.webs or defaults.webs, published.WEB_MEMORY_MIB),
    )


# Cached, since many types share memory and limits, and a sweep asks the same question many times.
_holds = cache(placement.holds_with_one_lost)


def task_limit(host: HostType, request: Request) -> int:
    """Return the tasks one host's network interfaces allow (D-4)."""
    return host.tasks_with_trunking if request.eni_trunking else host.tasks_without_trunking


def host_fault(host: HostType, request: Request) -> str:
    """Return why `host` cannot carry the fleet under the cap, or "" when it can (D-1, D-4)."""
    if host.burstable and request.production:
        return "burstable, not for production"
    vcpu = (request.cap - 1) * host.vcpu
    if vcpu < request.host_vcpu_per_coreapp * request.active:
        return f"{request.cap} of them, one lost, have {vcpu} vCPU for {request.active} active coreapps"
    memory = placement.task_memory_mib(host.memory_mib)
    limit = task_limit(host, request)
    if _holds(request.cap, request.zones, memory, limit, fleet(request)):
        return ""
    return f"{request.cap} of them, one lost, do not hold the fleet: {memory} MiB and {limit} tasks each"


class Ranked(NamedTuple, Generic[T]):
    """A candidate with the price that ranks it and the region whose list has that price."""

    price_region: str
    usd: float
    item: T


def _rank(
    candidates: Sequence[T], region: str, price: Callable[[str, T], catalogue.Price | None]
) -> tuple[Ranked[T], ...]:
    """Return the candidates in the order in which they are tried: the first without fault is chosen.

    The region's own price list comes first. A candidate without a price in it is chosen only by name, or when nothing
    priced there would do: then the reference region's list ranks.
    """
    ranked: list[Ranked[T]] = []
    for price_region in dict.fromkeys((region, catalogue.REFERENCE_REGION)):
        listed = [Ranked(price_region, found.usd, item) for item in candidates if (found := price(price_region, item))]
        # Where prices are equal, the newer generation comes first, then more vCPU, then the name.
        listed.sort(
            key=lambda each: (each.usd, -catalogue.generation(each.item.family), -each.item.vcpu, each.item.name)
        )
        ranked += listed
    return tuple(ranked)


@cache
def _ranked_databases(
    engine: str,
    region: str,
    version: str,
    families: tuple[str, ...] | None,
    architecture: str | None,
    least_generation: int,
    historical: bool,
) -> tuple[Ranked[DatabaseClass], ...]:
    candidates = catalogue.orderable(engine, region, version)
    if historical:
        every = catalogue.database_classes().values()
        candidates += [db for db in every if db.status == "retired" and engine in db.engines]
    return _rank(
        [
            db
            for db in candidates
            if (families is None or db.family in families)
            and architecture in (None, db.architecture)
            and catalogue.generation(db.family) >= least_generation
        ],
        region,
        lambda price_region, db: ENGINES[engine].price(price_region, db.name, multi_az=False),
    )


def ranked_databases(request: Request) -> tuple[Ranked[DatabaseClass], ...]:
    """Return the classes the request allows, in the order in which they are tried."""
    families = request.database_families
    return _ranked_databases(
        request.engine,
        request.region,
        request.version,
        None if families is None else tuple(families),
        request.database_architecture,
        request.minimum_database_generation,
        request.historical,
    )


@cache
def _ranked_hosts(region: str, families: tuple[str, ...] | None, least_generation: int) -> tuple[Ranked[HostType], ...]:
    return _rank(
        [
            host
            for host in catalogue.host_types().values()
            if (families is None or host.family in families) and catalogue.generation(host.family) >= least_generation
        ],
        region,
        lambda price_region, host: catalogue.host_prices(price_region).get(host.name),
    )


def choose_database(request: Request, estimate: ConnectionEstimate) -> tuple[Choice[DatabaseClass], list[Problem]]:
    """Return the cheapest class that satisfies D-3 with the next five, and problems when there is none."""
    named = catalogue.database_classes().get(request.database_class or "")
    choice = _choose("database", ranked_databases(request), lambda db: class_fault(db, request, estimate), named)
    if choice.chosen is not None:
        return choice, []
    if named is not None:
        allowed = _instead(choice.alternatives) or MORE_CLASSES
        return choice, [Problem("database_class", named.name, allowed, class_fault(named, request, estimate))]
    reason = (
        f"no class carries {estimate.expected} expected and {estimate.high} high connections and "
        f"{request.rate:g} messages/s"
    )
    return choice, [Problem("database_families", request.database_families, MORE_CLASSES, reason)]


def choose_host(request: Request) -> tuple[Choice[HostType], list[Problem]]:
    """Return the cheapest type that holds the fleet under the cap with the next five, and problems when none does."""
    families = request.host_families
    ranked = _ranked_hosts(
        request.region, None if families is None else tuple(families), request.minimum_host_generation
    )
    named = catalogue.host_types().get(request.host_type or "")
    choice = _choose("host", ranked, lambda host: host_fault(host, request), named)
    if choice.chosen is not None:
        return choice, []
    if named is not None:
        allowed = _instead(choice.alternatives) or MORE_HOSTS
        return choice, [Problem("host_type", named.name, allowed, host_fault(named, request))]
    tasks = sum(tier.number for tier in fleet(request))
    reason = f"no type holds {tasks} tasks on {request.cap} hosts with one lost"
    return choice, [Problem("host_families", families, MORE_HOSTS, reason)]


def _instead(alternatives: Sequence[Alternative]) -> str:
    names = ", ".join(alternative.name for alternative in alternatives)
    return f"for example {names}" if names else ""


def _choose(kind: str, ranked: Sequence[Ranked[T]], fault: Callable[[T], str], named: T | None) -> Choice[T]:
    """Take the one asked for, or the first without fault; and the next five of the same price list."""
    good: list[Ranked[T]] = []
    for each in ranked:
        if good and each.price_region != good[0].price_region:
            break
        if not fault(each.item):
            good.append(each)
            if len(good) > RUNNERS_UP:
                break
    if named is not None:
        runners = tuple(
            Alternative(kind, each.item.name, each.usd, f"{named.name} was asked for")
            for each in good
            if each.item.name != named.name
        )
        return Choice(None if fault(named) else named, None, runners[:RUNNERS_UP])
    if not good:
        return Choice(None, None, ())
    best = good[0]
    return Choice(
        best.item,
        best.price_region,
        tuple(Alternative(kind, each.item.name, each.usd, _lost(best, each)) for each in good[1:]),
    )


def _lost(best: Ranked[T], other: Ranked[T]) -> str:
    if other.usd > best.usd:
        return f"{100 * (other.usd / best.usd - 1):.0f} % dearer than {best.item.name}"
    return f"same price as {best.item.name}, which is of a newer generation or roomier"
