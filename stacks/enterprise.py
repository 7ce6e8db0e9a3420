"""The enterprise stack: hosts, files, the way in and the client itself."""

from typing import Any, cast

from aws_cdk import ArnFormat, CfnElement, CfnOutput, CfnResource, CustomResource, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IDependable

import functions.contract as contract
from multiconnect.arns import arn_of
from multiconnect.client import Client
from multiconnect.dashboard import Dashboard
from multiconnect.encryption import allow_alarms, encryption_key
from multiconnect.entry import Entry
from multiconnect.fleet import Fleet
from multiconnect.function import DEFAULT_TIMEOUT_MINUTES, MAX_TIMEOUT_MINUTES, Function
from multiconnect.media import Media
from multiconnect.monitoring import Alarms
from multiconnect.service import Hardening, Image
from multiconnect.waivers import waive
from sizing import Plan
from stacks.database import DatabaseStack
from stacks.functions import FunctionsStack
from stacks.network import NetworkStack
from stacks.retention import Retention
from stacks.settings import Settings

ANSWER_MARGIN_MINUTES = 2
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
            volume_key=kms.Key.from_key_arn(self, "VolumeKey", settings.volume_key_arn)
            if settings.volume_key_arn
            else None,
            interface_tags=settings.tags,
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
            timeout_minutes=MAX_TIMEOUT_MINUTES,
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
            timeout_minutes=MAX_TIMEOUT_MINUTES,
        )
        # On a delete it ends the hosts while the provider still stands, which drains them.
        hosts_after.node.add_dependency(fleet.association)
        entry = Entry(
            self,
            "Entry",
            vpc=vpc,
            internet_facing=settings.load_balancer_scheme == "internet-facing",
            allowed_cidrs=settings.allowed_cidrs,
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
            hardening=Hardening(
                no_new_privileges=settings.no_new_privileges,
                init_process=settings.init_process,
                memory_limit=settings.memory_limits,
                health_check=settings.container_health_checks,
            ),
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
        self.client.start_with_one_webapp(self._first_webapp(functions.first_webapp, settings, fleet, vpc))
        alarms = Alarms(self, "Alarms", key=key, alarm_email=settings.alarm_email)
        fleet.add_alarms(alarms, maximum_hosts=plan.hosts.maximum)
        entry.add_alarms(alarms, after=self.client.webapp)
        self.client.add_alarms(
            alarms,
            active_coreapps=plan.active_coreapps,
            coreapps=plan.coreapps,
            webapps=plan.webs,
            masters=plan.masters,
            database=database.database,
        )
        dashboard = Dashboard(
            self, "Dashboard", plan=plan, fleet=fleet, entry=entry, client=self.client, database=database.database
        )
        last: list[IDependable] = [alarms, dashboard]
        if settings.deletion_protection:
            protection = self._protection(functions.protection, entry, database)
            protection.node.add_dependency(self.client.webapp, self.client.coreapp, self.client.master, *last)
            last.append(protection)
        if functions.shards is not None:
            # See `FunctionsStack._shards` for the import and for the id.
            from multiconnect.shards import ShardResources

            # An internet-facing load balancer has public addresses alone, so the way to it leads out of the VPC.
            calls_come_through_nat = settings.load_balancer_scheme == "internet-facing" and not settings.shards_endpoint
            shards = ShardResources(
                self,
                "Default",
                manager=functions.shards,
                active_coreapps=plan.active_coreapps,
                fleet=fleet,
                entry=entry,
                client=self.client,
                nat_addresses=network.nat_addresses if calls_come_through_nat else (),
            )
            # The raise comes last, so that nothing is left that could fail and roll it back. When the raise itself
            # fails in a first create, the rollback switches the protection off again before it deletes anything else.
            shards.after.node.add_dependency(*last)
            # The shards are lowered while all coreapps still run (M-23).
            hosts_before.node.add_dependency(shards.before)
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

    def _first_webapp(self, function: Function, settings: Settings, fleet: Fleet, vpc: ec2.IVpc) -> CustomResource:
        """Run one webapp before all the others, and let the function do that and nothing else."""
        definition = self.client.webapp.task_definition
        task_roles = [role.role_arn for role in (definition.task_role, definition.execution_role) if role]
        cluster_id = self.get_logical_id(cast(CfnElement, fleet.cluster.node.default_child))
        tasks = arn_of(self, "ecs", "task", f"{fleet.cluster.cluster_name}/*")
        in_cluster = {"ArnEquals": {"ecs:cluster": fleet.cluster.cluster_arn}}
        rights = iam.Policy(
            self,
            "FirstWebappRights",
            roles=[function.execution_role],
            statements=[
                iam.PolicyStatement(
                    actions=["ecs:RunTask"], resources=[definition.task_definition_arn], conditions=in_cluster
                ),
                iam.PolicyStatement(
                    actions=["iam:PassRole"],
                    resources=task_roles,
                    conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
                ),
                # The id of a task is not known before.
                iam.PolicyStatement(actions=["ecs:DescribeTasks", "ecs:StopTask"], resources=[tasks.value]),
                # Tasks are listed for hosts, whose ids are not known before; the condition names the cluster.
                iam.PolicyStatement(actions=["ecs:ListTasks"], resources=["*"], conditions=in_cluster),
            ],
        )
        for resources, reason in {
            "*": "Tasks are listed for hosts, whose ids are not known before; a condition names this cluster.",
            arn_of(self, "ecs", "task", f"<{cluster_id}>/*").shown: "ECS makes the id of a task; the cluster is named.",
        }.items():
            waive(rights, f"AwsSolutions-IAM5[Resource::{resources}]", reason)
        subnets = vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS).subnet_ids
        resource = self._custom_resource(
            "FirstWebapp",
            function,
            {
                contract.CLUSTER_NAME: fleet.cluster.cluster_name,
                contract.TASK_DEFINITION_ARN: definition.task_definition_arn,
                contract.CAPACITY_PROVIDER: fleet.provider.capacity_provider_name,
                contract.SUBNET_IDS: Fn.join(",", subnets),
                contract.SECURITY_GROUP_ID: self.client.webapp_security_group.security_group_id,
                contract.HEALTH_CHECKED: str(settings.container_health_checks).lower(),
            },
            timeout_minutes=MAX_TIMEOUT_MINUTES,
        )
        # The webapp's secrets, which its service would ask for again and again until it may read them.
        resource.node.add_dependency(rights, cast(iam.IRole, definition.execution_role))
        return resource

    def _protection(self, function: Function, entry: Entry, database: DatabaseStack) -> CustomResource:
        """Switch deletion protection on, by the exact names of what is protected (T-3)."""
        balancer = entry.load_balancer.load_balancer_arn
        instance = self.format_arn(
            service="rds",
            resource="db",
            resource_name=database.identifier,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        policy = iam.Policy(
            self,
            # Another scheme is another load balancer. The protection of the old one is switched off before it goes, so
            # the right to do that stands beside the new one until then.
            "PublicProtectionPolicy" if entry.internet_facing else "ProtectionPolicy",
            roles=[function.execution_role],
            statements=[
                iam.PolicyStatement(actions=[action], resources=[arn])
                for action, arn in (
                    ("elasticloadbalancing:ModifyLoadBalancerAttributes", balancer),
                    ("rds:ModifyDBInstance", instance),
                )
            ],
        )
        resource = self._custom_resource(
            "Protection",
            function,
            {contract.LOAD_BALANCER_ARN: balancer, contract.DATABASE_IDENTIFIER: database.identifier},
        )
        resource.node.add_dependency(policy)
        return resource

    def _custom_resource(
        self,
        construct_id: str,
        function: lambda_.IFunction,
        properties: dict[str, str],
        *,
        timeout_minutes: int = DEFAULT_TIMEOUT_MINUTES,
    ) -> CustomResource:
        resource = CustomResource(self, construct_id, service_token=function.function_arn, properties=properties)
        # The CDK's own argument `service_timeout` would write the number as text.
        definition = cast(CfnResource, resource.node.default_child)
        definition.add_property_override("ServiceTimeout", 60 * (timeout_minutes + ANSWER_MARGIN_MINUTES))
        return resource
