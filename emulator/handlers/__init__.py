"""What MiniStack lacks: CloudFormation types, checks of what AWS refuses, drift readers, rules of replacement."""

from . import database, drift, ec2, ecs, operations, replacement, rollbacks, scaling, secret


def register() -> None:
    """Put all of it into MiniStack's tables. Call it once, before the first request."""
    for module in (ec2, ecs, scaling, database, secret, operations, drift, replacement, rollbacks):
        module.register()
