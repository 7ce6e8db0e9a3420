"""What a synth costs: CPU seconds of `python app.py` against an app with four empty stacks, in the same run.

Run: python benchmarks/synth.py [runs]. Exit status 1 when the ratio is above the goal of 2.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
GOAL = 2.0
EMPTY = "from aws_cdk import App, Stack; app = App(); [Stack(app, f'stack-{n}') for n in range(4)]; app.synth()"
PROGRAMS = {"four empty stacks": ["-c", EMPTY], "python app.py": [str(ROOT / "app.py")]}


def cpu_seconds(arguments: list[str]) -> float:
    """Return the CPU seconds, user and system, of a fresh interpreter and of the Node process below it."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *arguments],
            check=True,
            cwd=ROOT,
            env={**environment, "CDK_OUTDIR": folder},
            capture_output=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print minima, medians and their ratio."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    for arguments in PROGRAMS.values():
        cpu_seconds(arguments)  # compiles the bytecode and unpacks the CDK once, as every later run finds them
    # Taken in turns, so that a busy machine slows both alike.
    rounds = [[cpu_seconds(arguments) for arguments in PROGRAMS.values()] for _ in range(runs)]
    columns = dict(zip(PROGRAMS, zip(*rounds, strict=True), strict=True))
    print(f"{'CPU seconds':<20}{'least':>8}{'median':>8}")
    for name, seconds in columns.items():
        print(f"{name:<20}{min(seconds):8.2f}{statistics.median(seconds):8.2f}")
    least, median = (
        statistic(columns["python app.py"]) / statistic(columns["four empty stacks"])
        for statistic in (min, statistics.median)
    )
    print(f"{'ratio':<20}{least:8.2f}{median:8.2f}   goal at most {GOAL:g}, {runs} runs")
    return int(median > GOAL)


if __name__ == "__main__":
    sys.exit(main())
