"""Renew the shipped tables from the AWS APIs of your account: `python -m sizing.refresh --regions eu-west-1`.

Needs boto3 and the permissions rds:DescribeOrderableDBInstanceOptions, ec2:DescribeInstanceTypes and
pricing:GetProducts. It shows what would change, and writes only tables that still give the published check values.
What the answers do not mention keeps its row and its date. Figures that no API tells, such as the tasks a host can run
with ENI trunking, stay as they are; host types without them are not added.
"""

from __future__ import annotations

import argparse
import csv
import difflib
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from sizing.engines import ENGINES
from sizing.errors import Problem, SizingError
from sizing.facts import catalogue, published

PRICING_REGION: Final = "us-east-1"  # the price list API exists in a few regions only, and each answers for all regions
MOST_TIMES: Final = 3.0
"""A price that changes by more than this factor is a broken answer: AWS's own changes were far smaller."""

Clients = Callable[[str, str], Any]
"""Service and region to a boto3 client."""
Row = dict[str, str]
Key = tuple[str, ...]


class Table(NamedTuple):
    """One CSV file: its columns, and its rows by the columns that name a row."""

    name: str
    columns: list[str]
    keys: int
    rows: dict[Key, Row]

    def put(self, **row: str) -> None:
        """Add or replace a row; columns that are not given keep their value."""
        key = tuple(row[column] for column in self.columns[: self.keys])
        self.rows[key] = dict.fromkeys(self.columns, "") | self.rows.get(key, {}) | row

    def text(self) -> str:
        """Return the table as the text of its file."""
        out = io.StringIO()
        writer = csv.DictWriter(out, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows.values())
        return out.getvalue()


KEYS: Final = {
    "database_classes": 1,
    "database_regions": 2,
    "database_prices": 4,
    "host_types": 1,
    "host_prices": 2,
    "sources": 1,
}
"""Table to how many of its first columns name a row."""


def read_tables(data: Path) -> dict[str, Table]:
    """Return the tables of a folder."""
    tables = {}
    for name, keys in KEYS.items():
        with (data / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            columns = list(reader.fieldnames or [])
            rows = {tuple(row[column] for column in columns[:keys]): row for row in reader}
        tables[name] = Table(name, columns, keys, rows)
    return tables


def products(client: Any, service: str, **filters: str) -> Iterator[tuple[dict[str, str], float, str, str]]:
    """Yield attributes, on-demand dollars an hour, offer version and its date of every product of the price list."""
    wanted = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in filters.items()]
    for page in client.get_paginator("get_products").paginate(ServiceCode=service, Filters=wanted):
        for text in page["PriceList"]:
            product = json.loads(text)
            for term in product["terms"].get("OnDemand", {}).values():
                for dimension in term["priceDimensions"].values():
                    usd = float(dimension["pricePerUnit"].get("USD", 0))
                    if usd > 0 and dimension["unit"] == "Hrs":
                        yield product["product"]["attributes"], usd, product["version"], product["publicationDate"][:10]


def renew_databases(tables: dict[str, Table], clients: Clients, region: str, today: str) -> None:
    """Renew classes, orderability and prices of one region."""
    versions: dict[str, set[str]] = {}
    for engine in ENGINES.values():
        sizes_by_family: dict[str, set[str]] = {}
        describe = clients("rds", region).get_paginator("describe_orderable_db_instance_options")
        pages = describe.paginate(Engine=engine.name)
        for page in pages:
            for option in page["OrderableDBInstanceOptions"]:
                name = option["DBInstanceClass"]
                if not _has_size(name):
                    continue
                _, family, size = name.split(".")
                sizes_by_family.setdefault(family, set()).add(size)
                if engine.versions_recorded:
                    major = ".".join(option["EngineVersion"].split(".")[:2])
                    versions.setdefault(name, set()).add(major)
        if sizes_by_family:
            source = _source(tables, f"rds-api-{today}", f"AWS API rds:DescribeOrderableDBInstanceOptions, {today}")
            classes = " ".join(
                f"{family}={'/'.join(sorted(sizes))}" for family, sizes in sorted(sizes_by_family.items())
            )
            tables["database_regions"].put(
                engine=engine.name, region=region, classes=classes, as_of=today, source=source
            )
    pricing = clients("pricing", PRICING_REGION)
    for engine in ENGINES.values():
        deployments = {"Single-AZ": engine.single_price, "Multi-AZ": engine.pair_price or engine.single_price}
        found = products(
            pricing,
            "AmazonRDS",
            regionCode=region,
            databaseEngine=engine.price_list_name,
            productFamily="Database Instance",
        )
        for attributes, usd, version, date in found:
            deployment = deployments.get(attributes.get("deploymentOption", ""))
            # Aurora's I/O-optimised storage has instance prices of its own; the tables keep those of standard storage.
            optimised = "IOOptimized" in attributes.get("usagetype", "")
            if deployment is None or optimised or not _has_size(attributes["instanceType"]):
                continue
            source = _source(tables, f"rds-offer-{version}", f"AWS price list AmazonRDS, offer {version}, {date}")
            tables["database_prices"].put(
                engine=engine.name,
                region=region,
                instance_class=attributes["instanceType"],
                deployment=deployment,
                usd_per_hour=f"{usd:g}",
                as_of=date,
                grade="A",
                source=source,
            )
            _renew_class(tables, attributes, engine.name, versions, date, source)
    if region == catalogue.REFERENCE_REGION and versions:
        for (name,), row in tables["database_classes"].rows.items():
            row["mysql_versions"] = " ".join(sorted(versions.get(name, ())))


def _has_size(name: str) -> bool:
    """Return whether a class has family and size; "db.serverless" has neither, and no fixed limit."""
    return name.count(".") == 2


def _renew_class(
    tables: dict[str, Table],
    attributes: dict[str, str],
    engine: str,
    versions: dict[str, set[str]],
    date: str,
    source: str,
) -> None:
    """Add a class the table does not know, and the engine to one it does."""
    name = attributes["instanceType"]
    table = tables["database_classes"]
    known = table.rows.get((name,))
    figures = {"vcpu": attributes["vcpu"], "memory_gib": attributes["memory"].split()[0].replace(",", "")}
    if known is None:
        graviton = "Graviton" in attributes.get("physicalProcessor", "")
        status = "current" if attributes.get("currentGeneration") == "Yes" else "previous"
        table.put(
            instance_class=name,
            **figures,
            architecture="arm64" if graviton else "x86_64",
            status=status,
            engines=engine,
            mysql_versions=" ".join(sorted(versions.get(name, ()))),
            as_of=date,
            source=source,
        )
        return
    if engine not in known["engines"].split():
        known["engines"] = f"{known['engines']} {engine}"
    if any(float(known[column]) != float(value) for column, value in figures.items()):
        known.update(figures, as_of=date, source=source)


def renew_hosts(tables: dict[str, Table], clients: Clients, region: str, today: str) -> None:
    """Renew figures and prices of the known host types in one region."""
    known = tables["host_types"].rows
    for page in clients("ec2", region).get_paginator("describe_instance_types").paginate():
        for each in page["InstanceTypes"]:
            row = known.get((each["InstanceType"],))
            if row is None:
                continue
            figures = {
                "vcpu": str(each["VCpuInfo"]["DefaultVCpus"]),
                "memory_mib": str(each["MemoryInfo"]["SizeInMiB"]),
                "current_generation": "yes" if each["CurrentGeneration"] else "no",
            }
            if any(row[column] != value for column, value in figures.items()):
                source = _source(tables, f"ec2-api-{today}", f"AWS API ec2:DescribeInstanceTypes, {today}")
                row.update(figures, as_of=today, source=source)
    found = products(
        clients("pricing", PRICING_REGION),
        "AmazonEC2",
        regionCode=region,
        operatingSystem="Linux",
        tenancy="Shared",
        preInstalledSw="NA",
        capacitystatus="Used",
    )
    for attributes, usd, version, date in found:
        if (attributes["instanceType"],) in known:
            source = _source(tables, f"ec2-offer-{version}", f"AWS price list AmazonEC2, offer {version}, {date}")
            tables["host_prices"].put(
                region=region,
                instance_type=attributes["instanceType"],
                usd_per_hour=f"{usd:g}",
                as_of=date,
                source=source,
            )


def _source(tables: dict[str, Table], key: str, text: str) -> str:
    tables["sources"].put(id=key, text=text)
    return key


def check(old: dict[str, Table], new: dict[str, Table]) -> None:
    """Refuse tables that fail the published check values.

    Raises:
        SizingError: With every failure: a limit of M-20 or of AWS's Aurora table that no longer comes out, a price that
            changed more than threefold.
    """
    problems = []
    classes = {
        name: catalogue.DatabaseClass(
            name, int(row["vcpu"]), float(row["memory_gib"]), row["architecture"], row["status"], (), (), "", "", ""
        )
        for (name,), row in new["database_classes"].rows.items()
    }
    for engine in ENGINES.values():
        for name, limit in engine.published_limits.items():
            db = classes.get(published.MISNAMED_CLASSES.get(name, name))
            found = None if db is None else engine.max_connections(db.memory_gib)
            if found != limit:
                allowed = f"{limit}, the published limit of {name} for {engine.name}; nothing was written"
                problems.append(Problem("database_classes", found, allowed))
    for prices in ("database_prices", "host_prices"):
        for key, row in new[prices].rows.items():
            before = float(old[prices].rows.get(key, row)["usd_per_hour"])
            after = float(row["usd_per_hour"])
            if not before / MOST_TIMES <= after <= before * MOST_TIMES:
                allowed = f"a third to three times {before:g} for {' '.join(key)}; nothing was written"
                problems.append(Problem(prices, after, allowed))
    if problems:
        raise SizingError(problems)


def refresh(regions: Sequence[str], clients: Clients, data: Path = catalogue.DATA, *, write: bool = True) -> str:
    """Renew the tables in `data` and return what changed as a unified diff.

    Args:
        regions: AWS regions to renew; others keep their rows.
        clients: Service and region to a boto3 client.
        data: Folder of the tables. Default: the installed ones.
        write: False leaves the files alone. Default True.

    Returns:
        The diff of all files, "" when nothing changed.

    Raises:
        SizingError: For an unknown region, or when the new tables fail the check values; then nothing is written.
    """
    unknown = [region for region in regions if region not in catalogue.regions()]
    if unknown or not regions:
        allowed = f"one or more of {', '.join(catalogue.regions())}"
        raise SizingError([Problem("regions", unknown or list(regions), allowed)])
    old, new = read_tables(data), read_tables(data)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    for region in regions:
        renew_databases(new, clients, region, today)
        renew_hosts(new, clients, region, today)
    check(old, new)
    changes: list[str] = []
    for name, table in new.items():
        before, after = old[name].text(), table.text()
        if before == after:
            continue
        file = f"{name}.csv"
        changes += difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), file, file, n=0
        )
        if write:
            (data / file).write_text(after, encoding="utf-8", newline="")
    return "".join(changes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 refused by the checks or by AWS, 2 bad arguments."""
    parser = argparse.ArgumentParser(prog="python -m sizing.refresh", description="Renew the tables from AWS.")
    parser.add_argument("--regions", nargs="+", default=[catalogue.REFERENCE_REGION], metavar="REGION")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    asked = parser.parse_args(arguments)
    try:
        import boto3  # type: ignore[import-untyped]
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        print("refresh needs boto3; install it with: pip install 'multiconnect[aws]'", file=sys.stderr)
        return 1
    try:
        changes = refresh(
            asked.regions, lambda service, region: boto3.client(service, region_name=region), write=not asked.dry_run
        )
    except SizingError as error:
        print(error, file=sys.stderr)
        return 2 if error.problems[0].parameter == "regions" else 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS did not answer: {error}", file=sys.stderr)
        return 1
    print(changes or "nothing changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
