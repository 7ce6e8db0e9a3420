"""What a plan costs in a month, item by item; what is not known is not guessed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from sizing.engines import ENGINES
from sizing.facts.catalogue import (
    Price,
    host_prices,
    other_price,
    source_text,
)

HOURS_PER_MONTH: Final = 730
"""AWS's own month: 365 * 24 / 12 hours."""

HOST_VOLUME_GIB: Final = 32
"""Root volume of a host (the vendor's last template)."""
MEDIA_GIB: Final = 50
"""EFS assumed for media; the real figure follows from use."""
LOG_GIB: Final = 10
"""Logs assumed to be taken in a month; the real figure follows from use."""
INTERFACE_ENDPOINTS: Final = (
    "ecs",
    "ecs-agent",
    "ecs-telemetry",
    "ecr.api",
    "ecr.dkr",
    "logs",
    "secretsmanager",
    "ssm",
    "ssmmessages",
    "ec2messages",
)
"""Services that hosts in private subnets reach through an interface endpoint each, as AWS names them after the region:
https://docs.aws.amazon.com/AmazonECS/latest/userguide/vpc-endpoints.html; the last three serve Session Manager."""
SECRETS: Final = ("database master", "database client", "peer encryption", "token signing key", "API key")
"""Secrets kept for a cluster whose client has a database user of its own (D-6)."""


@dataclass(frozen=True, slots=True)
class CostItem:
    """One line of the bill.

    Attributes:
        name: What it is.
        quantity: How many units in a month.
        unit: Such as "hour" or "GB-month".
        usd_per_unit: Listed price; None when none is known.
        usd: Dollars a month; None when no price is known.
        note: Where the price stands and its date, or why there is none.
    """

    name: str
    quantity: float
    unit: str
    usd_per_unit: float | None
    usd: float | None
    note: str


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """What a plan costs in a month of 730 hours, on demand, without data transfer and taxes.

    Attributes:
        region: Region of the prices.
        items: Lines that do not change with the number of hosts.
        hosts_at_minimum: Hosts and their volumes, at the plan's minimum.
        hosts_at_cap: The same at the cap.
    """

    region: str
    items: tuple[CostItem, ...]
    hosts_at_minimum: tuple[CostItem, ...]
    hosts_at_cap: tuple[CostItem, ...]

    @property
    def at_minimum(self) -> float | None:
        """US dollars a month with the least hosts, or None when any price is unknown."""
        return _total(self.items + self.hosts_at_minimum)

    @property
    def at_cap(self) -> float | None:
        """US dollars a month at the cap, or None when any price is unknown."""
        return _total(self.items + self.hosts_at_cap)

    @property
    def known_at_minimum(self) -> float:
        """US dollars a month of the items with a known price, with the least hosts."""
        return _known(self.items + self.hosts_at_minimum)

    @property
    def known_at_cap(self) -> float:
        """US dollars a month of the items with a known price, at the cap."""
        return _known(self.items + self.hosts_at_cap)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why a total is None, one sentence an item."""
        return tuple(f"{item.name}: {item.note}" for item in self.items + self.hosts_at_cap if item.usd is None)

    def to_dict(self) -> dict[str, Any]:
        """Return items and totals as plain dicts and numbers."""
        return asdict(self) | {
            "at_minimum": self.at_minimum,
            "at_cap": self.at_cap,
            "known_at_minimum": self.known_at_minimum,
            "known_at_cap": self.known_at_cap,
            "unknown": list(self.unknown),
        }


def _known(items: tuple[CostItem, ...]) -> float:
    return round(sum(item.usd for item in items if item.usd is not None), 2)


def _total(items: tuple[CostItem, ...]) -> float | None:
    return None if any(item.usd is None for item in items) else _known(items)


def _item(name: str, quantity: float, unit: str, price: Price | None, region: str) -> CostItem:
    if price is None:
        return CostItem(name, quantity, unit, None, None, f"no price is known for {region}")
    doubled = "twice the Single-AZ price, " if price.doubled else ""
    note = f"{doubled}{source_text(price.source)}, {price.as_of}"
    return CostItem(name, quantity, unit, price.usd, round(quantity * price.usd, 2), note)


def monthly_cost(
    *,
    region: str,
    engine: str,
    instance_class: str,
    multi_az: bool,
    storage_gib: int,
    host_type: str,
    hosts_minimum: int,
    hosts_maximum: int,
    nat_gateways: int,
    interface_endpoints: int,
) -> MonthlyCost:
    """Return the itemised cost of a plan's parts.

    Args:
        region: AWS region.
        engine: Database engine.
        instance_class: RDS class.
        multi_az: Whether the database runs in two zones.
        storage_gib: Database storage in GiB.
        host_type: EC2 instance type.
        hosts_minimum: Least hosts.
        hosts_maximum: Most hosts.
        nat_gateways: NAT gateways.
        interface_endpoints: Interface endpoints, each counted in each of its zones.

    Returns:
        The cost; an item without a known price has None and the reason.
    """

    def hosts(count: int) -> tuple[CostItem, ...]:
        return (
            _item(f"hosts {host_type}", count * HOURS_PER_MONTH, "hour", host_prices(region).get(host_type), region),
            _item(
                "host volumes gp3", count * HOST_VOLUME_GIB, "GB-month", other_price("ebs-gp3-storage", region), region
            ),
        )

    kind = ENGINES[engine]
    database = f"database {instance_class}{f' {kind.two_zones}' if multi_az else ''}"
    price = kind.price(region, instance_class, multi_az=multi_az)
    storage_price = other_price(kind.storage_price(multi_az=multi_az), region)
    items = [
        _item(database, HOURS_PER_MONTH, "hour", price, region),
        _item("database storage", storage_gib, "GB-month", storage_price, region),
        _item("NAT gateways", nat_gateways * HOURS_PER_MONTH, "hour", other_price("nat-gateway-hour", region), region),
        _item("load balancer", HOURS_PER_MONTH, "hour", other_price("nlb-hour", region), region),
        _item("media on EFS (assumed)", MEDIA_GIB, "GB-month", other_price("efs-standard", region), region),
        _item("logs taken in (assumed)", LOG_GIB, "GB", other_price("cloudwatch-logs-ingest", region), region),
        _item("secrets", len(SECRETS), "secret-month", other_price("secrets-manager-secret", region), region),
    ]
    if interface_endpoints:
        hours = interface_endpoints * HOURS_PER_MONTH
        endpoint = other_price("interface-endpoint-hour", region)
        items.append(_item("interface endpoints", hours, "hour", endpoint, region))
    return MonthlyCost(region, tuple(items), hosts(hosts_minimum), hosts(hosts_maximum))
