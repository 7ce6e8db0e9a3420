"""One Lambda function with its log group, its role and its network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aws_cdk import Duration, IgnoreMode, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from functions import contract
from multiconnect import defaults
from multiconnect.dependencies import wait_for_policy_alone
from multiconnect.waivers import waive

DEFAULT_TIMEOUT_MINUTES: Final = 10
"""A function waits for a database that is still starting, and answers CloudFormation before Lambda would end it."""

MEMORY_MIB: Final = 256

HTTPS_PORT: Final = 443

NETWORK_INTERFACE_ACTIONS: Final = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""All that AWS's own policy for functions in a VPC has of EC2, in its version 3 (T-38)."""


def function_code() -> lambda_.Code:
    """Return the code of all functions: the package `functions` and nothing beside it."""
    root = Path(contract.__file__).parents[1]
    return lambda_.Code.from_asset(str(root), exclude=["/*", "!/functions", "__pycache__"], ignore_mode=IgnoreMode.GIT)


def function_security_group(
    scope: Construct, construct_id: str, *, vpc: ec2.IVpc, description: str
) -> ec2.SecurityGroup:
    """Make a security group for functions: nothing comes in, and HTTPS alone goes out.

    Args:
        scope: The construct that owns the group.
        construct_id: A contract: another id is another group.
        vpc: Where the functions live.
        description: What the functions do.
    """
    group = ec2.SecurityGroup(scope, construct_id, vpc=vpc, description=description, allow_all_outbound=False)
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS_PORT), "AWS and the API of the client")
    return group


class Function(lambda_.Function):
    """A function of the package `functions`, with a log group and a role of its own.

    Both are made beside it in the same scope, as `<id>Log` and `<id>Role`. The role may write this log, and attach the
    function to the VPC if it has one.

    Attributes:
        execution_role: The role that the function runs with.
    """

    execution_role: iam.Role

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        handler: str,
        description: str,
        code: lambda_.Code,
        log_key: kms.IKey,
        statements: Sequence[iam.PolicyStatement] = (),
        vpc: ec2.IVpc | None = None,
        security_group: ec2.ISecurityGroup | None = None,
        timeout_minutes: int = DEFAULT_TIMEOUT_MINUTES,
        log_retention: logs.RetentionDays = defaults.LOG_RETENTION,
        log_removal_policy: RemovalPolicy = defaults.REMOVAL_POLICY,
    ) -> None:
        """Make the function.

        Args:
            scope: The construct that owns the function.
            construct_id: A contract: another id is another function.
            handler: One of the handlers in `functions.contract`.
            description: What the function does.
            code: What `function_code` returned; one value for all functions of a stack.
            log_key: Encrypts the log.
            statements: What the function may do beside writing its log. Default: nothing.
            vpc: With private subnets. Default: the function runs outside any VPC.
            security_group: Its group, which a function in a VPC needs. Default: none.
            timeout_minutes: How long one call may take. Default: `DEFAULT_TIMEOUT_MINUTES`.
            log_retention: How long the log is kept. Default: `defaults.LOG_RETENTION`.
            log_removal_policy: What happens to the log when the stack is deleted. Default: `defaults.REMOVAL_POLICY`.
        """
        log_group = logs.LogGroup(
            scope,
            f"{construct_id}Log",
            retention=log_retention,
            encryption_key=log_key,
            removal_policy=log_removal_policy,
        )
        self.execution_role = iam.Role(
            scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )
        log_group.grant_write(self.execution_role)
        for statement in statements:
            self.execution_role.add_to_policy(statement)
        if vpc:
            self._allow_network_interfaces()
        super().__init__(
            scope,
            construct_id,
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler=handler,
            code=code,
            role=self.execution_role,
            log_group=log_group,
            memory_size=MEMORY_MIB,
            timeout=Duration.minutes(timeout_minutes),
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS) if vpc else None,
            security_groups=[security_group] if security_group else None,
        )
        wait_for_policy_alone(self, self.execution_role)

    def _allow_network_interfaces(self) -> None:
        """Let Lambda attach the function to its VPC, and its own code do no such thing (T-38).

        Sources: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html
        and https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
        """
        # Describing takes no resource, and Lambda makes the interfaces, which have no name before. AWS asks to name all
        # resources for the other actions too.
        attach = iam.PolicyStatement(actions=list(NETWORK_INTERFACE_ACTIONS), resources=["*"])
        # Lambda says which function it acts for only when the function's own code calls.
        own_code = iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=list(NETWORK_INTERFACE_ACTIONS),
            resources=["*"],
            conditions={"Null": {"lambda:SourceFunctionArn": "false"}},
        )
        for statement in (attach, own_code):
            self.execution_role.add_to_policy(statement)
        waive(
            self.execution_role,
            "AwsSolutions-IAM5[Resource::*]",
            "Lambda itself asks for these six actions to attach a function to a VPC, before there is a resource. The "
            "function's own code is denied all of them.",
        )
