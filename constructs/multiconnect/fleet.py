"""The hosts: an ECS cluster on EC2 that grows from the environment's default to the cap (M-16, M-17, D-1).

They are a group of our own, since ECS's managed instances know no greatest number (T-33).
"""

from collections.abc import Mapping
from typing import Final, cast

from aws_cdk import CfnResource, Duration
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct, DependencyGroup, IDependable

from multiconnect.monitoring import ABOVE, KEEP, PERIOD, Alarms
from multiconnect.waivers import waive
from sizing.planning.cost import HOST_VOLUME_GIB

AMI_PARAMETER: Final = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
"""Resolved by EC2 when a host starts, so that a new image never makes a stack update replace hosts.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html
"""

HOST_LIFETIME_DAYS: Final = 30
"""A host is drained and replaced after this long, so that no host runs an image older than a month.

A host that is protected from scale-in would stay beyond it (T-9), so none is protected: managed draining moves the
tasks instead.
"""

MAXIMUM_HEALTHY_PERCENT: Final = 110
"""A host that replaces another one is launched first (T-26), one at a time or a tenth of the fleet.

The percentage is of the hosts that are desired, not of the cap. A fleet that runs at its cap is one host above it while
another one drains. To end the old host first would change nothing: while it drains, its successor starts as well.
Source: https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-maintenance-policy-overview-and-considerations.html
"""

HOST_WARMUP_MINUTES: Final = 3
"""A new host registers with the cluster within this time. Before that no other host is replaced."""

CAP_ALARM_MINUTES: Final = 60
"""More hosts than the cap, for longer than one host takes to drain."""

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
        launch_template: What each host is started from.
        group: The auto scaling group of the hosts.
        provider: Scales the group, and drains a host before it ends.
        association: Attaches the provider to the cluster.
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
        self.launch_template = ec2.LaunchTemplate(
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
            _tag_interfaces(self.launch_template, interface_tags)
        self.group = autoscaling.AutoScalingGroup(
            self,
            "Hosts",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            launch_template=self.launch_template,
            min_capacity=minimum_hosts,
            max_capacity=maximum_hosts,
            max_instance_lifetime=Duration.days(HOST_LIFETIME_DAYS),
            min_healthy_percentage=100,
            max_healthy_percentage=MAXIMUM_HEALTHY_PERCENT,
            default_instance_warmup=Duration.minutes(HOST_WARMUP_MINUTES),
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
            # Protected hosts are neither renewed (T-9) nor given back when the cap falls (T-4), and a group that has
            # one is never deleted (T-2). Draining moves the tasks within the minimum of their service.
            enable_managed_termination_protection=False,
            target_capacity_percent=100,
        )
        self.association = ecs.CfnClusterCapacityProviderAssociations(
            self,
            "Providers",
            cluster=self.cluster.cluster_name,
            capacity_providers=[self.provider.capacity_provider_name],
            default_capacity_provider_strategy=[],
        )
        # The association's name is the cluster's. A service that names the cluster this way is made after it; made
        # before, it would find no capacity provider.
        self.service_cluster = ecs.Cluster.from_cluster_attributes(
            self, "ServiceCluster", cluster_name=self.association.ref, vpc=vpc, has_ec2_capacity=True
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

    def let_set_trunking(self, caller: iam.IRole) -> IDependable:
        """Let a function act as the hosts' role to turn ENI trunking on and off for it, and for nothing else (D-4).

        ECS takes an account setting from the principal alone that it is for (T-1). Both rights belong to this stack, so
        that neither outlives the role.

        Args:
            caller: The function's role, of another stack.

        Returns:
            What must exist before the function is called.
        """
        assume_role = self.role.assume_role_policy
        if assume_role is None:
            raise TypeError("the hosts' role is made here, with a trust policy of its own")
        assume_role.add_statements(
            iam.PolicyStatement(actions=["sts:AssumeRole"], principals=[iam.ArnPrincipal(caller.role_arn)])
        )
        setting = iam.Policy(
            self,
            "AccountSetting",
            roles=[self.role],
            statements=[
                iam.PolicyStatement(
                    actions=["ecs:PutAccountSetting", "ecs:DeleteAccountSetting"],
                    resources=["*"],  # account settings have no ARN
                    conditions={"StringEquals": {"ecs:account-setting": "awsvpcTrunking"}},
                )
            ],
        )
        waive(
            setting,
            "AwsSolutions-IAM5[Resource::*]",
            "The two actions take no resource; a condition names the one setting, and ECS the caller's own alone.",
        )
        acting = iam.Policy(
            self,
            "AccountSettingCaller",
            roles=[caller],
            statements=[iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[self.role.role_arn])],
        )
        return DependencyGroup(setting, acting)

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

    def all_hosts(self) -> cloudwatch.IMetric:
        """Return how many hosts there are: in service, starting and draining."""
        return cloudwatch.Metric(
            namespace="AWS/AutoScaling",
            metric_name="GroupTotalInstances",
            dimensions_map={"AutoScalingGroupName": self.group.auto_scaling_group_name},
            statistic="Minimum",
            period=PERIOD,
            label="hosts in all",
        )

    def memory_reservation(self) -> cloudwatch.IMetric:
        """Return the memory that tasks reserve, in percent of what the hosts have; the fleet scales on it (M-17)."""
        return self.cluster.metric_memory_reservation(period=PERIOD, label="memory reserved, %")

    def add_alarms(self, alarms: Alarms, *, maximum_hosts: int) -> None:
        """Add an alarm for a fleet that cannot grow any more, and one for a fleet that does not shrink to its cap.

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
        alarms.add(
            "HostsAboveCap",
            self.all_hosts(),
            ABOVE,
            maximum_hosts,
            minutes=CAP_ALARM_MINUTES,
            missing_data=KEEP,
            description=f"Over {maximum_hosts} hosts, which is the cap, have been there for an hour: hosts drain and "
            "do not end, since a task finds no other place, or a renewal takes long. Look at the group's activity and "
            "at the events of the services.",
        )


def _tag_interfaces(template: ec2.LaunchTemplate, tags: Mapping[str, str]) -> None:
    """Tag the network interface of each host; the CDK has put specifications for instance and volume before."""
    definition = cast(CfnResource, template.node.default_child)
    definition.add_property_override(
        "LaunchTemplateData.TagSpecifications.2",
        {"ResourceType": "network-interface", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]},
    )
