"""The CloudFormation types that MiniStack lacks, one module for each service."""

from . import database, drift, ec2, ecs, operations, scaling


def register() -> None:
    """Put all types and readers into MiniStack's tables. Call it once, before the first request."""
    for module in (ec2, ecs, scaling, database, operations, drift):
        module.register()
