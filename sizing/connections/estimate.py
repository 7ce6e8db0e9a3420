"""How many database connections a cluster needs, by the published points (M-18, D-2)."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, isfinite
from typing import Final, NamedTuple, Protocol

from sizing.door import show
from sizing.errors import Problem, SizingError
from sizing.facts import published

# Takes away the rounding noise of a sum of three floats (below 1e-9 here) before going to whole connections.
NOISE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class ConnectionEstimate:
    """Database connections that a cluster needs.

    Attributes:
        low: Least number the evidence allows.
        expected: Number to plan for.
        high: Greatest number the evidence allows.
        extrapolated: True outside the evidence; for the published points, 1-32 coreapps and 0-250 messages/s.
        active_coreapps: Active coreapps it is for.
        messages_per_second: Rate it is for.
        tls: Whether connections to the database are encrypted.
        source: Where the numbers come from.
    """

    low: int
    expected: int
    high: int
    extrapolated: bool
    active_coreapps: int
    messages_per_second: float
    tls: bool
    source: str = "M-18: 700 at 8 coreapps and 100/s, 1200 with TLS, 1700 at 32 and 250/s"

    def _repr_html_(self) -> str:
        """Return a small table for a notebook."""
        return str(show("html", "estimate_html", self))


class Estimator(Protocol):
    """What `plan(model=...)` takes: anything that estimates connections."""

    def estimate(self, active_coreapps: int, messages_per_second: float, tls: bool) -> ConnectionEstimate:
        """Return the connections of a cluster."""
        ...


class Line(NamedTuple):
    """Connections as `constant + per_coreapp * active + per_message * rate`."""

    constant: float
    per_coreapp: float
    per_message: float
    paired: bool  # reads the third point of M-18 with TLS on, as M-19 pairs it

    def at(self, active: int, rate: float) -> float:
        """Return the connections of `active` coreapps at `rate` messages/s."""
        return self.constant + self.per_coreapp * active + self.per_message * rate


def _ends(third: float, paired: bool) -> list[Line]:
    """Return the two ends of all non-negative lines through the first point of M-18 and `third` at its third.

    Two points leave one of three coefficients free. Everything is linear in it, so at any question the least and the
    greatest value lie at the ends. No line is left when `third` is below the first point: more coreapps and more
    messages would need fewer connections.
    """
    coreapps, rate, first = published.CONNECTIONS_OFF
    more_coreapps = published.CONNECTIONS_UNSTATED[0] - coreapps
    more_rate = published.CONNECTIONS_UNSTATED[1] - rate
    rise = third - first
    if rise < 0:
        return []
    lines = []
    for per_coreapp in (0.0, rise / more_coreapps):
        per_message = (rise - more_coreapps * per_coreapp) / more_rate
        lines.append(Line(first - coreapps * per_coreapp - rate * per_message, per_coreapp, per_message, paired))
    return lines


def _family(tls: bool) -> tuple[Line, ...]:
    """Return the ends of every reading of M-18: what TLS costs, four ways, and whether the third point had it."""
    coreapps, rate, off = published.CONNECTIONS_OFF
    far_coreapps, far_rate, third = published.CONNECTIONS_UNSTATED
    extra = published.CONNECTIONS_ON[2] - off
    lines: list[Line] = []
    # TLS as a factor, a constant, a cost per coreapp, a cost per message/s.
    for factor, constant, per_coreapp, per_message in (
        (published.CONNECTIONS_ON[2] / off, 0.0, 0.0, 0.0),
        (1.0, float(extra), 0.0, 0.0),
        (1.0, 0.0, extra / coreapps, 0.0),
        (1.0, 0.0, 0.0, extra / rate),
    ):
        with_tls = (third - constant - per_coreapp * far_coreapps - per_message * far_rate) / factor
        for line in _ends(third, paired=False) + _ends(with_tls, paired=True):
            if tls:
                lines.append(
                    Line(
                        factor * line.constant + constant,
                        factor * line.per_coreapp + per_coreapp,
                        factor * line.per_message + per_message,
                        line.paired,
                    )
                )
            elif line not in lines:
                lines.append(line)
    return tuple(lines)


FAMILIES: Final = {tls: _family(tls) for tls in (False, True)}
"""TLS to the ends of the family of D-2: 6 lines without TLS, 12 with it."""


def extrapolates(active_coreapps: int, messages_per_second: float) -> bool:
    """Return whether a question lies outside the published points: 1-32 coreapps, 0-250 messages/s."""
    return active_coreapps > published.CONNECTIONS_UNSTATED[0] or messages_per_second > published.SUPPORTED_RATE


def estimate_connections(active_coreapps: int, messages_per_second: float, tls: bool = True) -> ConnectionEstimate:
    """Estimate the database connections of a cluster, with what is not known about it (M-18, D-2).

    M-18 gives three points and leaves open whether the third had TLS. All non-negative lines through them are taken,
    with TLS as a factor, a constant, a cost per coreapp or a cost per message/s, and the third point read either way.
    `low` and `high` are the least and the greatest of them. `expected` is the middle of those that read the third
    point with TLS on, as M-19 pairs it; it is exact at the published points.

    Args:
        active_coreapps: Active coreapps, 1 or more; beyond 32 it extrapolates.
        messages_per_second: API rate in messages/s, 0 or more; beyond 250 it extrapolates.
        tls: Whether connections to the database are encrypted. Default True.

    Returns:
        Whole connections `low <= expected <= high`; none falls when coreapps or rate grow.

    Raises:
        SizingError: For a number that is not positive or not finite; all at once.

    Example:
        >>> estimate = estimate_connections(32, 250)
        >>> estimate.low, estimate.expected, estimate.high
        (1700, 1700, 3700)
        >>> estimate_connections(8, 100, tls=False).high
        700
    """
    problems = []
    if not isinstance(active_coreapps, int) or isinstance(active_coreapps, bool) or active_coreapps < 1:
        problems.append(Problem("active_coreapps", active_coreapps, "a whole number from 1"))
    if not is_rate(messages_per_second):
        problems.append(Problem("messages_per_second", messages_per_second, "a finite number from 0"))
    if not isinstance(tls, bool):
        problems.append(Problem("tls", tls, "True or False"))
    if problems:
        raise SizingError(problems)
    values = [(line.at(active_coreapps, messages_per_second), line.paired) for line in FAMILIES[tls]]
    paired = [value for value, is_paired in values if is_paired]
    return ConnectionEstimate(
        low=floor(min(value for value, _ in values) + NOISE),
        expected=floor((min(paired) + max(paired)) / 2 + (0.5 + NOISE)),
        high=ceil(max(value for value, _ in values) - NOISE),
        extrapolated=extrapolates(active_coreapps, messages_per_second),
        active_coreapps=active_coreapps,
        messages_per_second=messages_per_second,
        tls=tls,
    )


def is_rate(value: object) -> bool:
    """Return whether `value` can be a rate: a finite number from 0, not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= 0
