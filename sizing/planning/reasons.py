"""Why a plan is as it is, as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sizing.facts import catalogue, published

if TYPE_CHECKING:
    from sizing.planning.model import Plan
    from sizing.planning.request import Request

VENDOR_MAP = "the vendor's published AWS map (src/aws/wa_ent.yml of its last templates)"


def reasons(request: Request, plan: Plan, host_prices: str | None, class_prices: str | None) -> tuple[str, ...]:
    """Return the reasons of a plan.

    Args:
        request: What was asked.
        plan: The plan without its reasons.
        host_prices: Region whose prices ranked the hosts; None when one was asked for.
        class_prices: The same for the database classes.

    Returns:
        Sentences, in the order in which the plan was made.
    """
    return (
        *_counts(request, plan),
        *_hosts(plan, host_prices),
        *_database(request, plan, class_prices),
    )


def _counts(request: Request, plan: Plan) -> list[str]:
    active, rate = plan.active_coreapps, plan.messages_per_second
    said = []
    if request.active_coreapps is not None:
        said.append(f"{active} active coreapps as asked; Set Shards takes the same number (M-20a).")
    elif request.messages_per_second is not None:
        said.append(f"{active} active coreapps because {VENDOR_MAP} gives {active} shards for {rate:g} messages/s.")
    else:
        said.append(f"{active} active coreapps, the default of {plan.environment} (M-16).")
    if request.messages_per_second is None and active == 1:
        said.append(f"{rate:g} messages/s, where {VENDOR_MAP} begins; it has no row for 1.")
    elif request.messages_per_second is None:
        said.append(f"{rate:g} messages/s, the greatest supported rate that {VENDOR_MAP} associates with {active}.")
    elif (needed := _shards_by_map(rate)) is None:
        said.append(f"{rate:g} messages/s is beyond {VENDOR_MAP}; nothing published backs it.")
    elif needed > active:
        said.append(f"Too few for the rate by {VENDOR_MAP}: it gives {needed} shards for {rate:g} messages/s.")
    if plan.spares:
        said.append(f"{plan.coreapps} coreapps: {active} active and {plan.spares} spare (M-5, M-15).")
    else:
        said.append(f"{plan.coreapps} coreapps and no spare: a failed coreapp leaves its shard unserved (M-7).")
    if (most := plan.hosts.coreapps_per_host) > plan.spares > 0:
        said.append(
            f"Up to {most} coreapps share a host at the cap: losing it leaves {most - plan.spares} of {active} shards "
            "unserved until ECS has started the lost coreapps elsewhere."
        )
    said.append(f"{plan.webs} web and {plan.masters} master containers ({plan.environment}: M-16 unless asked).")
    return said


def _shards_by_map(rate: float) -> int | None:
    return next((shards for most, shards in published.RATE_TO_COREAPPS if rate <= most), None)


def _hosts(plan: Plan, price_region: str | None) -> list[str]:
    hosts, tasks = plan.hosts, plan.tasks
    reserved = sum(tier.count * tier.memory_reservation_mib for tier in (tasks.coreapp, tasks.webapp, tasks.master))
    cap = (
        "the cap of M-17" if plan.active_coreapps in published.HOST_CAPS else "the default of M-16, as M-17 has no cap"
    )
    chosen = "as asked" if price_region is None else f"the cheapest with a price for {price_region} that fits"
    trunking = "with" if hosts.eni_trunking else "without"
    said = [
        f"{hosts.minimum} to {hosts.maximum} hosts: {cap} for {plan.active_coreapps} active coreapps.",
        f"{hosts.instance_type}, {chosen}: the fleet reserves {reserved} MiB and a host has {hosts.task_memory_mib} of "
        f"its {hosts.memory_mib} MiB for tasks, so {hosts.maximum} hosts hold it with one lost (D-1).",
        f"{hosts.tasks_per_host} tasks a host {trunking} ENI trunking (D-4); with every host up, "
        f"{hosts.spare_coreapps} more coreapps fit for a rolling deployment.",
        f"{hosts.maximum * hosts.vcpu} vCPU at the cap for {plan.coreapps} coreapps; the vendor's cost-effective "
        "layout has 1 for each (host_vcpu_per_coreapp asks for more).",
    ]
    if price_region not in (None, plan.region):
        said.append(f"{plan.region} has no price here for a type that fits; {price_region} prices ranked them.")
    if plan.region not in catalogue.HOST_REGIONS:
        said.append(f"Whether {plan.region} offers {hosts.instance_type} is not known here.")
    return said


def _database(request: Request, plan: Plan, price_region: str | None) -> list[str]:
    need, db = plan.connections, plan.database
    tls = "with" if plan.tls else "without"
    spread = f"{need.low} to {need.high}" if need.low < need.high else "no spread"
    said = [
        f"{need.expected} database connections expected ({spread}) {tls} TLS at {plan.messages_per_second:g} "
        f"messages/s; {need.source}."
    ]
    if need.extrapolated:
        said.append("That extrapolates: no observation reaches so far.")
    chosen = "as asked" if price_region is None else f"the cheapest with a price for {price_region} that fits"
    said.append(
        f"{db.instance_class}, {chosen}: {db.max_connections} connections, of which {100 * db.utilization:.0f} % "
        f"expected (at most 50) and {100 * need.high / db.max_connections:.0f} % at the high end (at most 90), "
        f"and {db.vcpu} vCPU (D-3)."
    )
    if price_region not in (None, plan.region):
        said.append(f"{plan.region} has no price here for a class that fits; {price_region} prices ranked them.")
    if request.historical:
        said.append("Historical comparison: retired classes took part, which cannot be created any more.")
    return said
