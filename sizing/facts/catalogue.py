"""The shipped facts: database classes, host types, prices, and where each stands.

Only the rows that a question needs are parsed, so that a first plan is quick: the price table alone has 1,800 rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

DATA: Final = Path(__file__).parent / "data"
REFERENCE_REGION: Final = "us-east-1"
"""The region with the fullest price lists; it ranks what a region has no price for."""
HOST_REGIONS: Final = (
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-northeast-1",
    "sa-east-1",
)
"""Regions for which every host type here is known to be offered (moto 5.2.5, instance type offerings)."""
BURSTABLE: Final = ("t1", "t2", "t3", "t4g")


class DatabaseClass(NamedTuple):
    """One RDS instance class.

    Attributes:
        name: Such as "db.m7g.large".
        vcpu: Virtual CPUs.
        memory_gib: Nominal memory in GiB.
        architecture: "x86_64" or "arm64".
        status: "current", "previous" (orderable, EC2 calls its family previous) or "retired" (cannot be created).
        engines: Engines that have or had it.
        mysql_versions: Major MySQL versions whose orderable list has it, us-east-1.
        successor: For a retired class, the class AWS moves it to; else "".
        as_of: Date of the row.
        source: Key into `source_text`.
    """

    name: str
    vcpu: int
    memory_gib: float
    architecture: str
    status: str
    engines: tuple[str, ...]
    mysql_versions: tuple[str, ...]
    successor: str
    as_of: str
    source: str

    @property
    def family(self) -> str:
        """Family, such as "m7g"."""
        return self.name.split(".")[1]

    @property
    def burstable(self) -> bool:
        """Whether it runs on CPU credits."""
        return self.family in BURSTABLE


class HostType(NamedTuple):
    """One x86_64 EC2 instance type that can run the containers.

    Attributes:
        name: Such as "m6i.large".
        vcpu: Virtual CPUs.
        memory_mib: Nominal memory in MiB.
        current: Whether EC2 calls it current generation.
        tasks_without_trunking: `awsvpc` tasks it can run without ENI trunking (network interfaces less one).
        tasks_with_trunking: The same with ENI trunking; for a type that knows no trunking the same number.
        as_of: Date of the row.
        source: Key into `source_text`.
        limit_source: Key into `source_text` for the limits.
    """

    name: str
    vcpu: int
    memory_mib: int
    current: bool
    tasks_without_trunking: int
    tasks_with_trunking: int
    as_of: str
    source: str
    limit_source: str

    @property
    def family(self) -> str:
        """Family, such as "m6i"."""
        return self.name.split(".")[0]

    @property
    def burstable(self) -> bool:
        """Whether it runs on CPU credits."""
        return self.family in BURSTABLE


class Zones(NamedTuple):
    """The availability zones of one region, by their ids, which mean the same place in every account.

    Attributes:
        region: Such as "us-west-1".
        every_account: Ids that any account sees, such as "usw1-az1".
        some_accounts: Ids that only some, mostly older, accounts see.
        as_of: Date of the row.
        source: Key into `source_text`.
    """

    region: str
    every_account: tuple[str, ...]
    some_accounts: tuple[str, ...]
    as_of: str
    source: str


class Price(NamedTuple):
    """One listed price.

    Attributes:
        usd: US dollars per `unit`.
        unit: Such as "hour".
        as_of: Date of the list.
        source: Key into `source_text`.
        doubled: Multi-AZ figure made as twice the Single-AZ one; AWS's own differs by at most 0.8 %.
    """

    usd: float
    unit: str
    as_of: str
    source: str
    doubled: bool = False


def generation(family: str) -> int:
    """Return the generation in a family's name.

    Example:
        >>> generation("m7g"), generation("x2iedn")
        (7, 2)
    """
    return int(next(letter for letter in family if letter.isdigit()))


def rows(table: str, *prefix: str) -> Iterator[list[str]]:
    """Yield the rows of `data/<table>.csv`, only those that begin with `prefix`, without the header."""
    start = "".join(f"{field}," for field in prefix)
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        next(lines)
        yield from csv.reader(line for line in lines if line.startswith(start))


@cache
def source_text(source: str) -> str:
    """Return the full text of a source key."""
    return next(text for _, text in rows("sources", source))


@cache
def database_classes() -> dict[str, DatabaseClass]:
    """Return every RDS class by name, retired ones too."""
    return {
        name: DatabaseClass(
            name,
            int(vcpu),
            float(memory),
            architecture,
            status,
            tuple(engines.split()),
            tuple(versions.split()),
            successor,
            as_of,
            source,
        )
        for name, vcpu, memory, architecture, status, engines, versions, successor, as_of, source in rows(
            "database_classes"
        )
    }


@cache
def host_types() -> dict[str, HostType]:
    """Return every host type by name."""
    return {
        name: HostType(
            name, int(vcpu), int(memory), current == "yes", int(plain), int(trunked or plain), as_of, source, limit
        )
        for name, vcpu, memory, current, plain, trunked, as_of, source, limit in rows("host_types")
    }


@cache
def regions() -> tuple[str, ...]:
    """Return the regions the catalogue knows, sorted."""
    # Every engine has a row for every region, so those of the first engine are enough.
    engine, *_ = next(rows("database_regions"))
    return tuple(sorted(row[1] for row in rows("database_regions", engine)))


@cache
def regional_classes(engine: str, region: str) -> frozenset[str]:
    """Return the names of the classes that `engine` has in `region`."""
    _, _, families, _, _ = next(rows("database_regions", engine, region))
    return frozenset(
        f"db.{family}.{size}"
        for family, _, sizes in (entry.partition("=") for entry in families.split())
        for size in sizes.split("/")
    )


@cache
def zones(region: str) -> Zones:
    """Return the availability zones of `region` (T-13)."""
    _, every, some, as_of, source = next(rows("zones", region))
    return Zones(region, tuple(every.split()), tuple(some.split()), as_of, source)


def orderable(engine: str, region: str, version: str) -> list[DatabaseClass]:
    """Return the classes that can be created for `engine` at `version` in `region`.

    RDS for PostgreSQL publishes no list of its own in our sources; a class counts that is orderable for any MySQL 8
    and whose row names PostgreSQL. Aurora MySQL 3 speaks MySQL 8.0.
    """
    regional = regional_classes(engine, region)
    return [
        db
        for db in database_classes().values()
        if db.status != "retired"
        and engine in db.engines
        and db.name in regional
        and (version in db.mysql_versions if version != "any" else db.mysql_versions)
    ]


@cache
def database_prices(engine: str, region: str) -> dict[tuple[str, str], Price]:
    """Return listed prices by (class, deployment); deployment is "single-az", "multi-az" or, for Aurora, "instance"."""
    return {
        (name, deployment): Price(float(usd), "hour", as_of, source)
        for _, _, name, deployment, usd, as_of, _, source in rows("database_prices", engine, region)
    }


@cache
def host_prices(region: str) -> dict[str, Price]:
    """Return listed on-demand Linux prices by instance type."""
    return {
        name: Price(float(usd), "hour", as_of, source) for _, name, usd, as_of, source in rows("host_prices", region)
    }


@cache
def other_price(item: str, region: str) -> Price | None:
    """Return the price of `item`, such as "nat-gateway-hour", or None when none is known for `region`."""
    found = next(rows("other_prices", item, region), None)
    if found is None:
        return None
    _, _, unit, usd, as_of, source = found
    return Price(float(usd), unit, as_of, source)
