"""How long `import sizing` and one plan take, against bare Python, in the same run.

Run: python benchmarks/sizing_start.py [runs]. Exit status 1 when the ratio is above the goal of 5.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

GOAL = 5.0
BARE = "pass"
PLAN = "import sizing; sizing.plan()"


def seconds(code: str) -> float:
    """Return the wall-clock seconds of a fresh interpreter that runs `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)
    return time.perf_counter() - start


def main() -> int:
    """Print medians and their ratio."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    seconds(PLAN)  # compiles the bytecode once, as an installed package has it
    # Taken in turns, so that a busy machine slows both alike.
    pairs = [(seconds(BARE), seconds(PLAN)) for _ in range(runs)]
    bare, planned = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = planned / bare
    print(f"bare Python      {1000 * bare:7.1f} ms")
    print(f"import and plan  {1000 * planned:7.1f} ms")
    print(f"ratio            {ratio:7.2f}   goal at most {GOAL:g}, medians of {runs} runs")
    return int(ratio > GOAL)


if __name__ == "__main__":
    sys.exit(main())
