"""What stays when a stack goes (D-11)."""

from dataclasses import dataclass
from typing import Self

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

from stacks.log_retention import LOG_RETENTION_DAYS
from stacks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Removal policies of one deployment.

    Attributes:
        database: A last snapshot, unless the data may go.
        keys_and_files: Kept, unless the data may go; also for secrets and logs.
        deletion_protection: Whether AWS refuses to delete the database and the load balancer.
        logs: How long logs are kept.
    """

    database: RemovalPolicy
    keys_and_files: RemovalPolicy
    deletion_protection: bool
    logs: logs.RetentionDays

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Derive the policies from the settings."""
        goes = settings.delete_data_with_stack
        return cls(
            database=RemovalPolicy.DESTROY if goes else RemovalPolicy.SNAPSHOT,
            keys_and_files=RemovalPolicy.DESTROY if goes else RemovalPolicy.RETAIN,
            deletion_protection=not goes,
            logs=logs.RetentionDays[LOG_RETENTION_DAYS[settings.log_retention_days]],
        )
