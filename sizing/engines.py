"""Everything that differs between database engines: the limit on connections, the layout of prices, the versions.

One table. No other file asks which engine it has before it; a new engine is one more row here, beside its rows in
`facts/data`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log2
from typing import Final

from sizing.errors import Problem, SizingError
from sizing.facts import published
from sizing.facts.catalogue import Price, database_classes, database_prices

GIB: Final = 2**30
# M-20 counts a GiB as 10^9 bytes and divides by what RDS for MySQL's own default for max_connections divides by.
MYSQL_BYTES_PER_CONNECTION: Final = 12582880
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections
POSTGRES_BYTES_PER_CONNECTION: Final = 9531392
POSTGRES_MOST_CONNECTIONS: Final = 5000
# Memory left to a database, fitted to 17 observed limits: at most 0.91 % off from 3.75 GiB, 3.9 % at 1 and 2 GiB.
USABLE_SHARE: Final = 0.982
USABLE_LESS_GIB: Final = 0.239
# Below the smallest class of M-20 its rule is 20 % too high, so the fitted line takes over.
SMALLEST_PUBLISHED_GIB: Final = 3.75


def usable_bytes(memory_gib: float) -> float:
    """Return the bytes of nominal memory that RDS leaves to the database, by the line of 17 observations."""
    return (USABLE_SHARE * memory_gib - USABLE_LESS_GIB) * GIB


def _mysql_limit(memory_gib: float) -> int:
    if memory_gib < SMALLEST_PUBLISHED_GIB:
        return int(usable_bytes(memory_gib) / MYSQL_BYTES_PER_CONNECTION)
    return round(memory_gib * 1e9 / MYSQL_BYTES_PER_CONNECTION)


def _aurora_mysql_limit(memory_gib: float) -> int:
    nominal = memory_gib * GIB
    # AWS's text does not round the logarithm, but only with rounding do all 74 rows of AWS's table come out.
    return max(round(log2(nominal / 805306368)) * 45, round(log2(nominal / 8187281408)) * 1000)


def _postgres_limit(memory_gib: float) -> int:
    return min(int(usable_bytes(memory_gib) / POSTGRES_BYTES_PER_CONNECTION), POSTGRES_MOST_CONNECTIONS)


@dataclass(frozen=True, eq=False)
class Engine:
    """One database engine.

    Attributes:
        name: As `plan` and the tables call it.
        versions: Major versions that the catalogue knows; the first is the default, "any" stands for every version.
        max_connections: Nominal memory of a class in GiB to its default limit on connections.
        limit_source: Where that rule stands.
        published_limits: Class to the limit that was published for it; the rule must give these figures.
        two_zones: What the database is called when it runs in two zones.
        single_price: Deployment in `database_prices.csv` that one instance in one zone has.
        pair_price: Deployment that has the price of both zones; None where two zones are simply two instances.
        single_storage_price: Item in `other_prices.csv` for storage in one zone.
        pair_storage_price: The same for storage in two zones.
        price_list_name: `databaseEngine` in AWS's price list.
        versions_recorded: Whether `database_classes.csv` keeps the versions of its orderable list.
    """

    name: str
    versions: tuple[str, ...]
    max_connections: Callable[[float], int]
    limit_source: str
    published_limits: Mapping[str, int]
    two_zones: str
    single_price: str
    pair_price: str | None
    single_storage_price: str
    pair_storage_price: str
    price_list_name: str
    versions_recorded: bool

    def price(self, region: str, instance_class: str, *, multi_az: bool) -> Price | None:
        """Return the price of a database per hour; with `multi_az` of both zones.

        A price for both zones is the listed one, or twice that of one zone and marked so. Where two zones are two
        instances, twice the price is exact. None when nothing is listed.
        """
        prices = database_prices(self.name, region)
        if multi_az and self.pair_price and (listed := prices.get((instance_class, self.pair_price))):
            return listed
        single = prices.get((instance_class, self.single_price))
        if single is None or not multi_az:
            return single
        return single._replace(usd=2 * single.usd, doubled=self.pair_price is not None)

    def storage_price(self, *, multi_az: bool) -> str:
        """Return the item in `other_prices.csv` that has the price of the database's storage."""
        return self.pair_storage_price if multi_az else self.single_storage_price


ENGINES: Final[Mapping[str, Engine]] = {
    engine.name: engine
    for engine in (
        Engine(
            name="mysql",
            versions=("8.4", "8.0"),
            max_connections=_mysql_limit,
            limit_source="the rule behind M-20, memory * 10^9 / 12582880 bytes",
            published_limits=published.MAX_CONNECTIONS,
            two_zones="Multi-AZ",
            single_price="single-az",
            pair_price="multi-az",
            single_storage_price="rds-gp3-storage-single-az",
            pair_storage_price="rds-gp3-storage-multi-az",
            price_list_name="MySQL",
            versions_recorded=True,
        ),
        Engine(
            name="aurora-mysql",
            versions=("8.0",),
            max_connections=_aurora_mysql_limit,
            limit_source="the documented table, "
            "docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Managing.Performance.html, late 2025",
            published_limits=published.AURORA_CONNECTIONS,
            two_zones="writer and reader",
            single_price="instance",
            pair_price=None,
            single_storage_price="aurora-standard-storage",
            pair_storage_price="aurora-standard-storage",
            price_list_name="Aurora MySQL",
            versions_recorded=False,
        ),
        Engine(
            name="postgres",
            versions=("any",),
            max_connections=_postgres_limit,
            limit_source="LEAST(usable memory / 9531392, 5000), "
            "docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html, late 2025",
            published_limits={},
            two_zones="Multi-AZ",
            single_price="single-az",
            pair_price="multi-az",
            single_storage_price="rds-gp3-storage-single-az",
            pair_storage_price="rds-gp3-storage-multi-az",
            price_list_name="PostgreSQL",
            versions_recorded=False,
        ),
    )
}
"""Every engine by its name."""


def max_connections(instance_class: str, engine: str = "mysql") -> int:
    """Return the default `max_connections` of an RDS instance class.

    MySQL: the rule behind M-20, `round(GiB * 10^9 / 12582880)`, all 20 rows exactly; below 3.75 GiB the line fitted to
    observed limits. PostgreSQL: usable memory / 9531392, at most 5000; within 1 % of observed limits, 4 % up to 2 GiB.
    Aurora MySQL: `max(round(log2(B / 805306368)) * 45, round(log2(B / 8187281408)) * 1000)`, all 74 documented rows
    exactly.

    Args:
        instance_class: Such as "db.m7g.large"; retired classes answer too.
        engine: "mysql" (default), "aurora-mysql" or "postgres".

    Returns:
        Connections.

    Raises:
        SizingError: For an unknown class or engine.

    Example:
        >>> max_connections("db.m4.2xlarge")
        2543
        >>> max_connections("db.r6g.large", "aurora-mysql")
        1000
    """
    problems = []
    db = database_classes().get(published.MISNAMED_CLASSES.get(instance_class, instance_class))
    if db is None:
        problems.append(Problem("instance_class", instance_class, 'an RDS class such as "db.m7g.large"'))
    if engine not in ENGINES:
        problems.append(Problem("engine", engine, ", ".join(ENGINES)))
    if problems or db is None:
        raise SizingError(problems)
    return ENGINES[engine].max_connections(db.memory_gib)
