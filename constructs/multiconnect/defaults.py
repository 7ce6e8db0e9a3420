"""Defaults that several constructs share: what production wants (D-11)."""

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

REMOVAL_POLICY: Final = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
"""Keys, files, secrets and logs stay when their stack is deleted.

What the rollback of a failed create deletes does not stay: it is empty, and would be in the way of the next try (T-5).
"""

LOG_RETENTION: Final = logs.RetentionDays.ONE_YEAR
"""How long logs are kept."""
