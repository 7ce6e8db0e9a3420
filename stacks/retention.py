"""What stays when a stack goes (D-11)."""

from dataclasses import dataclass
from typing import Self

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

from multiconnect.defaults import REMOVAL_POLICY
from stacks.log_retention import LOG_RETENTION_DAYS
from stacks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Removal policies of one deployment.

    Attributes:
        database: A last snapshot stays, unless the data may be deleted.
        keys_and_files: Keys, files, secrets and logs stay, unless the data may be deleted. What a failed create has
            made goes in any case: it is empty, and would be in the way of the next try (T-5).
        logs: How long logs are kept.
    """

    database: RemovalPolicy
    keys_and_files: RemovalPolicy
    logs: logs.RetentionDays

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Derive the policies from the settings."""
        delete = settings.delete_data_with_stack
        return cls(
            database=RemovalPolicy.DESTROY if delete else RemovalPolicy.SNAPSHOT,
            keys_and_files=RemovalPolicy.DESTROY if delete else REMOVAL_POLICY,
            logs=logs.RetentionDays[LOG_RETENTION_DAYS[settings.log_retention_days]],
        )
