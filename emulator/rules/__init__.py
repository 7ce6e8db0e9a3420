"""What AWS refuses, one file for each service; `python -m emulator rules` prints all of it.

A rule judges a step of CloudFormation before it is taken, or a call of an API, and answers with AWS's own code and
words. Its docstring says what it refuses, and `source` where AWS says so.
"""

from emulator.handlers.internals import before_each_step

# A rule is entered into the book when its module is imported.
from . import (
    autoscaling,
    book,
    cloudformation,
    cloudwatch,
    ec2,
    ec2_groups,
    ecs,
    ecs_tasks,
    efs,
    elb,
    functions,
    iam,
    kms,
    logs,
    rds,
    tags,
)

__all__ = [
    "autoscaling",
    "cloudwatch",
    "ec2",
    "ec2_groups",
    "ecs_tasks",
    "efs",
    "elb",
    "functions",
    "iam",
    "kms",
    "logs",
    "rds",
    "register",
    "tags",
]


def register() -> None:
    """Let all rules judge. Call it once, after `handlers.register`."""
    before_each_step(book.judge)
    cloudformation.register()
    ecs.register()
