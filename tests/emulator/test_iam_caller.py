"""Who calls, as rules and messages see it."""

import pytest

from emulator.iam.caller import parse

ROOT = "arn:aws:iam::123456789012:root"
HOST = "arn:aws:sts::123456789012:assumed-role/hosts/i-0123"


def test_a_session_knows_its_role() -> None:
    caller = parse(HOST)
    assert (caller.arn, caller.role, caller.role_arn) == (HOST, "hosts", "arn:aws:iam::123456789012:role/hosts")


@pytest.mark.parametrize(
    ("arn", "deploys"),
    [
        (ROOT, True),
        ("arn:aws:sts::123456789012:assumed-role/cdk-hnb659fds-deploy-role-123456789012-us-east-1/aws-cdk-me", True),
        ("arn:aws:sts::123456789012:assumed-role/cdk-other1-lookup-role-123456789012-eu-west-1/aws-cdk-me", True),
        (HOST, False),
        ("arn:aws:sts::123456789012:assumed-role/not-cdk-hnb659fds-deploy-role-123456789012-us-east-1/x", False),
    ],
)
def test_who_deploys_is_told_from_what_runs(arn: str, deploys: bool) -> None:
    assert parse(arn).is_deployer is deploys
