"""What a plan costs beside the published release's own choices, at the same capacity.

The release ran db.m4.2xlarge for 8 active coreapps without TLS and db.m4.4xlarge for 32 with it (M-19), on c4.4xlarge
hosts (its high-throughput settings), up to the caps of M-17. Both sides are priced with the same tables: us-east-1, on
demand, Multi-AZ database, hosts at the cap, the same storage and volumes. What both share (NAT, load balancer, EFS,
endpoints, logs) is left out, since it would only flatter the ratio.

Run: python benchmarks/cost.py. Exit status 1 when a ratio is above the goal of 60 %.
"""

from __future__ import annotations

import sys

import sizing
from sizing.facts.published import RELEASE_CLASSES, RELEASE_HOST
from sizing.planning.cost import MonthlyCost, monthly_cost

GOAL = 0.60
RATES = {8: 100, 32: 250}  # messages/s of M-18


def compared(cost: MonthlyCost) -> tuple[float, float]:
    """Return dollars a month of hosts at the cap with their volumes, and of the database with its storage."""

    def known(usd: float | None) -> float:
        assert usd is not None
        return usd

    database = [item for item in cost.items if item.name.startswith("database")]
    return sum(known(item.usd) for item in cost.hosts_at_cap), sum(known(item.usd) for item in database)


def main() -> int:
    """Print one row for each published pair and return whether the goal is met."""
    worst = 0.0
    print(f"{'':34}{'hosts':>10}{'database':>10}{'together':>10}")
    for (active, tls), released_class in RELEASE_CLASSES.items():
        plan = sizing.plan(active, RATES[active], tls=tls)
        release = monthly_cost(
            region=plan.region,
            engine=plan.engine,
            instance_class=released_class,
            multi_az=True,
            storage_gib=plan.database.storage_gib,
            host_type=RELEASE_HOST,
            hosts_minimum=plan.hosts.minimum,
            hosts_maximum=plan.hosts.maximum,
            nat_gateways=0,
            interface_endpoints=0,
        )
        totals = []
        print(f"{active} active, {RATES[active]} messages/s, TLS {'on' if tls else 'off'}, {plan.hosts.maximum} hosts")
        for name, cost in (
            (f"  release: {RELEASE_HOST}, {released_class}", release),
            (f"  plan: {plan.hosts.instance_type}, {plan.database.instance_class}", plan.monthly_cost),
        ):
            hosts, database = compared(cost)
            totals.append(hosts + database)
            print(f"{name:34}{hosts:10,.0f}{database:10,.0f}{totals[-1]:10,.0f}")
        ratio = totals[1] / totals[0]
        worst = max(worst, ratio)
        print(f"{'  ratio':54}{100 * ratio:8.0f} %   goal at most {100 * GOAL:.0f} %")
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())
