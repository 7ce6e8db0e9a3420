"""Defaults that several constructs share: what production wants (D-11)."""

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

REMOVAL_POLICY: Final = RemovalPolicy.RETAIN
"""Keys, files, secrets and logs stay when their stack is deleted."""

LOG_RETENTION: Final = logs.RetentionDays.ONE_YEAR
"""How long logs are kept."""
