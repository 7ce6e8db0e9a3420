"""Pictures of plans and sweeps, with matplotlib (an extra). Dark on white, so that they read on any page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from sizing.connections.estimate import estimate_connections
from sizing.errors import Problem, SizingError
from sizing.facts import published
from sizing.planning.choice import EXPECTED_PERCENT, HIGH_PERCENT
from sizing.planning.plan import max_hosts
from sizing.planning.plan import plan as make_plan
from sizing.reliability import DEFAULT_FAILURES, Failures, availability, layout

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

    from sizing.planning.model import Plan

# Okabe and Ito's palette: these colours differ for every kind of colour vision (https://jfly.uni-koeln.de/color/).
BLUE: Final = "#0072b2"
ORANGE: Final = "#d55e00"
GREEN: Final = "#009e73"
GREY: Final = "#666666"


def _axes(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.5, 4.2), dpi=110, layout="constrained", facecolor="white")
    axes = figure.add_subplot(facecolor="white")
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e0e0e0")
    axes.set_axisbelow(True)
    return figure, axes


def connections(plan: Plan) -> Figure:
    """Draw a plan's connections against the rate, with the interval and what its database class allows.

    Args:
        plan: The plan.

    Returns:
        A matplotlib figure.
    """
    top = max(350.0, 1.15 * plan.messages_per_second)
    estimate = plan.model.estimate if plan.model else estimate_connections
    rate = np.linspace(0, top, 351)
    every = [estimate(plan.active_coreapps, float(each), plan.tls) for each in rate]
    low, expected, high = (np.array([getattr(each, name) for each in every]) for name in ("low", "expected", "high"))
    encrypted = "with" if plan.tls else "without"
    figure, axes = _axes(
        f"Database connections of {plan.active_coreapps} active coreapps {encrypted} TLS", "messages/s", "connections"
    )
    axes.fill_between(rate, low, high, color=BLUE, alpha=0.2, linewidth=0, label="low to high")
    axes.plot(rate, expected, color=BLUE, label="expected")
    limit = plan.database.max_connections
    for percent, style in ((EXPECTED_PERCENT, "--"), (HIGH_PERCENT, ":")):
        name = "expected" if percent == EXPECTED_PERCENT else "high"
        axes.axhline(percent / 100 * limit, color=ORANGE, linestyle=style, linewidth=1.2)
        axes.annotate(
            f"{percent} % of {plan.database.instance_class}'s {limit}: the most for {name}",
            (0.01, percent / 100 * limit),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            color=ORANGE,
            fontsize=8,
        )
    need = plan.connections
    axes.errorbar(
        plan.messages_per_second,
        need.expected,
        yerr=[[need.expected - need.low], [need.high - need.expected]],
        color="black",
        marker="o",
        capsize=4,
        linestyle="none",
        label=f"the plan: {need.expected}, {need.low} to {need.high}",
    )
    beyond = [each.extrapolated for each in every]
    if any(beyond):
        whole = axes.get_xaxis_transform()
        axes.fill_between(
            rate, 0, 1, where=beyond, transform=whole, color=GREY, alpha=0.1, linewidth=0, label="extrapolated"
        )
    axes.set_xlim(0, top)
    axes.set_ylim(0, max(int(high.max()), limit) * 1.12)
    axes.legend(loc="lower right", fontsize=8, frameon=True, framealpha=0.9)
    return figure


def cost(frame: pd.DataFrame) -> Figure:
    """Draw the cost of a sweep against throughput, hosts at the minimum and at the cap.

    Args:
        frame: What `sizing.sweep` returned, for one TLS, engine and region, such as
            `sizing.sweep(messages_per_second=range(351))`.

    Returns:
        A matplotlib figure.

    Raises:
        SizingError: When the frame mixes regions, engines or encryptions, or no total is known.
    """
    known: Any = frame.sort_values("messages_per_second")
    mixed = [column for column in ("tls", "engine", "region") if known[column].nunique() != 1]
    if mixed or not known.usd_at_cap.notna().any():
        allowed = f"one value of {', '.join(mixed)}" if mixed else "a region with known prices"
        raise SizingError([Problem("frame", f"{len(frame)} rows", allowed)])
    figure, axes = _axes(
        f"Cost of a cluster in {known.region.iloc[0]}, {known.engine.iloc[0]}", "messages/s", "US dollars a month"
    )
    rate = known.messages_per_second
    axes.fill_between(rate, known.usd_at_minimum, known.usd_at_cap, color=BLUE, alpha=0.2, linewidth=0, step="post")
    axes.step(rate, known.usd_at_cap, where="post", color=BLUE, label="hosts at the cap")
    axes.step(rate, known.usd_at_minimum, where="post", color=BLUE, linestyle="--", label="hosts at the minimum")
    axes.set_xlim(float(rate.min()), float(rate.max()))
    axes.set_ylim(0, float(known.usd_at_cap.max()) * 1.9)
    # Where class or coreapps change: a vertical line, and beside it, upright, the new values.
    begins = (known.instance_class.ne(known.instance_class.shift())) | (
        known.active_coreapps.ne(known.active_coreapps.shift())
    )
    for row in known[begins].itertuples():
        axes.axvline(row.messages_per_second, color=GREY, linewidth=0.6, linestyle=":")
        axes.annotate(
            f"{row.active_coreapps} coreapps, {row.instance_class}",
            (row.messages_per_second, 0.99),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            rotation="vertical",
            va="top",
            fontsize=7.5,
            color="black",
        )
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.legend(loc="lower right", fontsize=8)
    return figure


def hosts(environment: str = "production", **options: Any) -> Figure:
    """Draw hosts against coreapps: what the fleet needs, with one lost, and the caps of M-17.

    Args:
        environment: "production" (default) or "staging".
        **options: Any other keyword of `plan`.

    Returns:
        A matplotlib figure.
    """
    figure, axes = _axes(f"Hosts in {environment}", "active coreapps", "hosts")
    counts = published.SHARD_COUNTS
    plans = [make_plan(active, environment=environment, **options) for active in counts]
    places = np.arange(len(counts))
    needed = [_needed(each) for each in plans]
    axes.bar(places, needed, 0.5, color=BLUE, label="hold the fleet")
    axes.bar(places, 1, 0.5, bottom=needed, color=GREEN, label="one more, so that one can be lost")
    axes.plot(places, [max_hosts(active, environment) for active in counts], "_", ms=42, mew=2.5, color=ORANGE)
    axes.plot([], [], color=ORANGE, linewidth=2.5, label="cap (M-17; for 1, the default)")
    axes.axhline(plans[0].hosts.minimum, color=GREY, linestyle="--", linewidth=1, label="minimum (M-16)")
    axes.set_xticks(places, [f"{each.active_coreapps}\n{each.hosts.instance_type}" for each in plans])
    axes.set_ylim(0, plans[-1].hosts.maximum + 1.5)
    axes.legend(loc="upper left", fontsize=8)
    return figure


def _needed(plan: Plan) -> int:
    """Return the least hosts that hold the plan's tasks, on a real placement."""
    for count in range(1, plan.hosts.maximum):
        try:
            layout(plan, count)
        except SizingError:
            continue
        return count
    return plan.hosts.maximum


def nines(plans: Sequence[Plan], failures: Failures = DEFAULT_FAILURES) -> Figure:
    """Draw what a shard's availability costs: minutes a month unserved against dollars a month, a point a plan.

    Args:
        plans: Plans that differ in their spares; all with known prices.
        failures: Rates and times. Default: see `Failures`.

    Returns:
        A matplotlib figure.

    Raises:
        SizingError: When a plan has no total cost.
    """
    unpriced = [each.region for each in plans if each.monthly_cost.at_cap is None]
    if unpriced or not plans:
        raise SizingError([Problem("plans", unpriced, "one or more plans in a region with known prices")])
    figure, axes = _axes(
        f"What one more nine costs, {plans[0].active_coreapps} active coreapps",
        "US dollars a month at the cap",
        "unserved minutes a shard and month",
    )
    found = [availability(each, failures) for each in plans]
    dollars = [each.monthly_cost.at_cap or 0.0 for each in plans]
    minutes = [each.unavailable_minutes for each in found]
    axes.plot(dollars, minutes, color=BLUE, marker="o", linewidth=0, label="expected")
    floor = min(each.failover_minutes for each in found)
    axes.axhline(floor, color=ORANGE, linestyle="--", linewidth=1.2, label="fail-over alone, which no spare shortens")
    for each, x, y in zip(plans, dollars, minutes, strict=True):
        text = f"{each.spares} spare{'' if each.spares == 1 else 's'}, {each.hosts.instance_type}"
        axes.annotate(text, (x, y), xytext=(7, 4), textcoords="offset points", fontsize=8)
    axes.set_yscale("log")
    for axis in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        axis(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    # The label of the last point stands to its right and needs room inside the axes.
    spread = max(max(dollars) - min(dollars), 0.05 * max(dollars))
    axes.set_xlim(min(dollars) - 0.1 * spread, max(dollars) + 0.4 * spread)
    axes.margins(y=0.15)
    axes.legend(loc="upper right", fontsize=8)
    return figure
