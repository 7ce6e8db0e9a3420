"""A service that writes what a key encrypts is let by the key's own policy."""

from typing import Any

import pytest

from tests.assembly import Assembly
from tests.conftest import Synth
from tests.policies import ACCOUNT, REGION, Request, allowed

WRITES = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey")


@pytest.fixture
def log_key(production: Assembly) -> tuple[str, dict[str, Any]]:
    ((name, body),) = production.network.of("AWS::KMS::Key").items()
    return name, body["Properties"]["KeyPolicy"]


def context(group: str, account: str = ACCOUNT) -> dict[str, str]:
    """Return what CloudWatch Logs says of a log group when it uses the group's key."""
    return {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{account}:log-group:{group}"}


def test_cloudwatch_logs_may_use_the_key_of_every_log_group(synth: Synth, log_key: tuple[str, dict[str, Any]]) -> None:
    key, policy = log_key
    made = synth(manage_shards="true")
    groups = made.of("AWS::Logs::LogGroup")
    assert len(groups) >= 10
    for name, body in groups.items():
        assert made.follow(body["Properties"]["KmsKeyId"])["Fn::GetAtt"][0] == key, name
        group = body["Properties"].get("LogGroupName", "a-name-of-cloudformation")
        for action in WRITES:
            request = Request(f"logs.{REGION}.amazonaws.com", action, key, context(group))
            assert allowed(policy, request), (name, action)


def test_nobody_else_may(log_key: tuple[str, dict[str, Any]]) -> None:
    key, policy = log_key
    logs, ours = f"logs.{REGION}.amazonaws.com", context("any")
    assert not allowed(policy, Request(logs, "kms:Decrypt", key, context("any", account="444455556666")))
    assert not allowed(policy, Request("logs.eu-west-1.amazonaws.com", "kms:Decrypt", key, ours))
    assert not allowed(policy, Request("events.amazonaws.com", "kms:Decrypt", key, ours))
    assert not allowed(policy, Request(logs, "kms:ScheduleKeyDeletion", key, ours))
