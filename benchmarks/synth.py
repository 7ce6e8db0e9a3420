"""What a synth costs: CPU seconds of `python app.py` against an app with four empty stacks, in the same run.

Most of both is the CDK's own validation of the templates, so both are measured without it as well.

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


def cpu_seconds(arguments: list[str], *, validation: bool = True) -> float:
    """Return the CPU seconds, user and system, of a fresh interpreter and of the Node process below it."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["CDK_VALIDATION"] = str(validation).lower()
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


def measure(runs: int, *, validation: bool) -> float:
    """Print the least and the median CPU seconds of each program; return the median ratio of the pairs."""
    # Taken in turns, so that a busy machine slows both of a pair alike.
    pairs = [[cpu_seconds(words, validation=validation) for words in PROGRAMS.values()] for _ in range(runs)]
    for name, seconds in zip(PROGRAMS, zip(*pairs, strict=True), strict=True):
        print(f"{name:<20}{min(seconds):8.2f}{statistics.median(seconds):8.2f}")
    return statistics.median(app / empty for empty, app in pairs)


def main() -> int:
    """Print the figures and the ratio, with the CDK's validation and without it."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    for arguments in PROGRAMS.values():
        cpu_seconds(arguments)  # compiles the bytecode and unpacks the CDK once, as every later run finds them
    print(f"{'CPU seconds':<20}{'least':>8}{'median':>8}")
    ratio = measure(runs, validation=True)
    print(f"{'median of ratios':<28}{ratio:8.2f}   goal at most {GOAL:g}, {runs} pairs")
    print("without the CDK's validation")
    print(f"{'median of ratios':<28}{measure(runs, validation=False):8.2f}")
    return int(ratio > GOAL)


if __name__ == "__main__":
    sys.exit(main())
