"""A plan as text: its summary, and every figure with its source and date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sizing.engines import ENGINES
from sizing.facts.catalogue import database_classes, host_types, rows, source_text

if TYPE_CHECKING:
    from sizing.planning.cost import CostItem
    from sizing.planning.model import Plan

CITATIONS = "M-n: developers.facebook.com/docs/whatsapp/multiconnect_mc, undated; D-n: docs/decisions.md"


def dollars(usd: float | None) -> str:
    """Return dollars for people.

    Example:
        >>> dollars(1219.9), dollars(None)
        ('USD 1,220', 'not known')
    """
    return "not known" if usd is None else f"USD {usd:,.0f}"


def _span(least: str, most: str, same: bool) -> str:
    return least if same else f"{least} to {most}"


def summary(plan: Plan) -> list[tuple[str, str]]:
    """Return what a plan says as (name, figure) pairs, for tables of any kind."""
    hosts, db, need, cost = plan.hosts, plan.database, plan.connections, plan.monthly_cost
    encrypted = "with" if plan.tls else "without"
    running = _span(str(hosts.minimum), str(hosts.maximum), hosts.minimum == hosts.maximum)
    if cost.at_cap is None:
        least, most = dollars(cost.known_at_minimum), dollars(cost.known_at_cap)
        money = f"not known in full; items with a known price {_span(least, most, least == most)}"
    else:
        money = _span(dollars(cost.at_minimum), f"{dollars(cost.at_cap)} at the cap", cost.at_minimum == cost.at_cap)
    return [
        ("Active coreapps", f"{plan.active_coreapps} + {plan.spares} spare, {plan.messages_per_second:g} messages/s"),
        ("Web, master", f"{plan.webs}, {plan.masters}"),
        ("Hosts", f"{running} x {hosts.instance_type}, {hosts.availability_zones} zones"),
        (
            "Database",
            f"{db.instance_class} ({db.engine}{', Multi-AZ' if db.multi_az else ''}), {db.max_connections} connections",
        ),
        (
            "Connections",
            f"{need.expected} expected, {need.low} to {need.high}, {encrypted} TLS ({100 * db.utilization:.0f} %)",
        ),
        ("Cost a month", money),
    ]


def table(plan: Plan) -> str:
    """Return a plan as a table of two columns for a terminal."""
    pairs = summary(plan)
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name:{width}}  {figure}" for name, figure in pairs)


def explain(plan: Plan) -> str:
    """Return the plan's reasons, its facts with source and date, its cost and its runners-up.

    Args:
        plan: A plan.

    Returns:
        Text, one statement a line.
    """
    host, db = host_types()[plan.hosts.instance_type], database_classes()[plan.database.instance_class]
    region = next(rows("database_regions", plan.engine, plan.region))
    lines = [f"Why ({CITATIONS})", *(f"  {reason}" for reason in plan.reasons), "", "Facts"]
    lines += [
        f"  {host.name}: {host.vcpu} vCPU, {host.memory_mib} MiB ({source_text(host.source)}, {host.as_of})",
        f"  {host.name}: {plan.hosts.tasks_per_host} tasks a host ({source_text(host.limit_source)})",
        f"  {db.name}: {db.vcpu} vCPU, {db.memory_gib:g} GiB, {db.status} ({source_text(db.source)}, {db.as_of})",
        f"  {db.name}: {plan.database.max_connections} connections ({ENGINES[plan.engine].limit_source})",
        f"  {plan.engine} classes of {plan.region} ({source_text(region[4])}, {region[3]})",
        f"  connections {plan.connections.low} to {plan.connections.high} ({plan.connections.source})",
    ]
    cost = plan.monthly_cost
    lines += ["", f"Cost of a month of 730 hours in {cost.region}, on demand, without data transfer"]
    lines += [_cost_line(item) for item in cost.items]
    lines += [f"{_cost_line(item)}, at the minimum of {plan.hosts.minimum}" for item in cost.hosts_at_minimum]
    lines += [f"{_cost_line(item)}, at the cap of {plan.hosts.maximum}" for item in cost.hosts_at_cap]
    lines += ["", "Runners-up"]
    lines += [
        f"  {each.kind} {each.name}: {each.reason}"
        + ("" if each.usd_per_hour is None else f" (USD {each.usd_per_hour:g} an hour)")
        for each in plan.alternatives
    ]
    return "\n".join(lines)


def _cost_line(item: CostItem) -> str:
    if item.usd is None:
        return f"  {item.name}: {item.quantity:g} {item.unit}, {item.note}"
    return f"  {item.name}: {item.quantity:g} {item.unit} x {item.usd_per_unit:g} = USD {item.usd:,.2f} ({item.note})"
