"""An embedded AWS target for `cdk deploy`: MiniStack, the resource types it lacks, and the CDK's own CLI.

`make up` drives it; `python -m emulator --help` lists what it can do. It refuses what AWS refuses (`rules/`) and judges
every call of a role (`iam/`). Hosts and tasks are simulated (`capacity/`): they have room, come, go and wait as in AWS.
There is no container, database server or traffic behind them.
"""

import sys

# Here, because an old Python cannot even read the other files; it can read this one, down to 2.7.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "Python %d.%d is too old: this needs 3.11 or newer. Name another one, for example: make up PYTHON=python3.12"  # noqa: UP031
        % sys.version_info[:2]
    )
