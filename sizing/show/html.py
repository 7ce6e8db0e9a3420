"""Small tables for notebooks: no script, no colour of their own but a neutral line, so they read on light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from sizing.show.text import summary

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
