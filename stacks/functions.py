"""The Lambda stack: the functions that the enterprise stack calls as custom resources."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from aws_cdk import CfnResource, Duration, IgnoreMode, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from multiconnect.database import PORT as DATABASE_PORT
from multiconnect.waivers import waive
from stacks.database import DatabaseStack
from stacks.network import NetworkStack
from stacks.retention import Retention
from stacks.settings import Settings

ROOT = Path(__file__).parent.parent

TIMEOUT_MINUTES = 10
"""A database that is still starting is waited for; the function answers CloudFormation before Lambda would end it."""


class FunctionsStack(Stack):
    """One function for each thing that CloudFormation cannot do by itself.

    Attributes:
        eni_trunking: Turns trunking on for the hosts' role alone (D-4).
        database_user: Makes the client's own database user (D-6); None where the client is the master.
    """

    eni_trunking: lambda_.Function
    database_user: lambda_.Function | None

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        network: NetworkStack,
        database: DatabaseStack,
        **stack_options: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack_options)
        self._retention = Retention.of(settings)
        self._network = network
        self._code = lambda_.Code.from_asset(
            str(ROOT), exclude=["/*", "!/functions", "__pycache__"], ignore_mode=IgnoreMode.GIT
        )
        self.eni_trunking = self._function(
            "EniTrunking",
            "functions.eni_trunking.handler",
            "Enables ENI trunking for one role",
            statements=[
                iam.PolicyStatement(
                    actions=["ecs:PutAccountSetting", "ecs:DeleteAccountSetting"],
                    resources=["*"],  # account settings have no ARN
                )
            ],
        )
        waive(
            role_of(self.eni_trunking),
            "AwsSolutions-IAM5[Resource::*]",
            "The two account-setting actions take no resource; the function names the one role that it changes.",
        )
        # Also while nobody asks for it: an export that goes while it is still imported blocks the deploy that turns it off.
        self.export_value(self.eni_trunking.function_arn)
        self.database_user = self._database_user(database) if settings.database_user == "client" else None

    def _database_user(self, stack: DatabaseStack) -> lambda_.Function:
        vpc = self._network.vpc_in(self)
        group = ec2.SecurityGroup(
            self,
            "DatabaseUserSecurityGroup",
            vpc=vpc,
            description="Function that makes the database user of the client",
            allow_all_outbound=False,
        )
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Secrets Manager, SSM and CloudFormation")
        # The database's group belongs to another stack: an import keeps the rule in this one.
        database = ec2.SecurityGroup.from_security_group_id(
            self, "DatabaseSecurityGroup", stack.database.security_group.security_group_id
        )
        group.connections.allow_to(database, ec2.Port.tcp(DATABASE_PORT), "Function to database")
        function = self._function(
            "DatabaseUser",
            "functions.database_user.handler",
            "Makes the client's least-privilege database user",
            statements=[
                iam.PolicyStatement(
                    actions=[
                        "ec2:CreateNetworkInterface",
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DeleteNetworkInterface",
                    ],
                    resources=["*"],  # a function in a VPC makes its own network interface, which has no name before
                )
            ],
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_groups=[group],
        )
        # Of another stack: as references, so that grants change the role here and not the key's policy there.
        master, client = (
            secretsmanager.Secret.from_secret_complete_arn(self, name, secret.secret_arn)
            for name, secret in {"MasterLogin": stack.master_secret, "ClientLogin": stack.secret}.items()
        )
        master.grant_read(function)
        client.grant_read(function)
        client.grant_write(function)
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[stack.key.key_arn])
        )
        stack.database.certificate_authorities.grant_read(function)
        waive(
            role_of(function),
            "AwsSolutions-IAM5[Resource::*]",
            "Lambda itself asks for these three actions to attach a function to a VPC, before there is a resource.",
        )
        return function

    def _function(
        self, name: str, handler: str, description: str, *, statements: Sequence[iam.PolicyStatement], **options: Any
    ) -> lambda_.Function:
        log_group = logs.LogGroup(
            self,
            f"{name}Log",
            retention=self._retention.logs,
            encryption_key=self._network.log_key,
            removal_policy=self._retention.keys_and_files,
        )
        role = iam.Role(self, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        for statement in statements:
            role.add_to_policy(statement)
        function = lambda_.Function(
            self,
            name,
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler=handler,
            code=self._code,
            role=role,
            log_group=log_group,
            memory_size=256,
            timeout=Duration.minutes(TIMEOUT_MINUTES),
            **options,
        )
        # The construct also writes a dependency on the role, which is one by reference already (cfn-lint W3005).
        policy = cast(CfnResource, role.node.find_child("DefaultPolicy").node.default_child)
        cast(CfnResource, function.node.default_child).add_override("DependsOn", [self.get_logical_id(policy)])
        return function


def role_of(function: lambda_.Function) -> iam.IRole:
    """Return the role that a function of this stack was made with."""
    return cast(iam.IRole, function.role)
