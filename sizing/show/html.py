"""Small tables for notebooks: no script, no colour of their own but a neutral line, so they read on light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sizing.connections.estimate import ConnectionEstimate
    from sizing.planning.model import Alternative, Plan

_CELL = "padding:2px 10px;text-align:left;border-bottom:1px solid #8886"


def _table(caption: str, head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f'<{tag} style="{_CELL}">{escape(cell)}</{tag}>' for cell in cells) + "</tr>"

    header = row(head, "th") if head else ""
    return (
        f'<table style="border-collapse:collapse"><caption style="text-align:left;font-weight:bold">{escape(caption)}'
        f"</caption>{header}{''.join(row(cells, 'td') for cells in body)}</table>"
    )


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


def plan_html(plan: Plan) -> str:
    """Return a plan as a table of six rows."""
    return _table(f"Plan for {plan.environment} in {plan.region}", (), summary(plan))


def estimate_html(estimate: ConnectionEstimate) -> str:
    """Return a connection estimate as a table."""
    row = (str(estimate.low), str(estimate.expected), str(estimate.high), estimate.source)
    note = ", extrapolated" if estimate.extrapolated else ""
    caption = (
        f"Connections of {estimate.active_coreapps} coreapps at {estimate.messages_per_second:g} messages/s, "
        f"TLS {'on' if estimate.tls else 'off'}{note}"
    )
    return _table(caption, ("low", "expected", "high", "source"), [row])


def alternatives_html(alternatives: Sequence[Alternative]) -> str:
    """Return the runners-up as a table."""
    return _table(
        "Runners-up",
        ("kind", "name", "USD an hour", "why it lost"),
        [
            (each.kind, each.name, "" if each.usd_per_hour is None else f"{each.usd_per_hour:g}", each.reason)
            for each in alternatives
        ],
    )
