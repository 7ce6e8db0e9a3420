"""Many plans at once: NumPy inside, a DataFrame out, row for row what `plan` answers.

For one combination of coreapps, TLS, engine and region everything is a function of the rate: the connections are the
least and greatest of a few lines, the database class a look-up by the limit they need, the host one of two types. So a
row costs some tens of nanoseconds. Blocks of rates that stay in the processor's cache keep it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from inspect import signature
from itertools import product
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray

from sizing.connections.estimate import FAMILIES, NOISE, Line, extrapolates
from sizing.engines import ENGINES
from sizing.errors import Problem, SizingError
from sizing.facts import catalogue, published
from sizing.facts.catalogue import DatabaseClass
from sizing.planning.choice import EXPECTED_PERCENT, HIGH_PERCENT, choose_host, ranked_databases
from sizing.planning.plan import cost_of, plan
from sizing.planning.request import Request, problems_of

BLOCK: Final = 16_384
"""Rates worked on at once: ten arrays of 8 bytes each fit a 2 MiB second-level cache."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

FLOORS: Final = (*(vcpu for _, vcpu in published.DATABASE_VCPU_FLOOR), published.DATABASE_VCPU_ABOVE)

TOTALS: Final = {"usd_at_minimum": "at_minimum", "usd_at_cap": "at_cap", "known_usd_at_cap": "known_at_cap"}
"""Column to the property of `MonthlyCost` it holds."""

COLUMNS: Final = {
    "active_coreapps": np.int8,
    "messages_per_second": np.float64,
    "tls": np.bool_,
    "engine": np.int8,
    "region": np.int8,
    "low": np.int32,
    "expected": np.int32,
    "high": np.int32,
    "extrapolated": np.bool_,
    "instance_class": np.int16,
    "max_connections": np.int32,
    "utilization": np.float64,
    "host_type": np.int16,
    "hosts_minimum": np.int8,
    "hosts_maximum": np.int8,
    "usd_at_minimum": np.float64,
    "usd_at_cap": np.float64,
    "known_usd_at_cap": np.float64,
}
"""Column to type: 63 bytes a row. Names are kept as codes and shown as categories; -1 stands for none."""


class Combination(NamedTuple):
    """One run of rows that differ in the rate alone.

    `rates` is the place of its rates in `Question.rates`: combinations with the same rates share one array.
    """

    request: Request
    rates: int


class Question(NamedTuple):
    """Everything that a sweep is asked, checked."""

    combinations: list[Combination]
    rates: list[Floats]


class Table(NamedTuple):
    """The classes of one engine and region in the order in which they are chosen, ready for look-up.

    `first[floor * width + need]` is the position of the first class with a limit of at least `need` and the vCPU of
    `floor`, or `len(classes)` when there is none.
    """

    classes: tuple[DatabaseClass, ...]
    limits: Ints
    first: NDArray[np.int16]
    width: int


def sweep(
    active_coreapps: int | Sequence[int] | None = None,
    messages_per_second: float | Sequence[float] | NDArray[Any] | None = None,
    *,
    tls: bool | Sequence[bool] = True,
    engine: str | Sequence[str] = "mysql",
    region: str | Sequence[str] = "us-east-1",
    **options: Any,
) -> pd.DataFrame:
    """Plan every combination of the given values.

    Args:
        active_coreapps: One or several of 1, 2, 4, 8, 16, 32. Default: for each rate what the vendor's map gives.
        messages_per_second: One or several rates in messages/s. Default: the rates of the vendor's map.
        tls: One or both of True (default) and False.
        engine: One or several engines. Default "mysql".
        region: One or several regions. Default "us-east-1".
        **options: Any other keyword of `plan` but `model`, the same for all rows.

    Returns:
        One row a combination, ordered by coreapps, TLS, engine, region, then as the rates were given. `low`, `expected`
        and `high` are connections, `usd_*` dollars a month (NaN where a price is unknown). Where `plan` would refuse
        because nothing fits, `instance_class` or `host_type` is missing.

    Raises:
        SizingError: With every bad argument at once.

    Example:
        >>> sweep([8, 32], [100, 250])[["active_coreapps", "messages_per_second", "expected", "high"]]
           active_coreapps  messages_per_second  expected  high
        0                8                100.0      1200  1200
        1                8                250.0      1450  2950
        2               32                100.0      1450  3700
        3               32                250.0      1700  3700
    """
    names = no_names()
    columns = evaluate(question(active_coreapps, messages_per_second, tls, engine, region, options), names)
    frame: dict[str, Any] = dict(columns)
    for column, categories in names.items():
        frame[column] = pd.Categorical.from_codes(columns[column], categories=categories)
    return pd.DataFrame(frame, copy=False)


def no_names() -> dict[str, list[str]]:
    """Return the categories of the coded columns, empty."""
    return {"engine": [], "region": [], "instance_class": [], "host_type": []}


def evaluate(asked: Question, names: dict[str, list[str]]) -> dict[str, NDArray[Any]]:
    """Return the columns of a sweep; `names` receives what the codes stand for. This is the numeric part."""
    total = sum(len(asked.rates[each.rates]) for each in asked.combinations)
    columns: dict[str, NDArray[Any]] = {name: np.empty(total, dtype) for name, dtype in COLUMNS.items()}
    tables: dict[tuple[str, str], Table] = {}
    known: dict[tuple[int, bool, int], slice] = {}
    steps = [most for most, _ in published.DATABASE_VCPU_FLOOR]
    floors = [np.searchsorted(steps, rates).astype(np.int8) for rates in asked.rates]
    start = 0
    for request, place in asked.combinations:
        rates = asked.rates[place]
        rows = slice(start, start + len(rates))
        start = rows.stop
        where = (request.engine, request.region)
        if where not in tables:
            tables[where] = _table(request)
        # Connections do not depend on engine and region, so a combination copies them from an earlier one of its key.
        key = (request.active, request.tls, place)
        _connections(columns, rows, request, rates, known.setdefault(key, rows))
        _choose(columns, rows, request, rates, floors[place], tables[where], names)
        columns["messages_per_second"][rows] = rates
        for name, value in (
            ("active_coreapps", request.active),
            ("tls", request.tls),
            ("hosts_minimum", request.defaults.hosts),
            ("hosts_maximum", request.cap),
            ("engine", _code(names["engine"], request.engine)),
            ("region", _code(names["region"], request.region)),
        ):
            columns[name][rows] = value
    return columns


def _several(value: Any, whole: type | tuple[type, ...]) -> list[Any]:
    return [value] if value is None or isinstance(value, whole) else list(value)


def question(
    active_coreapps: Any, messages_per_second: Any, tls: Any, engine: Any, region: Any, options: dict[str, Any]
) -> Question:
    """Return the combinations of the given values, after checking all of them.

    Raises:
        SizingError: With every bad argument at once.
    """
    if "model" in options:
        raise SizingError([Problem("model", options["model"], "in plan only; sweep uses the published points")])
    if messages_per_second is None:
        messages_per_second = [rate for rate, _ in published.RATE_TO_COREAPPS]
    try:
        rates = np.atleast_1d(np.asarray(messages_per_second, dtype=np.float64))
    except (TypeError, ValueError):
        raise SizingError([Problem("messages_per_second", messages_per_second, "numbers from 0")]) from None
    problems: list[Problem] = []

    def add(problem: Problem) -> None:
        # Many combinations share a problem. A value may be a list, which a set or a dict could not hold.
        if problem not in problems:
            problems.append(problem)

    bad = rates[~(np.isfinite(rates) & (rates >= 0))]
    if bad.size or not rates.size:
        add(Problem("messages_per_second", float(bad[0]) if bad.size else None, "finite numbers from 0, at least one"))
        rates = np.zeros(1)
    if active_coreapps is None:
        by_count = _by_map(rates)
        counts: list[Any] = list(by_count)
        blocks = list(by_count.values())
        places = list(range(len(blocks)))
    else:
        counts = _several(active_coreapps, (int, str))
        blocks = [rates]
        places = [0] * len(counts)
    most = published.RATE_TO_COREAPPS[-1][0]
    combinations: list[Combination] = []
    given = signature(plan)
    for (count, place), encrypted, named_engine, named_region in product(
        list(zip(counts, places, strict=True)),
        _several(tls, (bool, str)),
        _several(engine, str),
        _several(region, str),
    ):
        if count is None:
            add(Problem("messages_per_second", float(rates.max()), f"0 to {most} without coreapps"))
            continue
        bound = given.bind(count, 0.0, tls=encrypted, engine=named_engine, region=named_region, **options)
        bound.apply_defaults()
        request = Request(**bound.arguments)
        for problem in problems_of(request):
            add(problem)
        combinations.append(Combination(request, place))
    if problems:
        raise SizingError(problems)
    return Question(combinations, blocks)


def _by_map(rates: Floats) -> dict[int | None, Floats]:
    """Return active coreapps to the rates for which the vendor's map gives them; None to rates beyond the map."""
    found: dict[int | None, Floats] = {}
    below = -1.0
    ends = {shards: float(most) for most, shards in published.RATE_TO_COREAPPS}  # the last rate of each count
    for shards, most in ends.items():
        if (these := rates[(rates > below) & (rates <= most)]).size:
            found[shards] = these
        below = most
    if (rest := rates[rates > below]).size:
        found[None] = rest
    return found


def _code(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)


def _envelope(lines: Iterable[Line], active: int, top: float) -> list[tuple[float, float]]:
    """Return as (value at rate 0, slope) the lines that are least somewhere from rate 0 to `top`."""
    flat = [(line.constant + line.per_coreapp * active, line.per_message) for line in lines]

    def hidden(line: tuple[float, float], by: tuple[float, float]) -> bool:
        """Whether `by` is below `line` at both ends, and so everywhere between."""
        first, last = line[0], line[0] + line[1] * top
        other_first, other_last = by[0], by[0] + by[1] * top
        return other_first <= first and other_last <= last and (other_first, other_last) != (first, last)

    return [line for line in dict.fromkeys(flat) if not any(hidden(line, other) for other in flat)]


def _least(lines: list[tuple[float, float]], rates: Floats, out: Floats, spare: Floats) -> Floats:
    """Write the least of `lines` at every rate to `out`."""
    for number, (constant, slope) in enumerate(lines):
        target = spare if number else out
        np.multiply(rates, slope, out=target)
        target += constant
        if number:
            np.minimum(out, spare, out=out)
    return out


def _negative(lines: Iterable[Line]) -> list[Line]:
    """Mirror the lines, so that the greatest is the least of the mirrored."""
    return [Line(-line.constant, -line.per_coreapp, -line.per_message, line.paired) for line in lines]


def _connections(columns: dict[str, NDArray[Any]], rows: slice, request: Request, rates: Floats, known: slice) -> None:
    """Fill low, expected, high and extrapolated."""
    targets = ("low", "expected", "high", "extrapolated")
    if known != rows:
        for name in targets:
            columns[name][rows] = columns[name][known]
        return
    family = FAMILIES[request.tls]
    paired = [line for line in family if line.paired]
    top = float(rates.max())
    low, least = (_envelope(lines, request.active, top) for lines in (family, paired))
    high, most = (_envelope(_negative(lines), request.active, top) for lines in (family, paired))
    one, two, spare = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for begin in range(0, len(rates), BLOCK):
        these = rates[begin : begin + BLOCK]
        size = len(these)
        first, second, third = one[:size], two[:size], spare[:size]
        low_at, expected_at, high_at, far_at = (
            columns[name][rows.start + begin : rows.start + begin + size] for name in targets
        )
        # The same roundings as estimate_connections, with floor(-x) in place of -ceil(x) for the mirrored lines.
        np.floor(np.add(_least(low, these, first, third), NOISE, out=first), out=first)
        low_at[:] = first
        np.floor(np.add(_least(high, these, first, third), NOISE, out=first), out=first)
        np.negative(first, out=first)
        high_at[:] = first
        _least(least, these, first, third)
        _least(most, these, second, third)
        first -= second
        first /= 2
        first += 0.5 + NOISE
        expected_at[:] = np.floor(first, out=first)
        far_at[:] = True if extrapolates(request.active, 0) else these > published.SUPPORTED_RATE


def _table(request: Request) -> Table:
    """Return the look-up table of the request's engine and region."""
    named = catalogue.database_classes().get(request.database_class or "")
    ranked = [named] if named else [each.item for each in ranked_databases(request)]
    # A class with a price in the region and in the reference region is ranked twice; its first place counts.
    classes = tuple(dict.fromkeys(db for db in ranked if not (db.burstable and request.production)))
    limit = ENGINES[request.engine].max_connections
    limits = np.array([limit(db.memory_gib) for db in classes], np.int32)
    width = int(limits.max(initial=0)) + 2
    # The last column, one above the greatest limit, stands for a need that no class covers.
    first = np.full(len(FLOORS) * width, len(classes), np.int16)
    for number, floor in enumerate(FLOORS):
        row = first[number * width : (number + 1) * width]
        # Written from the last class to the first, so that the first class that is large enough overwrites the others.
        for position in range(len(classes) - 1, -1, -1):
            if classes[position].vcpu >= floor:
                row[: limits[position] + 1] = position
    return Table(classes, limits, first, width)


def _choose(
    columns: dict[str, NDArray[Any]],
    rows: slice,
    request: Request,
    rates: Floats,
    floors: NDArray[np.int8],
    table: Table,
    names: dict[str, list[str]],
) -> None:
    """Fill class, limit, utilization, host and cost."""
    kind = published.MESSAGE_TYPES[request.message_type]
    asked = [replace(request, messages_per_second=rate) for rate in (0.0, float(rates.max()))]
    # A coreapp's memory, and with it the host type, changes at one rate at most: two hosts cover all rates.
    hosts = [choose_host(each)[0].chosen for each in asked]
    host_codes = [-1 if host is None else _code(names["host_type"], host.name) for host in hosts]
    class_codes = np.array([*(_code(names["instance_class"], db.name) for db in table.classes), -1], np.int16)
    limits = np.append(table.limits, 0)
    nan_limits = np.append(table.limits.astype(np.float64), np.nan)
    # One row for each kind of total. A class and a host have the column 2 * (place of the class) + (0 or 1 for the
    # host); only the pairs that occur are filled in.
    dollars = np.full((len(TOTALS), 2 * len(class_codes)), np.nan)
    filled = np.zeros(2 * len(class_codes), np.bool_)
    for begin in range(0, len(rates), BLOCK):
        these = rates[begin : begin + BLOCK]
        part = slice(rows.start + begin, rows.start + begin + len(these))
        # The same rule as `class_fault`, as the least limit that satisfies it, in whole numbers.
        need = (columns["high"][part] * 100 + (HIGH_PERCENT - 1)) // HIGH_PERCENT
        np.maximum(need, columns["expected"][part] * (100 // EXPECTED_PERCENT), out=need)
        np.minimum(need, table.width - 1, out=need)
        need += floors[begin : begin + BLOCK] * np.int32(table.width)
        position = table.first[need]
        heavy = these > kind.rate
        columns["instance_class"][part] = class_codes[position]
        columns["max_connections"][part] = limits[position]
        # Where no class is large enough its limit is NaN, which makes the utilization NaN too.
        np.divide(columns["expected"][part], nan_limits[position], out=columns["utilization"][part])
        columns["host_type"][part] = np.where(heavy, host_codes[1], host_codes[0])
        pair = position * 2 + heavy
        for number in map(int, np.flatnonzero(np.bincount(pair, minlength=len(filled)).astype(np.bool_) & ~filled)):
            at, which = divmod(number, 2)
            host = hosts[which]
            if host is not None and at < len(table.classes):
                cost = cost_of(request, host, table.classes[at])
                totals = (getattr(cost, total) for total in TOTALS.values())
                dollars[:, number] = [np.nan if usd is None else usd for usd in totals]
            filled[number] = True
        for row, name in enumerate(TOTALS):
            # "clip" saves the copy that the default mode makes in order to raise; every pair is in range.
            np.take(dollars[row], pair, out=columns[name][part], mode="clip")
