"""How fast `sizing.sweep` is: rows a second of the numeric part, against the scalar loop, time and memory by size.

Run: python benchmarks/sweep.py. Exit status 1 when a goal is missed: 10^7 rows a second and core in the numeric part,
200 times the scalar loop, under 200 bytes a row.
"""

from __future__ import annotations

import sys
import time
import tracemalloc

import numpy as np

import sizing
from sizing.planning import sweep

GOAL_ROWS, GOAL_TIMES, GOAL_BYTES = 1e7, 200.0, 200.0
COUNTS = (2, 4, 8, 16, 32)
TLS = (False, True)


def rates(rows: int) -> np.ndarray:
    """Return random rates such that a sweep of all counts, with and without TLS, has `rows` rows."""
    return np.random.default_rng(1).uniform(0, 350, rows // (len(COUNTS) * len(TLS)))


def numeric_seconds(rows: int) -> float:
    """Return the best of three times of the numeric part, on one core: NumPy's elementwise work uses one thread."""
    question = sweep.question(COUNTS, rates(rows), TLS, "mysql", "us-east-1", {})
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        sweep.evaluate(question, sweep.no_names())
        best = min(best, time.process_time() - start)
    return best


def main() -> int:
    """Print the three figures and return whether a goal is missed."""
    sizing.sweep(8, [100.0])  # fills the caches of both sides
    few = rates(1000)
    start = time.perf_counter()
    for tls in TLS:
        for active in COUNTS:
            for rate in few:
                sizing.plan(active, float(rate), tls=tls)
    scalar = 1000 / (time.perf_counter() - start)
    print(f"scalar loop of plan: {scalar:,.0f} rows/s\n")
    print(f"{'rows':>12}{'numeric rows/s':>18}{'sweep rows/s':>16}{'x scalar':>10}{'peak bytes/row':>16}")
    missed = False
    for rows in (10**4, 10**5, 10**6, 10**7):
        numeric = rows / numeric_seconds(rows)
        given = rates(rows)
        start = time.perf_counter()
        sizing.sweep(COUNTS, given, tls=TLS)
        whole = rows / (time.perf_counter() - start)
        tracemalloc.start()
        frame = sizing.sweep(COUNTS, given, tls=TLS)
        peak = tracemalloc.get_traced_memory()[1] / len(frame)
        tracemalloc.stop()
        del frame
        print(f"{rows:12,}{numeric:18,.0f}{whole:16,.0f}{whole / scalar:10,.0f}{peak:16.0f}")
        # Ten thousand rows are over before the tables are made; the goals are for sweeps that take time.
        missed |= rows >= 10**6 and (numeric < GOAL_ROWS or whole < GOAL_TIMES * scalar or peak >= GOAL_BYTES)
    print(
        f"\ngoals from 10^6 rows on: {GOAL_ROWS:,.0f} rows/s, {GOAL_TIMES:.0f} x scalar, under {GOAL_BYTES:.0f} bytes"
    )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
