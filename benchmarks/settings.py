"""What it costs to be told of a bad setting: CPU of a refusal by `python app.py` against bare Python, in the same run.

Run: python benchmarks/settings.py [runs]. Exit status 1 when the ratio is above the goal of 12.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
GOAL = 12.0
PROGRAMS = {
    "bare Python": ["-c", "pass"],
    "import pydantic": ["-c", "from pydantic import BaseModel"],
    "import sizing": ["-c", "import sizing"],
    "refusal": [str(ROOT / "app.py")],
}
CONTEXT = '{"active_coreapps": "3", "actve_coreapps": "8", "region": "eu-west1"}'


def cpu_ms(arguments: list[str]) -> float:
    """Return the CPU milliseconds, user and system, of a fresh interpreter."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=ROOT,
        env={**environment, "CDK_CONTEXT_JSON": CONTEXT},
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    refused = done.stderr.count("; allowed: ")
    assert (done.returncode, refused) in ((0, 0), (1, 3)), done.stderr
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> int:
    """Print the least CPU of each program and its ratio to bare Python."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    for arguments in PROGRAMS.values():
        cpu_ms(arguments)  # compiles the bytecode once, as every later run finds it
    # Taken in turns, so that a busy machine slows all alike.
    rounds = [[cpu_ms(arguments) for arguments in PROGRAMS.values()] for _ in range(runs)]
    least = dict(zip(PROGRAMS, map(min, zip(*rounds, strict=True)), strict=True))
    bare = least["bare Python"]
    print(f"{'CPU':<20}{'ms':>8}{'ratio':>8}")
    for name, milliseconds in least.items():
        print(f"{name:<20}{milliseconds:8.1f}{milliseconds / bare:8.2f}")
    ratio = least["refusal"] / bare
    print(f"goal: a refusal costs at most {GOAL:g} times bare Python; the least of {runs} runs each")
    return int(ratio > GOAL)


if __name__ == "__main__":
    sys.exit(main())
