"""The enterprise stack: hosts, files, the way in and the client itself."""

from typing import Any, cast

from aws_cdk import CfnOutput, CfnResource, CustomResource, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from multiconnect.client import Client
from multiconnect.container import Image
from multiconnect.dashboard import Dashboard
from multiconnect.database import PORT as DATABASE_PORT
from multiconnect.encryption import allow_alarms, encryption_key
from multiconnect.entry import API_PORT, Entry
from multiconnect.fleet import Fleet
from multiconnect.media import Media
from multiconnect.monitoring import Alarms
from sizing import Plan
from stacks.database import DatabaseStack
from stacks.functions import TIMEOUT_MINUTES, FunctionsStack, ManagedShards
from stacks.network import NetworkStack
from stacks.retention import Retention
from stacks.settings import Settings

ANSWER_TIMEOUT_SECONDS = 60 * (TIMEOUT_MINUTES + 2)
"""CloudFormation waits an hour by default; a function that lives for ten minutes gives no answer after that."""


class EnterpriseStack(Stack):
    """The cluster that a plan asks for.

    Attributes:
        client: Its three services.
    """

    client: Client

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        plan: Plan,
        network: NetworkStack,
        database: DatabaseStack,
        functions: FunctionsStack,
        **stack_options: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack_options)
        retention = Retention.of(settings)
        vpc = network.vpc_in(self)
        key = encryption_key(
            self,
            "ClusterKey",
            description=f"Files, secrets and alarms of {settings.name}",
            removal_policy=retention.keys_and_files,
        )
        allow_alarms(key)
        fleet = Fleet(
            self,
            "Fleet",
            vpc=vpc,
            instance_type=plan.hosts.instance_type,
            minimum_hosts=plan.hosts.minimum,
            maximum_hosts=plan.hosts.maximum,
            reserved_memory_mib=plan.hosts.agent_memory_mib,
        )
        if settings.eni_trunking:
            fleet.start_after(
                self._custom_resource("EniTrunking", functions.eni_trunking, {"RoleArn": fleet.role.role_arn})
            )
        entry = Entry(
            self,
            "Entry",
            vpc=vpc,
            internet_facing=settings.load_balancer_scheme == "internet-facing",
            allowed_cidrs=settings.allowed_cidrs,
            deletion_protection=retention.deletion_protection,
        )
        self.client = Client(
            self,
            "Client",
            vpc=vpc,
            fleet=fleet,
            entry=entry,
            media=Media(self, "Media", vpc=vpc, key=key, removal_policy=retention.keys_and_files),
            database=database.access,
            image=Image(registry=settings.registry, tag=settings.image_tag),
            tasks=plan.tasks,
            key=key,
            log_key=network.log_key,
            log_retention=retention.logs,
            removal_policy=retention.keys_and_files,
        )
        if functions.database_user is not None:
            self.client.start_after(
                self._custom_resource(
                    "DatabaseUser",
                    functions.database_user,
                    {
                        "MasterSecretArn": database.master_secret_arn,
                        "UserSecretArn": database.access.secret_arn,
                        "Host": database.access.hostname,
                        "Port": str(DATABASE_PORT),
                        "TlsRequired": str(settings.tls).lower(),
                        "CaParameterName": database.access.certificate_authorities,
                    },
                )
            )
        alarms = Alarms(self, "Alarms", key=key, alarm_email=settings.alarm_email)
        fleet.add_alarms(alarms, maximum_hosts=plan.hosts.maximum)
        entry.add_alarms(alarms)
        self.client.add_alarms(alarms, active_coreapps=plan.active_coreapps, coreapps=plan.coreapps)
        dashboard = Dashboard(
            self, "Dashboard", plan=plan, fleet=fleet, entry=entry, client=self.client, database=database.database
        )
        if functions.shards is not None:
            raised = self._manage_shards(functions.shards, plan, fleet, entry)
            # Raised last of all, so that nothing is left that could fail and roll the raise back.
            raised.node.add_dependency(alarms, dashboard)
        CfnOutput(
            self,
            "Endpoint",
            description="The client's API; its certificate is signed by the client itself",
            value=f"https://{entry.load_balancer.load_balancer_dns_name}",
        )
        CfnOutput(
            self,
            "ShardCount",
            description="Set Shards to this: after a deploy that raised it (M-22), before one that lowers it (M-23)",
            value=str(plan.active_coreapps),
        )
        CfnOutput(self, "ClusterName", description="The ECS cluster", value=fleet.cluster.cluster_name)
        CfnOutput(
            self,
            "CoreappService",
            description="The ECS service of the coreapps",
            value=self.client.coreapp.service_name,
        )

    def _manage_shards(self, shards: ManagedShards, plan: Plan, fleet: Fleet, entry: Entry) -> CustomResource:
        """Put one custom resource before the coreapps, which lowers, and one after them, which raises (M-22, M-23).

        Returns:
            The one after them.
        """
        functions = ec2.SecurityGroup.from_security_group_id(
            self, "ShardsSecurityGroup", shards.security_group.security_group_id
        )
        entry.security_group.connections.allow_from(functions, ec2.Port.tcp(API_PORT), "Functions that set the shards")
        endpoint = f"https://{entry.load_balancer.load_balancer_dns_name}"
        told = {"Endpoint": endpoint, **shards.properties, "Shards": str(plan.active_coreapps)}
        coreapp = self.client.coreapp
        before = CustomResource(
            self, "ShardsBefore", service_token=shards.service_token, properties={**told, "Place": "before"}
        )
        # Neither hosts nor coreapps may go before the shards that they serve have.
        fleet.start_after(before)
        coreapp.node.add_dependency(before)
        after = CustomResource(
            self,
            "ShardsAfter",
            service_token=shards.service_token,
            properties={
                **told,
                "Place": "after",
                "ClusterName": fleet.cluster.cluster_name,
                "ServiceName": coreapp.service_name,
            },
        )
        after.node.add_dependency(self.client.webapp, self.client.master)  # on the coreapps it depends by name
        return after

    def _custom_resource(
        self, construct_id: str, function: lambda_.IFunction, properties: dict[str, str]
    ) -> CustomResource:
        resource = CustomResource(self, construct_id, service_token=function.function_arn, properties=properties)
        # Not by `service_timeout`, which is written as text that CloudFormation has to coerce.
        definition = cast(CfnResource, resource.node.default_child)
        definition.add_property_override("ServiceTimeout", ANSWER_TIMEOUT_SECONDS)
        return resource
