"""Policies that AWS manages and MiniStack lacks, word for word.

To add one, copy its document from https://docs.aws.amazon.com/aws-managed-policy/latest/reference/
"""

from __future__ import annotations

from . import internals
from .model import Document

_DOCUMENTS: dict[str, Document] = {
    "service-role/AmazonRDSEnhancedMonitoringRole": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "EnableCreationAndManagementOfRDSCloudwatchLogGroups",
                "Effect": "Allow",
                "Action": ["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
                "Resource": ["arn:aws:logs:*:*:log-group:RDS*"],
            },
            {
                "Sid": "EnableCreationAndManagementOfRDSCloudwatchLogStreams",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams", "logs:GetLogEvents"],
                "Resource": ["arn:aws:logs:*:*:log-group:RDS*:log-stream:*"],
            },
        ],
    },
}


def document(arn: str) -> Document:
    """Return the document of a managed policy, AWS's or the account's.

    Raises:
        ValueError: Nobody knows one with this ARN.
    """
    found = _DOCUMENTS.get(arn.partition(":policy/")[2]) if ":iam::aws:" in arn else None
    found = found or internals.managed_policy(arn)
    if found is None:
        raise ValueError(f"Policy {arn} does not exist or is not attachable; AWS's own are listed in {__name__}")
    return internals.parsed(found)
