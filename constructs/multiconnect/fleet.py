"""The hosts: an ECS cluster on EC2 that grows from the environment's default to the cap (M-16, M-17, D-1)."""

from collections.abc import Mapping
from typing import Final, cast

from aws_cdk import CfnResource, Duration
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct, IDependable

from multiconnect.monitoring import ABOVE, KEEP, PERIOD, Alarms
from multiconnect.waivers import waive
from sizing.planning.cost import HOST_VOLUME_GIB

AMI_PARAMETER: Final = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
"""Resolved by EC2 when a host starts, so that a new image never makes a stack update replace hosts.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html
"""

HOST_LIFETIME_DAYS: Final = 30
"""A host is drained and replaced after this long, so that no host runs an image older than a month."""

MEMORY_ALARM_PERCENT: Final = 85
"""The published release adds a host above this share of reserved memory (M-17). At the cap no host can be added."""

CONTAINER_STOP_TIMEOUT: Final = "2m"
"""A coreapp writes its queue to the database before it ends. By default ECS kills a container after 30 s."""


class Fleet(Construct):
    """The cluster, its hosts and the capacity provider that sizes them by the memory that tasks reserve.

    Attributes:
        cluster: The ECS cluster.
        service_cluster: The same cluster, for services to name. A service that names it is made after the capacity
            provider is attached.
        group: The auto scaling group of the hosts.
        provider: Scales the group, drains a host before it ends, and protects hosts that run tasks.
        role: The hosts' role; no container can use it.
        security_group: The hosts'; nothing comes in.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        instance_type: str,
        minimum_hosts: int,
        maximum_hosts: int,
        reserved_memory_mib: int,
        volume_key: kms.IKey | None = None,
        interface_tags: Mapping[str, str] | None = None,
    ) -> None:
        """Make the cluster and its hosts.

        Args:
            scope: The stack.
            construct_id: A contract: another id is another cluster.
            vpc: With private subnets.
            instance_type: EC2 type of every host.
            minimum_hosts: The environment's default (M-16).
            maximum_hosts: The cap for the active coreapps (M-17).
            reserved_memory_mib: Memory of each host that is kept from the tasks, for the ECS agent.
            volume_key: Encrypts the hosts' volumes. Its policy must let the service-linked role of EC2 Auto Scaling use
                it (T-45). Default: the account's own default for volumes.
            interface_tags: Tags of the hosts' network interfaces, which the CDK's own tags do not reach. Default: none.
        """
        super().__init__(scope, construct_id)
        self.cluster = ecs.Cluster(self, "Cluster", vpc=vpc, container_insights_v2=ecs.ContainerInsights.ENABLED)
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="Hosts: nothing comes in; Session Manager needs no port",
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonSSMManagedInstanceCore")],
        )
        waive(
            self.role,
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore]",
            "Session Manager replaces SSH. AWS keeps this policy in step with its agent; it reaches no data.",
        )
        self._allow_agent()
        user_data = ec2.UserData.for_linux()
        user_data.add_commands(
            # The agent reads this file when it starts. Nothing is fetched or installed at boot.
            f"cat >> /etc/ecs/ecs.config <<'CONFIG'\nECS_CLUSTER={self.cluster.cluster_name}\n"
            f"ECS_RESERVED_MEMORY={reserved_memory_mib}\nECS_CONTAINER_STOP_TIMEOUT={CONTAINER_STOP_TIMEOUT}\n"
            "ECS_DISABLE_PRIVILEGED=true\nECS_AWSVPC_BLOCK_IMDS=true\nCONFIG"
        )
        template = ec2.LaunchTemplate(
            self,
            "LaunchTemplate",
            instance_type=ec2.InstanceType(instance_type),
            machine_image=ec2.MachineImage.resolve_ssm_parameter_at_launch(AMI_PARAMETER, user_data=user_data),
            role=self.role,
            security_group=self.security_group,
            http_tokens=ec2.LaunchTemplateHttpTokens.REQUIRED,
            http_put_response_hop_limit=1,  # a container is one hop further away, so it cannot reach the host's role
            detailed_monitoring=True,
            ebs_optimized=True,
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/xvda",
                    volume=ec2.BlockDeviceVolume.ebs(
                        HOST_VOLUME_GIB, volume_type=ec2.EbsDeviceVolumeType.GP3, encrypted=True, kms_key=volume_key
                    ),
                )
            ],
        )
        if interface_tags:
            _tag_interfaces(template, interface_tags)
        self.group = autoscaling.AutoScalingGroup(
            self,
            "Hosts",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            launch_template=template,
            min_capacity=minimum_hosts,
            max_capacity=maximum_hosts,
            new_instances_protected_from_scale_in=True,  # what managed termination protection asks for
            max_instance_lifetime=Duration.days(HOST_LIFETIME_DAYS),
            group_metrics=[autoscaling.GroupMetrics.all()],
        )
        waive(
            self.group,
            "AwsSolutions-AS3",
            "Every scaling event would be a message. The alarms speak where a person must act: unhealthy webapps, "
            "missing coreapps, memory at the cap.",
        )
        self.provider = ecs.AsgCapacityProvider(
            self,
            "CapacityProvider",
            auto_scaling_group=self.group,
            enable_managed_scaling=True,
            enable_managed_draining=True,
            enable_managed_termination_protection=True,
            target_capacity_percent=100,
        )
        providers = ecs.CfnClusterCapacityProviderAssociations(
            self,
            "Providers",
            cluster=self.cluster.cluster_name,
            capacity_providers=[self.provider.capacity_provider_name],
            default_capacity_provider_strategy=[],
        )
        # The association's name is the cluster's. A service that names the cluster this way is made after it; made
        # before, it would find no capacity provider.
        self.service_cluster = ecs.Cluster.from_cluster_attributes(
            self, "ServiceCluster", cluster_name=providers.ref, vpc=vpc, has_ec2_capacity=True
        )

    def _allow_agent(self) -> None:
        """Let the ECS agent speak for hosts of this cluster; images and logs are the task execution roles' business.

        Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html
        """
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ecs:RegisterContainerInstance",
                    "ecs:DeregisterContainerInstance",
                    "ecs:SubmitAttachmentStateChanges",
                    "ecs:SubmitContainerStateChange",
                    "ecs:SubmitTaskStateChange",
                ],
                resources=[self.cluster.cluster_arn],
            )
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"],
                resources=["*"],  # the ids of hosts are not known before; the condition names the cluster
                conditions={"ArnEquals": {"ecs:cluster": self.cluster.cluster_arn}},
            )
        )
        self.role.add_to_policy(
            iam.PolicyStatement(actions=["ecs:DiscoverPollEndpoint"], resources=["*"])  # takes no resource
        )
        waive(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "The ECS agent's own calls: one takes no resource, the others are bound to this cluster by a condition.",
        )

    def start_after(self, dependency: IDependable) -> None:
        """Start no host before this exists: trunking is fixed when a host registers (D-4)."""
        self.group.node.add_dependency(dependency)

    def hosts_in_service(self) -> cloudwatch.IMetric:
        """Return how many hosts are in service."""
        return cloudwatch.Metric(
            namespace="AWS/AutoScaling",
            metric_name="GroupInServiceInstances",
            dimensions_map={"AutoScalingGroupName": self.group.auto_scaling_group_name},
            statistic="Maximum",
            period=PERIOD,
            label="hosts",
        )

    def memory_reservation(self) -> cloudwatch.IMetric:
        """Return the memory that tasks reserve, in percent of what the hosts have; the fleet scales on it (M-17)."""
        return self.cluster.metric_memory_reservation(period=PERIOD, label="memory reserved, %")

    def add_alarms(self, alarms: Alarms, *, maximum_hosts: int) -> None:
        """Add an alarm for a fleet that cannot grow any more.

        Args:
            alarms: Where the alarm is added.
            maximum_hosts: The cap for the active coreapps.
        """
        alarms.add(
            "MemoryAtCap",
            cloudwatch.MathExpression(
                expression=f"IF(hosts >= {maximum_hosts}, reserved, 0)",
                using_metrics={"hosts": self.hosts_in_service(), "reserved": self.memory_reservation()},
                label="memory reserved at the cap, %",
                period=PERIOD,
            ),
            ABOVE,
            MEMORY_ALARM_PERCENT,
            missing_data=KEEP,
            description=f"All {maximum_hosts} hosts of the cap run, and over {MEMORY_ALARM_PERCENT} % of their "
            "memory is reserved: a lost host's tasks may find no place. Choose a larger host_type.",
        )


def _tag_interfaces(template: ec2.LaunchTemplate, tags: Mapping[str, str]) -> None:
    """Tag the network interface of each host; the CDK has put specifications for instance and volume before."""
    definition = cast(CfnResource, template.node.default_child)
    definition.add_property_override(
        "LaunchTemplateData.TagSpecifications.2",
        {"ResourceType": "network-interface", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]},
    )
