"""What stays when a stack goes (D-11)."""

from dataclasses import dataclass
from typing import Self

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

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
            logs=_retention_days(settings.log_retention_days),
        )


def _retention_days(days: int) -> logs.RetentionDays:
    names = {
        1: "ONE_DAY", 3: "THREE_DAYS", 5: "FIVE_DAYS", 7: "ONE_WEEK", 14: "TWO_WEEKS", 30: "ONE_MONTH",
        60: "TWO_MONTHS", 90: "THREE_MONTHS", 120: "FOUR_MONTHS", 150: "FIVE_MONTHS", 180: "SIX_MONTHS",
        365: "ONE_YEAR", 400: "THIRTEEN_MONTHS", 545: "EIGHTEEN_MONTHS", 731: "TWO_YEARS", 1096: "THREE_YEARS",
        1827: "FIVE_YEARS", 2192: "SIX_YEARS", 2557: "SEVEN_YEARS", 2922: "EIGHT_YEARS", 3288: "NINE_YEARS",
        3653: "TEN_YEARS",
    }  # fmt: skip
    return logs.RetentionDays[names[days]]
