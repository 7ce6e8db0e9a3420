"""The Lambda stack: the functions that the enterprise stack calls as custom resources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from aws_cdk import Duration, IgnoreMode, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.region_info import RegionInfo
from constructs import Construct

from multiconnect.database import PORT as DATABASE_PORT
from multiconnect.dependencies import wait_for_policy_alone
from multiconnect.waivers import waive
from stacks.database import DatabaseStack
from stacks.network import NetworkStack
from stacks.retention import Retention
from stacks.settings import Settings

ROOT = Path(__file__).parent.parent

TIMEOUT_MINUTES = 10
"""A database that is still starting is waited for; the function answers CloudFormation before Lambda would end it."""


SHARDS_TIMEOUT_MINUTES = 3
"""One look and one try at setting the shards; the waiting is done between the calls."""

SHARD_FUNCTIONS = {
    "Ask": ("functions.shards.handler.on_event", "Notes which number of shards is asked for"),
    "Step": ("functions.shards.handler.is_complete", "Takes the next step of a change of shards"),
    "Reconcile": ("functions.shards.handler.reconcile", "Brings the shards to what the stack declares"),
}


@dataclass(frozen=True, kw_only=True)
class ManagedShards:
    """What the enterprise stack needs to have its shards set.

    Attributes:
        service_token: Of the custom resources.
        security_group: Whence the client's API is called.
        properties: What the functions are told of account and certificate.
    """

    service_token: str
    security_group: ec2.ISecurityGroup
    properties: Mapping[str, str]


class FunctionsStack(Stack):
    """One function for each thing that CloudFormation cannot do by itself.

    Attributes:
        eni_trunking: Turns trunking on for the hosts' role alone (D-4).
        database_user: Makes the client's own database user (D-6); None where the client is the master.
        shards: What sets the shards (D-8); None where the operator does.
    """

    eni_trunking: lambda_.Function
    database_user: lambda_.Function | None
    shards: ManagedShards | None

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
        self._vpc = network.vpc_in(self)
        self._code = lambda_.Code.from_asset(
            str(ROOT), exclude=["/*", "!/functions", "__pycache__"], ignore_mode=IgnoreMode.GIT
        )
        self.eni_trunking = self._function(
            "EniTrunking",
            "functions.eni_trunking.handler.handler",
            "Enables ENI trunking for one role",
            statements=[
                iam.PolicyStatement(
                    actions=["ecs:PutAccountSetting", "ecs:DeleteAccountSetting"],
                    resources=["*"],  # account settings have no ARN
                    conditions={"StringEquals": {"ecs:account-setting": "awsvpcTrunking"}},
                )
            ],
        )
        waive(
            role_of(self.eni_trunking),
            "AwsSolutions-IAM5[Resource::*]",
            "The two actions take no resource; a condition names the one setting, and the function the one role.",
        )
        # Even while nobody imports it: an export that goes while it is imported blocks the deploy.
        self.export_value(self.eni_trunking.function_arn)
        self.database_user = self._database_user(database) if settings.database_user == "client" else None
        self.shards = self._shards(settings) if settings.manage_shards else None

    def _database_user(self, stack: DatabaseStack) -> lambda_.Function:
        group = self._security_group("DatabaseUserSecurityGroup", "Function that makes the database user of the client")
        # The database's group belongs to another stack: an import keeps the rule in this one.
        database = ec2.SecurityGroup.from_security_group_id(
            self, "DatabaseSecurityGroup", stack.access.security_group_id
        )
        group.connections.allow_to(database, ec2.Port.tcp(DATABASE_PORT), "Function to database")
        function = self._function(
            "DatabaseUser",
            "functions.database_user.handler.handler",
            "Makes the client's least-privilege database user",
            group=group,
        )
        # Named by ARN, so that grants change the role here and not the key's policy there.
        master, client = (
            secretsmanager.Secret.from_secret_complete_arn(self, name, arn)
            for name, arn in {"MasterLogin": stack.master_secret_arn, "ClientLogin": stack.access.secret_arn}.items()
        )
        master.grant_read(function)
        client.grant_read(function)
        client.grant_write(function)
        authorities = self.format_arn(
            service="ssm", resource="parameter", resource_name=stack.access.certificate_authorities
        )
        for actions, resource in (
            (["kms:Decrypt", "kms:GenerateDataKey"], stack.access.key_arn),
            (["ssm:GetParameter"], authorities),
        ):
            function.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        return function

    def _shards(self, settings: Settings) -> ManagedShards:
        group = self._security_group("ShardsSecurityGroup", "Functions that set the shards of the client")
        cluster = f"{settings.name}-enterprise"
        # CloudFormation ends the names of both with letters that nobody knows before.
        stack = self.format_arn(service="cloudformation", resource="stack", resource_name=f"{cluster}/*")
        services = self.format_arn(service="ecs", resource="service", resource_name=f"{cluster}-*")
        secret = secretsmanager.Secret.from_secret_name_v2(self, "ClientAccount", settings.shards_secret)
        functions = {
            name: self._function(
                f"Shards{name}",
                handler,
                description,
                statements=[
                    iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[stack]),
                    iam.PolicyStatement(actions=["ecs:DescribeServices"], resources=[services]),
                ],
                group=group,
                minutes=SHARDS_TIMEOUT_MINUTES,
            )
            for name, (handler, description) in SHARD_FUNCTIONS.items()
        }
        properties = {
            "SecretArn": settings.shards_secret,
            "CertificateMaxAgeDays": str(settings.certificate_max_age_days),
        }
        if settings.shards_endpoint:
            properties["Endpoint"] = settings.shards_endpoint
        if settings.shards_ca_parameter:
            properties["CaParameterName"] = settings.shards_ca_parameter
        partition = RegionInfo.get(settings.region).partition
        for function in functions.values():
            for service, ending in {"cloudformation": f"stack/{cluster}/*", "ecs": f"service/{cluster}-*"}.items():
                arn = f"arn:{partition}:{service}:{settings.region}:<AWS::AccountId>:{ending}"
                reason = "One stack and its services, whose names CloudFormation ends with letters of its own."
                waive(role_of(function), f"AwsSolutions-IAM5[Resource::{arn}]", reason)
            secret.grant_read(function)
            if settings.shards_ca_parameter:
                name = settings.shards_ca_parameter.removeprefix("/")
                function.add_to_role_policy(
                    iam.PolicyStatement(
                        actions=["ssm:GetParameter"],
                        resources=[self.format_arn(service="ssm", resource="parameter", resource_name=name)],
                    )
                )
        # Not above: its four CDK modules cost a twentieth of a synth, of which most deployments have no use.
        from multiconnect.shards import ShardManager

        manager = ShardManager(
            self,
            "Shards",
            on_event=functions["Ask"],
            is_complete=functions["Step"],
            reconcile=functions["Reconcile"],
            stack_name=cluster,
            properties=properties,
            log_group=self._log_group("ShardsProvider"),
        )
        return ManagedShards(service_token=manager.service_token, security_group=group, properties=properties)

    def _security_group(self, name: str, description: str) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(self, name, vpc=self._vpc, description=description, allow_all_outbound=False)
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "AWS and the API of the client")
        return group

    def _log_group(self, name: str) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            f"{name}Log",
            retention=self._retention.logs,
            encryption_key=self._network.log_key,
            removal_policy=self._retention.keys_and_files,
        )

    def _function(
        self,
        name: str,
        handler: str,
        description: str,
        *,
        statements: Sequence[iam.PolicyStatement] = (),
        group: ec2.ISecurityGroup | None = None,
        minutes: int = TIMEOUT_MINUTES,
    ) -> lambda_.Function:
        log_group = self._log_group(name)
        role = iam.Role(self, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        for statement in statements:
            role.add_to_policy(statement)
        if group:
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=[
                        "ec2:CreateNetworkInterface",
                        "ec2:DescribeNetworkInterfaces",
                        "ec2:DeleteNetworkInterface",
                    ],
                    resources=["*"],  # a function in a VPC makes its own network interface, which has no name before
                )
            )
            waive(
                role,
                "AwsSolutions-IAM5[Resource::*]",
                "Lambda itself asks for these three actions to attach a function to a VPC, before there is a resource.",
            )
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
            timeout=Duration.minutes(minutes),
            vpc=self._vpc if group else None,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS) if group else None,
            security_groups=[group] if group else None,
        )
        wait_for_policy_alone(function, role)
        return function


def role_of(function: lambda_.Function) -> iam.IRole:
    """Return the role that a function of this stack was made with."""
    return cast(iam.IRole, function.role)
