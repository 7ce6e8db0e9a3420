"""The catalogue as DataFrames."""

from __future__ import annotations

import pandas as pd  # type: ignore[import-untyped]

from sizing.engines import ENGINES
from sizing.errors import Problem, SizingError
from sizing.facts import catalogue, published
from sizing.planning.placement import task_memory_mib


def _check(region: str, engine: str = "mysql") -> None:
    problems = []
    if region not in catalogue.regions():
        problems.append(Problem("region", region, ", ".join(catalogue.regions())))
    if engine not in ENGINES:
        problems.append(Problem("engine", engine, ", ".join(ENGINES)))
    if problems:
        raise SizingError(problems)


def classes(engine: str = "mysql", region: str = "us-east-1") -> pd.DataFrame:
    """Return every RDS class that `engine` has or had, retired ones too.

    Args:
        engine: "mysql" (default), "aurora-mysql" or "postgres".
        region: AWS region of the prices. Default "us-east-1".

    Returns:
        One row a class, index `instance_class`: family, generation, vcpu, memory_gib, architecture, status,
        successor, in_region, max_connections, usd_per_hour (one instance, one zone; NaN when not known), price_as_of,
        price_source, as_of, source.

    Raises:
        SizingError: For an unknown engine or region.

    Example:
        >>> int(classes().loc["db.m6g.large", "max_connections"])
        636
    """
    _check(region, engine)
    regional = catalogue.regional_classes(engine, region)
    rows = []
    for db in catalogue.database_classes().values():
        if engine not in db.engines:
            continue
        price = ENGINES[engine].price(region, db.name, multi_az=False)
        rows.append(
            {
                "instance_class": db.name,
                "family": db.family,
                "generation": catalogue.generation(db.family),
                "vcpu": db.vcpu,
                "memory_gib": db.memory_gib,
                "architecture": db.architecture,
                "status": db.status,
                "successor": db.successor,
                "in_region": db.name in regional,
                "max_connections": ENGINES[engine].max_connections(db.memory_gib),
                "usd_per_hour": price.usd if price else float("nan"),
                "price_as_of": price.as_of if price else "",
                "price_source": catalogue.source_text(price.source) if price else "",
                "as_of": db.as_of,
                "source": catalogue.source_text(db.source),
            }
        )
    return pd.DataFrame(rows).set_index("instance_class")


def hosts(region: str = "us-east-1") -> pd.DataFrame:
    """Return every x86_64 host type.

    Args:
        region: AWS region of the prices. Default "us-east-1".

    Returns:
        One row a type, index `instance_type`: family, generation, vcpu, memory_mib, task_memory_mib,
        tasks_without_trunking, tasks_with_trunking, coreapps (text coreapps that fit with trunking), current,
        usd_per_hour (NaN when not known), price_as_of, price_source, as_of, source, limit_source.

    Raises:
        SizingError: For an unknown region.

    Example:
        >>> int(hosts().loc["c5.large", "tasks_with_trunking"])
        10
    """
    _check(region)
    rows = []
    for host in catalogue.host_types().values():
        price = catalogue.host_prices(region).get(host.name)
        memory = task_memory_mib(host.memory_mib)
        rows.append(
            {
                "instance_type": host.name,
                "family": host.family,
                "generation": catalogue.generation(host.family),
                "vcpu": host.vcpu,
                "memory_mib": host.memory_mib,
                "task_memory_mib": memory,
                "tasks_without_trunking": host.tasks_without_trunking,
                "tasks_with_trunking": host.tasks_with_trunking,
                "coreapps": min(memory // published.TEXT_COREAPP_MEMORY_MIB, host.tasks_with_trunking),
                "current": host.current,
                "usd_per_hour": price.usd if price else float("nan"),
                "price_as_of": price.as_of if price else "",
                "price_source": catalogue.source_text(price.source) if price else "",
                "as_of": host.as_of,
                "source": catalogue.source_text(host.source),
                "limit_source": catalogue.source_text(host.limit_source),
            }
        )
    return pd.DataFrame(rows).set_index("instance_type")
