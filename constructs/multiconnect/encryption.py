"""Customer-managed keys that outlive what they encrypt (D-11)."""

from aws_cdk import Aws, Fn, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from multiconnect import defaults


def encryption_key(
    scope: Construct,
    construct_id: str,
    *,
    description: str,
    removal_policy: RemovalPolicy = defaults.REMOVAL_POLICY,
) -> kms.Key:
    """Make a key that rotates every year.

    Args:
        scope: The construct that owns the key.
        construct_id: Its id; a contract, since another id is another key.
        description: What it encrypts.
        removal_policy: What happens to the key when the stack is deleted. `DESTROY` schedules its deletion, and with it
            the loss of every snapshot and log that it encrypts. Default: `defaults.REMOVAL_POLICY`.
    """
    return kms.Key(
        scope, construct_id, description=description, enable_key_rotation=True, removal_policy=removal_policy
    )


def allow_log_groups(key: kms.Key) -> None:
    """Let CloudWatch Logs use the key, for log groups of this account and region alone.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="LogGroupsOfThisAccount",
            principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
            actions=[
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:DescribeKey",
            ],
            resources=["*"],  # in a key's own policy this means the key itself
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": Fn.sub(
                        "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*"
                    )
                }
            },
        )
    )


def allow_alarms(key: kms.Key) -> None:
    """Let CloudWatch alarms publish to a topic that the key encrypts; with the default SNS key they cannot.

    Source: https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
    """
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AlarmsOfThisAccount",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],  # in a key's own policy this means the key itself
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )
