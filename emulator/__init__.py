"""An embedded AWS target for `cdk deploy`: MiniStack, the resource types it lacks, and the CDK's own CLI.

`make up` drives it; `python -m emulator --help` lists what it can do. It runs no workload: tasks count as running
at once, there is no container, database server or traffic behind them, and IAM is not enforced.
"""
