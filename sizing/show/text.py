"""Every figure of a plan with its source and date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sizing.facts.catalogue import database_classes, host_types, rows, source_text

if TYPE_CHECKING:
    from sizing.planning.cost import CostItem
    from sizing.planning.model import Plan

CITATIONS = "M-n: developers.facebook.com/docs/whatsapp/multiconnect_mc, undated; D-n: docs/decisions.md"


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
        f"  {db.name}: {plan.database.max_connections} connections ({_LIMIT_SOURCES[plan.engine]})",
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


_LIMIT_SOURCES = {
    "mysql": "the rule behind M-20, memory * 10^9 / 12582880 bytes",
    "postgres": "LEAST(usable memory / 9531392, 5000), "
    "docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html, late 2025",
    "aurora-mysql": "the documented table, "
    "docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Managing.Performance.html, late 2025",
}


def _cost_line(item: CostItem) -> str:
    if item.usd is None:
        return f"  {item.name}: {item.quantity:g} {item.unit}, {item.note}"
    return f"  {item.name}: {item.quantity:g} {item.unit} x {item.usd_per_unit:g} = USD {item.usd:,.2f} ({item.note})"
