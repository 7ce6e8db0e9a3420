"""The enterprise stack: hosts, files, the way in and the client itself."""

from typing import Any, cast

from aws_cdk import CfnOutput, CfnResource, CustomResource, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

import functions.contract as contract
from multiconnect.client import Client
from multiconnect.dashboard import Dashboard
from multiconnect.encryption import allow_alarms, encryption_key
from multiconnect.entry import Entry
from multiconnect.fleet import Fleet
from multiconnect.hosts import TIMEOUT_MINUTES
from multiconnect.media import Media
from multiconnect.monitoring import Alarms
from multiconnect.service import Image
from sizing import Plan
from stacks.database import DatabaseStack
from stacks.functions import FunctionsStack
from stacks.network import NetworkStack
from stacks.retention import Retention
from stacks.settings import Settings

ANSWER_TIMEOUT_SECONDS = 60 * (TIMEOUT_MINUTES + 2)
"""CloudFormation waits an hour by default, yet a function cannot answer any more once Lambda has ended it."""


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
        # The rights stay when trunking is switched off: the deletion of the custom resource needs them.
        trunking_rights = fleet.let_set_trunking(functions.eni_trunking.execution_role)
        if settings.eni_trunking:
            trunking = self._custom_resource(
                "EniTrunking", functions.eni_trunking, {contract.ROLE_ARN: fleet.role.role_arn}
            )
            trunking.node.add_dependency(trunking_rights)
            fleet.start_after(trunking)
        hosts_before = self._custom_resource(
            "HostsBefore",
            functions.hosts,
            {
                contract.PLACE: contract.BEFORE,
                contract.CLUSTER_NAME: fleet.cluster.cluster_name,
                contract.WEBAPP_TASKS: str(plan.tasks.webapp.count),
                contract.COREAPP_TASKS: str(plan.tasks.coreapp.count),
                contract.MASTER_TASKS: str(plan.tasks.master.count),
            },
        )
        fleet.start_after(hosts_before)
        hosts_after = self._custom_resource(
            "HostsAfter",
            functions.hosts,
            {
                contract.PLACE: contract.AFTER,
                contract.CLUSTER_NAME: fleet.cluster.cluster_name,
                contract.GROUP_NAME: fleet.group.auto_scaling_group_name,
                contract.LAUNCH_TEMPLATE_VERSION: fleet.launch_template.latest_version_number,
            },
        )
        # On a delete it ends the hosts while the provider still stands, which drains them.
        hosts_after.node.add_dependency(fleet.association)
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
        self.client.start_after(hosts_after)
        if functions.database_user is not None:
            self.client.start_after(
                self._custom_resource(
                    "DatabaseUser",
                    functions.database_user,
                    {
                        contract.MASTER_SECRET_ARN: database.master_secret_arn,
                        contract.USER_SECRET_ARN: database.access.secret_arn,
                        contract.HOST: database.access.hostname,
                        contract.PORT: str(database.access.port),
                        contract.TLS_REQUIRED: str(settings.tls).lower(),
                        contract.CA_PARAMETER_NAME: database.access.certificate_authorities,
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
            # See `FunctionsStack._shards` for the import and for the id.
            from multiconnect.shards import ShardResources

            shards = ShardResources(
                self,
                "Default",
                manager=functions.shards,
                active_coreapps=plan.active_coreapps,
                fleet=fleet,
                entry=entry,
                client=self.client,
            )
            # The shards are lowered while all coreapps still run (M-23).
            hosts_before.node.add_dependency(shards.before)
            # The raise comes last, so that nothing is left that could fail and roll it back.
            shards.after.node.add_dependency(alarms, dashboard)
        CfnOutput(
            self,
            contract.ENDPOINT_OUTPUT,
            description="The client's API; its certificate is signed by the client itself",
            value=f"https://{entry.load_balancer.load_balancer_dns_name}",
        )
        CfnOutput(
            self,
            contract.SHARD_COUNT_OUTPUT,
            description="Set Shards to this: after a deploy that raised it (M-22), before one that lowers it (M-23)",
            value=str(plan.active_coreapps),
        )
        CfnOutput(self, contract.CLUSTER_NAME_OUTPUT, description="The ECS cluster", value=fleet.cluster.cluster_name)
        CfnOutput(
            self,
            contract.GROUP_NAME_OUTPUT,
            description="The auto scaling group of the hosts",
            value=fleet.group.auto_scaling_group_name,
        )
        CfnOutput(self, contract.MAXIMUM_HOSTS_OUTPUT, description="The cap (M-17)", value=str(plan.hosts.maximum))
        for output, service, tasks in (
            (contract.WEBAPP_SERVICE_OUTPUT, self.client.webapp, "webapps"),
            (contract.COREAPP_SERVICE_OUTPUT, self.client.coreapp, "coreapps"),
            (contract.MASTER_SERVICE_OUTPUT, self.client.master, "masters"),
        ):
            CfnOutput(self, output, description=f"The ECS service of the {tasks}", value=service.service_name)

    def _custom_resource(
        self, construct_id: str, function: lambda_.IFunction, properties: dict[str, str]
    ) -> CustomResource:
        resource = CustomResource(self, construct_id, service_token=function.function_arn, properties=properties)
        # The CDK's own argument `service_timeout` would write the number as text.
        definition = cast(CfnResource, resource.node.default_child)
        definition.add_property_override("ServiceTimeout", ANSWER_TIMEOUT_SECONDS)
        return resource
