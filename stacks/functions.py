"""The Lambda stack: the functions that the enterprise stack calls as custom resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from constructs import Construct

import functions.contract as contract
from multiconnect.function import MAX_TIMEOUT_MINUTES, Function, function_code, function_security_group
from multiconnect.hosts import HostsFunction
from multiconnect.monitoring import Alarms
from stacks.database import DatabaseStack
from stacks.network import NetworkStack
from stacks.retention import Retention
from stacks.settings import Settings

if TYPE_CHECKING:
    from multiconnect.shards import ShardManager


class FunctionsStack(Stack):
    """One function for each thing that CloudFormation cannot do by itself.

    Attributes:
        first_webapp: Runs one webapp before all the others (T-11).
        protection: Switches the deletion protection of load balancer and database on, and off again (T-3).
        eni_trunking: Turns trunking on for the hosts' role alone (D-4). What it may do is said by the enterprise stack,
            which has that role.
        hosts: Lets the cap of the hosts fall last, renews hosts and ends them (D-12).
        database_user: Makes the client's own database user (D-6); None where the client is the master.
        shards: What sets the shards (D-8); None where the operator does.
    """

    first_webapp: Function
    eni_trunking: Function
    protection: Function
    hosts: HostsFunction
    database_user: Function | None
    shards: ShardManager | None

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
        # Exports are imported by their names, which tells the CDK of no order. Without one `cdk destroy` would begin
        # with the database stack, whose exports are still in use.
        self.add_stack_dependency(database)
        retention = Retention.of(settings)
        self._vpc = network.vpc_in(self)
        self._shared: dict[str, Any] = {
            "code": function_code(),
            "log_key": network.log_key,
            "log_retention": retention.logs,
            "log_removal_policy": retention.keys_and_files,
        }
        self.first_webapp = self._first_webapp()
        self.eni_trunking = self._eni_trunking()
        self.protection = self._protection()
        self.hosts = self._hosts(settings)
        self.database_user = self._database_user(database) if settings.database_user == "client" else None
        self.shards = self._shards(settings) if settings.manage_shards else None
        self._add_alarms(database)

    def _add_alarms(self, database: DatabaseStack) -> None:
        topic = sns.Topic.from_topic_arn(self, "AlarmTopic", database.alarm_topic_arn)
        alarms = Alarms(self, "Alarms", topic=topic)
        self.eni_trunking.add_alarms(alarms, failure_means="hosts may take fewer tasks than planned")
        self.first_webapp.add_alarms(alarms, failure_means="the client's first webapp did not run")
        self.protection.add_alarms(alarms, failure_means="balancer and database may be deleted by mistake")
        self.hosts.add_alarms(alarms, failure_means="hosts of the former size or type may stay")
        if self.database_user is not None:
            self.database_user.add_alarms(alarms, failure_means="the client may not get into its database")
        if self.shards is not None:
            self.shards.add_alarms(alarms)

    def _first_webapp(self) -> Function:
        return Function(
            self,
            "FirstWebapp",
            handler=contract.FIRST_WEBAPP_HANDLER,
            description="Runs one webapp before all the others",
            timeout_minutes=MAX_TIMEOUT_MINUTES,
            **self._shared,
        )

    def _eni_trunking(self) -> Function:
        function = Function(
            self,
            "EniTrunking",
            handler=contract.ENI_TRUNKING_HANDLER,
            description="Enables ENI trunking for one role",
            **self._shared,
        )
        # The export stays while nobody imports it: CloudFormation refuses to drop an export that is still imported, and
        # it updates this stack before the one that imports it.
        self.export_value(function.function_arn)
        return function

    def _protection(self) -> Function:
        """Make the function without a right: the stack that makes the load balancer gives it (`EnterpriseStack`)."""
        function = Function(
            self,
            "Protection",
            handler=contract.PROTECTION_HANDLER,
            description="Switches deletion protection on, and off again",
            **self._shared,
        )
        # As above: the exports stay while nobody imports them.
        self.export_value(function.function_arn)
        self.export_value(function.execution_role.role_name)
        return function

    def _hosts(self, settings: Settings) -> HostsFunction:
        return HostsFunction(
            self,
            "Hosts",
            stack_name=f"{settings.name}-enterprise",
            **self._shared,
        )

    def _database_user(self, stack: DatabaseStack) -> Function:
        access = stack.access
        group = function_security_group(
            self,
            "DatabaseUserSecurityGroup",
            vpc=self._vpc,
            description="Function that makes the database user of the client",
        )
        # The database's group belongs to another stack. An import keeps the rule in this one.
        database = ec2.SecurityGroup.from_security_group_id(self, "DatabaseSecurityGroup", access.security_group_id)
        group.connections.allow_to(database, ec2.Port.tcp(access.port), "Function to database")
        function = Function(
            self,
            "DatabaseUser",
            handler=contract.DATABASE_USER_HANDLER,
            description="Makes the client's least-privilege database user",
            vpc=self._vpc,
            security_group=group,
            **self._shared,
        )
        # Secrets, key and parameter belong to the database stack. They are named by ARN, so that a grant changes the
        # function's role here, and never the key's policy there.
        master = secretsmanager.Secret.from_secret_complete_arn(self, "MasterLogin", stack.master_secret_arn)
        client = secretsmanager.Secret.from_secret_complete_arn(self, "ClientLogin", access.secret_arn)
        master.grant_read(function)
        client.grant_read(function)
        client.grant_write(function)
        authorities = self.format_arn(service="ssm", resource="parameter", resource_name=access.certificate_authorities)
        for actions, resource in (
            (["kms:Decrypt", "kms:GenerateDataKey"], access.key_arn),
            (["ssm:GetParameter"], authorities),
        ):
            function.execution_role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        return function

    def _shards(self, settings: Settings) -> ShardManager:
        # Imported here, since its CDK modules cost a twentieth of a synth, and most deployments do without.
        from multiconnect.shards import ShardManager

        return ShardManager(
            self,
            # The CDK leaves "Default" out of logical ids, which so stay those of the time before this construct.
            "Default",
            stack_name=f"{settings.name}-enterprise",
            account_secret_name=settings.shards_secret,
            account_secret_key_arn=settings.secrets_key_arn,
            vpc=self._vpc,
            endpoint=settings.shards_endpoint,
            ca_parameter_name=settings.shards_ca_parameter,
            certificate_max_age_days=settings.certificate_max_age_days,
            **self._shared,
        )
