"""Connections fitted to a user's own observations, with an interval that says how far to trust them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, floor, isfinite, sqrt
from statistics import NormalDist
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray

from sizing.connections.estimate import NOISE, ConnectionEstimate
from sizing.errors import Problem, SizingError

COLUMNS: Final = ("coreapps", "rate", "tls", "connections")
LEAST_OBSERVATIONS: Final = 8
"""For each encryption: three coefficients and five to judge them by."""
OUTLIER_CHANCE: Final = 0.01
"""Chance that a whole set of good observations has one called an outlier."""
MOST_OUTLIERS: Final = 0.1
"""Share of outliers above which the observations contradict each other."""
FALLING: Final = 3.0
"""Standard errors below zero at which a coefficient counts as truly negative."""
MOST_SCATTER: Final = 0.25
"""Scatter, as a share of the mean, above which coreapps and rate explain too little."""

Floats = NDArray[np.float64]


class Outlier(NamedTuple):
    """An observation that the others do not support; it is left out of the fit.

    Attributes:
        label: Its label in the DataFrame's index.
        coreapps: Active coreapps.
        rate: Messages/s.
        tls: Whether connections were encrypted.
        connections: What was observed.
        expected: What the others let expect.
    """

    label: Any
    coreapps: int
    rate: float
    tls: bool
    connections: float
    expected: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A plane through the observations of one encryption.

    Attributes:
        constant: Connections without coreapps and messages.
        per_coreapp: Connections for each active coreapp.
        per_message: Connections for each message/s.
        scatter: Standard deviation of an observation around the plane.
        freedom: Degrees of freedom.
        used: Which of the three coefficients are in the fit.
        inverse: Inverse of the normal matrix of the used ones.
        coreapps: Least and greatest number of coreapps observed.
        rates: Least and greatest rate observed.
        observations: Observations in the fit.
    """

    constant: float
    per_coreapp: float
    per_message: float
    scatter: float
    freedom: int
    used: tuple[int, ...]
    inverse: tuple[tuple[float, ...], ...]
    coreapps: tuple[int, int]
    rates: tuple[float, float]
    observations: int


@dataclass(frozen=True, slots=True)
class ConnectionModel:
    """What `calibrate` returns and `plan(model=...)` takes.

    Attributes:
        fits: Encryption to its fit.
        level: Chance that one new observation lies between `low` and `high`.
        outliers: Observations that were left out.
    """

    fits: Mapping[bool, Fit]
    level: float
    outliers: tuple[Outlier, ...]

    def estimate(self, active_coreapps: int, messages_per_second: float, tls: bool) -> ConnectionEstimate:
        """Return the connections of a cluster.

        Args:
            active_coreapps: Active coreapps.
            messages_per_second: Rate in messages/s.
            tls: Whether connections to the database are encrypted.

        Returns:
            `low` and `high` hold a new observation with the chance `level`.

        Raises:
            SizingError: When nothing was observed with that encryption, or at one number of coreapps only and another
                is asked for.
        """
        fit = self.fits.get(tls)
        if fit is None:
            seen = ", ".join(str(each) for each in self.fits)
            raise SizingError([Problem("tls", tls, f"{seen}: the model has observations of no other")])
        least, most = fit.coreapps
        if least == most != active_coreapps:
            allowed = f"{least}: every observation has {least} coreapps; observe another size as well"
            raise SizingError([Problem("active_coreapps", active_coreapps, allowed)])
        expected = fit.constant + fit.per_coreapp * active_coreapps + fit.per_message * messages_per_second
        at = np.array([1.0, active_coreapps, messages_per_second])[list(fit.used)]
        leverage = float(at @ np.array(fit.inverse) @ at)
        reach = _student(fit.freedom, self.level) * fit.scatter * sqrt(1 + leverage)
        return ConnectionEstimate(
            low=max(0, floor(expected - reach + NOISE)),
            expected=max(0, round(expected)),
            high=ceil(expected + reach - NOISE),
            extrapolated=not (least <= active_coreapps <= most and fit.rates[0] <= messages_per_second <= fit.rates[1]),
            active_coreapps=active_coreapps,
            messages_per_second=messages_per_second,
            tls=tls,
            source=f"{fit.observations} observations of your own, {100 * self.level:g} % interval",
        )


def calibrate(observations: pd.DataFrame, level: float = 0.95) -> ConnectionModel:
    """Fit connections to observations: `constant + per_coreapp * coreapps + per_message * rate`, none negative.

    Each encryption is fitted by itself, so nothing is assumed about what TLS costs. Observations that the others do not
    support are left out and named.

    Args:
        observations: One row an observation: `coreapps` (active coreapps), `rate` (messages/s), `tls` (bool) and
            `connections`. At least 8 rows for each encryption, at two or more rates or numbers of coreapps.
        level: Chance that one new observation lies in the interval. Default 0.95.

    Returns:
        A model for `plan(model=...)`.

    Raises:
        SizingError: For missing columns, bad values, too few or contradictory observations; all at once.

    Example:
        >>> table = pd.DataFrame({"coreapps": [2, 2, 4, 4, 8, 8, 16, 16], "rate": [10, 20, 20, 40, 40, 80, 80, 160]})
        >>> table["tls"] = True
        >>> table["connections"] = 100 + 20 * table.coreapps + 3 * table.rate + [1, -1, 2, -2, 1, -1, 1, -1]
        >>> calibrate(table).estimate(8, 60, True).expected
        440
    """
    if problems := _problems_of(observations, level):
        raise SizingError(problems)
    table: Any = observations
    encrypted, seen = table["tls"].to_numpy(np.bool_), table["connections"].to_numpy(np.float64)
    design = np.column_stack([np.ones(len(seen)), table[["coreapps", "rate"]].to_numpy(np.float64)])
    labels = list(table.index)
    fits: dict[bool, Fit] = {}
    outliers: list[Outlier] = []
    for tls in (False, True):
        rows = np.flatnonzero(encrypted == tls)
        if not rows.size:
            continue
        fit, left_out, allowed = _fit(design[rows], seen[rows], [labels[row] for row in rows])
        if fit is None:
            problems.append(Problem("observations", f"{len(rows)} rows with tls={tls}", allowed))
            continue
        fits[tls] = fit
        for row in rows[left_out]:
            _, coreapps, rate = map(float, design[row])
            expected = fit.constant + fit.per_coreapp * coreapps + fit.per_message * rate
            outliers.append(Outlier(labels[row], int(coreapps), rate, tls, float(seen[row]), expected))
    if problems:
        raise SizingError(problems)
    return ConnectionModel(fits, level, tuple(outliers))


def _problems_of(observations: Any, level: object) -> list[Problem]:
    problems = []
    if not isinstance(level, float) or not 0.5 <= level < 1:
        problems.append(Problem("level", level, "0.5 up to but not with 1, such as 0.95"))
    if not isinstance(observations, pd.DataFrame):
        allowed = f"a DataFrame with the columns {', '.join(COLUMNS)}"
        return [*problems, Problem("observations", type(observations).__name__, allowed)]
    missing = [column for column in COLUMNS if column not in observations]
    if missing:
        allowed = f"a DataFrame with the columns {', '.join(COLUMNS)}; add {', '.join(missing)}"
        return [*problems, Problem("observations", list(observations.columns), allowed)]
    if observations.empty:
        allowed = f"{LEAST_OBSERVATIONS} or more rows; observe longer"
        return [*problems, Problem("observations", "no rows", allowed)]
    tests: dict[str, Callable[[Any], bool]] = {
        "coreapps": lambda value: isfinite(value) and value >= 1 and value == int(value),
        "rate": lambda value: isfinite(value) and value >= 0,
        "tls": lambda value: value in (True, False),
        "connections": lambda value: isfinite(value) and value >= 0,
    }
    values = {"coreapps": "whole numbers from 1", "tls": "True or False"}
    for column, good in tests.items():
        for label, value in observations[column].items():
            try:
                fine = good(value)
            except (TypeError, ValueError):
                fine = False
            if not fine:
                allowed = f"{values.get(column, 'finite numbers from 0')} in {column}; see row {label!r}"
                problems.append(Problem("observations", value, allowed))
                break
    return problems


def _fit(design: Floats, seen: Floats, labels: Sequence[Any]) -> tuple[Fit | None, list[int], str]:
    """Return the fit of one encryption and the places of its outliers, or None and what is allowed instead.

    Args:
        design: One row an observation: 1, coreapps, rate.
        seen: Its connections.
        labels: Its label, for a message.
    """
    kept = np.arange(len(seen))
    left_out: list[int] = []
    while True:
        if len(kept) < LEAST_OBSERVATIONS:
            return None, [], f"{LEAST_OBSERVATIONS} or more rows; observe longer"
        rows, connections = design[kept], seen[kept]
        if not np.ptp(rows, axis=0).any():
            return None, [], "rows at two or more rates or numbers of coreapps; observe at other loads"
        used, coefficients = _least_squares(rows, connections)
        part = rows[:, used]
        residuals = connections - part @ coefficients
        freedom = len(kept) - len(used)
        inverse = np.linalg.pinv(part.T @ part)
        scatter = sqrt(float(residuals @ residuals) / freedom)
        worst = _worst(residuals, np.einsum("ij,jk,ik->i", part, inverse, part), freedom)
        if worst is None:
            break
        left_out.append(int(kept[worst]))
        if len(left_out) > MOST_OUTLIERS * len(seen):
            named = ", ".join(f"row {labels[place]!r}" for place in left_out)
            return None, [], f"rows that agree; more than a tenth do not fit the others: {named}"
        kept = np.delete(kept, worst)
    if allowed := _contradiction(rows, connections, scatter):
        return None, [], allowed
    whole = np.zeros(3)
    whole[list(used)] = coefficients
    least, most = rows.min(axis=0), rows.max(axis=0)
    fit = Fit(
        constant=float(whole[0]),
        per_coreapp=float(whole[1]),
        per_message=float(whole[2]),
        scatter=scatter,
        freedom=freedom,
        used=used,
        inverse=tuple(tuple(map(float, row)) for row in inverse),
        coreapps=(int(least[1]), int(most[1])),
        rates=(float(least[2]), float(most[2])),
        observations=len(kept),
    )
    return fit, left_out, ""


def _least_squares(design: Floats, seen: Floats) -> tuple[tuple[int, ...], Floats]:
    """Return which coefficients are used and their values: the best fit of which none is negative.

    Three coefficients have seven subsets; the best without a negative one is the exact answer. The constant stands for
    a column that never changes.
    """
    varying = [column for column in range(3) if column == 0 or np.ptp(design[:, column]) > 0]
    best: tuple[float, tuple[int, ...], NDArray[Any]] | None = None
    for size in range(1, len(varying) + 1):
        for used in combinations(varying, size):
            part = design[:, used]
            coefficients, *_ = np.linalg.lstsq(part, seen, rcond=None)
            if (coefficients < 0).any():
                continue
            loss = float(((seen - part @ coefficients) ** 2).sum())
            # The subsets grow, so a later one counts as better only by more than a rounding error.
            if best is None or loss < best[0] * (1 - 1e-9):
                best = (loss, used, coefficients)
    assert best is not None  # noqa: S101  the constant alone is the mean of numbers that are not negative
    return best[1], best[2]


def _worst(residuals: Floats, leverages: Floats, freedom: int) -> int | None:
    """Return the place of the worst observation when the others do not support it.

    Judged by its externally studentised residual, which leaves the observation itself out of the scatter.
    """
    squares = float(residuals @ residuals)
    room = np.maximum(1 - leverages, 1e-9)
    without = np.maximum(squares - residuals**2 / room, 0) / (freedom - 1)
    tiny = 1e-9 * max(1.0, squares)
    studentised = np.abs(residuals) / np.sqrt(without * room + tiny)
    worst = int(np.argmax(studentised))
    limit = _student(freedom - 1, 1 - OUTLIER_CHANCE / len(residuals))
    return worst if studentised[worst] > limit else None


def _contradiction(design: Floats, seen: Floats, scatter: float) -> str:
    """Return what is allowed when the observations cannot come from a cluster, or ""."""
    mean = float(seen.mean())
    if scatter > MOST_SCATTER * mean:
        return f"rows that agree; equal loads differ by {scatter:.0f} around a mean of {mean:.0f} connections"
    varying = [column for column in range(3) if column == 0 or np.ptp(design[:, column]) > 0]
    part = design[:, varying]
    coefficients, *_ = np.linalg.lstsq(part, seen, rcond=None)
    residuals = seen - part @ coefficients
    variance = float(residuals @ residuals) / (len(seen) - len(varying))
    errors = np.sqrt(np.maximum(variance * np.diag(np.linalg.pinv(part.T @ part)), 0))
    for column, value, error in zip(varying, coefficients, errors, strict=True):
        # A fall below 1 % of the mean is taken for a rounding error: exact data have standard errors close to 0.
        if column and value < -FALLING * error and value * np.ptp(design[:, column]) < -0.01 * mean:
            grows = ("", "coreapps grow", "the rate grows")[column]
            return f"connections that do not fall as {grows}; these fall by {-value:.3g} a step"
    return ""


def _student(freedom: int, level: float) -> float:
    """Return t such that Student's distribution has the share `level` between -t and t.

    Cornish-Fisher expansion around the normal quantile; within 0.2 % from 5 degrees of freedom at 95 %.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
