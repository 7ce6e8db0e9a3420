"""One role's task definition and service (D-4, D-5, D-6)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import Annotations, Aws, Duration, RemovalPolicy, Size
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from multiconnect.database.access import DatabaseAccess
from multiconnect.fleet import Fleet
from multiconnect.media import FOLDERS, Media
from multiconnect.monitoring import PERIOD
from multiconnect.roles import CA_FILE, CA_VARIABLE, CERTIFICATES_PATH, REPOSITORIES, TASK_ADDRESS, Role
from multiconnect.waivers import waive
from sizing import TaskSize

DEFAULT_REGISTRY: Final = "docker.whatsapp.biz"
"""The vendor's own registry."""

DEFAULT_IMAGE_TAG: Final = "v2.61.1"
"""The last release."""

STOP_TIMEOUT_SECONDS: Final = 120
"""A coreapp writes its queue to the database before it ends."""

HEALTH_CHECK_INTERVAL_SECONDS: Final = 30
HEALTH_CHECK_TIMEOUT_SECONDS: Final = 5
HEALTH_CHECK_START_MINUTES: Final = 5
"""ECS takes no longer start period than this."""

HEALTH_CHECK_RETRIES: Final = 10
"""With the start period these make 10 minutes before ECS replaces a task that has not opened its port.

The first start makes or upgrades the schema of the database. Three tasks that are replaced meanwhile trip the circuit
breaker of a small service, which rolls the deployment back (T-11). A container whose process ends is replaced at once,
and the client itself gives a shard to another coreapp after 35 s (M-6).
"""

HEALTH_CHECK_GRACE_MINUTES: Final = 15
"""For this long after its start, ECS stops no task because the load balancer calls it unhealthy (T-11).

Only a service behind a load balancer is given it: ECS may refuse it for another one.
https://github.com/aws-cloudformation/cfn-lint/issues/3612
"""

LOG_BUFFER_MIB: Final = 25
"""How much of a container's log is kept in memory while CloudWatch Logs does not take it; the rest is lost (T-27).

Docker's own default is 1 MiB, which a coreapp that logs a fault of each message fills at once. 25 MiB is the size in
AWS's example for its study of lost logs. The memory is the host's: it is taken only as far as the log fills it, and the
share that is kept from the tasks (5 % of the host, 204 MiB of the smallest) covers it.
Source: https://aws.amazon.com/blogs/containers/ and there preventing-log-loss-with-non-blocking-mode-in-the-awslogs-
container-log-driver
"""

ECR_REGISTRY: Final = re.compile(
    r"^(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?P<prefix>(?:/[a-z0-9._-]+)*)$"
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """Where the client's images come from.

    Attributes:
        registry: Registry and optional path; it holds `web` and `coreapp`. Default: `DEFAULT_REGISTRY`.
        tag: One tag for all roles. Default: `DEFAULT_IMAGE_TAG`.
    """

    registry: str = DEFAULT_REGISTRY
    tag: str = DEFAULT_IMAGE_TAG


@dataclass(frozen=True, kw_only=True)
class Hardening:
    """Limits that the vendor's own set-ups never ran the client with (docs/aws.md, "The closed image").

    Attributes:
        no_new_privileges: No process gains rights by a program that is owned by another user. Default: true.
        init_process: A small init process is the first in each container, hands signals on and collects what ended.
            Default: true.
        memory_limit: ECS ends a container at its memory limit, before it starves the others of its host. Default: true.
        health_check: ECS asks in the container whether its port is open, for which the image needs a bash.
            Default: true.
    """

    no_new_privileges: bool = True
    init_process: bool = True
    memory_limit: bool = True
    health_check: bool = True


@dataclass(frozen=True, kw_only=True)
class SharedResources:
    """What the services of all roles have in common.

    Attributes:
        fleet: Where the tasks run.
        media: The shared files.
        image: Where the images come from.
        hardening: Limits of the containers.
        database: How to reach the database.
        login: The secret with the login to the database.
        login_key: The key that encrypts the login.
        authorities: The certificate authorities that verify the database.
        server_name: The load balancer's DNS name.
        log_key: Encrypts the logs.
        log_retention: How long logs are kept.
        log_removal_policy: What happens to the logs when the stack is deleted.
    """

    fleet: Fleet
    media: Media
    image: Image
    hardening: Hardening
    database: DatabaseAccess
    login: secretsmanager.ISecret
    login_key: kms.IKey
    authorities: ssm.IStringParameter
    server_name: str
    log_key: kms.IKey
    log_retention: logs.RetentionDays
    log_removal_policy: RemovalPolicy


class RoleService(ecs.Ec2Service):
    """The service of one role.

    Its task definition, task role, log group and Linux parameters are made beside it in the same scope; their ids start
    with the role's name.
    """

    def __init__(
        self,
        scope: Construct,
        role: Role,
        *,
        size: TaskSize,
        shared: SharedResources,
        secrets: Mapping[str, ecs.Secret],
        security_group: ec2.ISecurityGroup,
    ) -> None:
        """Make the service and its task definition.

        Args:
            scope: The client.
            role: A row of `roles.ROLES`; its name is the construct id.
            size: How many tasks run and how large each one is, from the plan.
            shared: What all roles have in common.
            secrets: The generated secrets that the role is given, by variable.
            security_group: The role's own group.
        """
        self._cluster_name = shared.fleet.cluster.cluster_name
        definition = _task_definition(scope, role, shared)
        _add_container(definition, scope, role, size, shared, secrets)
        super().__init__(
            scope,
            role.name,
            cluster=shared.fleet.service_cluster,
            task_definition=definition,
            desired_count=size.count,
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(capacity_provider=shared.fleet.provider.capacity_provider_name, weight=1)
            ],
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_groups=[security_group],
            placement_strategies=[
                ecs.PlacementStrategy.spread_across(ecs.BuiltInAttributes.AVAILABILITY_ZONE),
                ecs.PlacementStrategy.spread_across_instances(),
            ],
            availability_zone_rebalancing=(
                ecs.AvailabilityZoneRebalancing.ENABLED
                if role.moves_between_zones
                else ecs.AvailabilityZoneRebalancing.DISABLED
            ),
            min_healthy_percent=size.minimum_healthy_percent,
            max_healthy_percent=size.maximum_percent,
            health_check_grace_period=Duration.minutes(HEALTH_CHECK_GRACE_MINUTES) if role.behind_balancer else None,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
            enable_ecs_managed_tags=True,
            enable_execute_command=False,
        )
        # A task fails that starts before it may mount the files, and before ECS may read its secrets.
        self.node.add_dependency(
            shared.media.mount_policy,
            shared.media.file_system.mount_targets_available,
            definition.obtain_execution_role(),
        )

    def running_tasks(self) -> cloudwatch.IMetric:
        """Return how many tasks run; Container Insights publishes it."""
        return cloudwatch.Metric(
            namespace="ECS/ContainerInsights",
            metric_name="RunningTaskCount",
            dimensions_map={"ClusterName": self._cluster_name, "ServiceName": self.service_name},
            statistic="Minimum",
            period=PERIOD,
        )


def answers_on(port: int) -> ecs.HealthCheck:
    """Return a check that something in the container takes connections on a port of the task's address."""
    return ecs.HealthCheck(
        command=["CMD-SHELL", f'bash -c "exec 3<>/dev/tcp/{TASK_ADDRESS}/{port}" || exit 1'],
        interval=Duration.seconds(HEALTH_CHECK_INTERVAL_SECONDS),
        timeout=Duration.seconds(HEALTH_CHECK_TIMEOUT_SECONDS),
        retries=HEALTH_CHECK_RETRIES,
        start_period=Duration.minutes(HEALTH_CHECK_START_MINUTES),
    )


def _task_definition(scope: Construct, role: Role, shared: SharedResources) -> ecs.Ec2TaskDefinition:
    """Make a task definition without containers, and the two roles that ECS uses with it."""
    volumes = [
        ecs.Volume(
            name=name,
            efs_volume_configuration=ecs.EfsVolumeConfiguration(
                file_system_id=shared.media.file_system.file_system_id,
                transit_encryption="ENABLED",
                authorization_config=ecs.AuthorizationConfig(access_point_id=point.access_point_id, iam="ENABLED"),
            ),
        )
        for name, point in shared.media.access_points.items()
    ]
    if shared.database.tls:
        volumes.append(ecs.Volume(name="certificates"))
    task_role = iam.Role(scope, f"{role.name}Role", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    definition = ecs.Ec2TaskDefinition(
        scope, f"{role.name}Task", network_mode=ecs.NetworkMode.AWS_VPC, task_role=task_role, volumes=volumes
    )
    shared.media.mount_policy.attach_to_role(task_role)
    waive(
        definition,
        "AwsSolutions-ECS2",
        "Only addresses, ports and switches are plain variables; every secret comes from Secrets Manager (D-6).",
    )
    shared.login_key.grant_decrypt(definition.obtain_execution_role())
    _allow_pull(definition, shared.image)
    return definition


def _allow_pull(definition: ecs.Ec2TaskDefinition, image: Image) -> None:
    """Let the task's execution role pull the client's images when they are in Amazon ECR."""
    ecr = ECR_REGISTRY.match(image.registry)
    if ecr is None:
        return
    prefix = f"arn:{Aws.PARTITION}:ecr:{ecr['region']}:{ecr['account']}:repository{ecr['prefix']}"
    execution_role = definition.obtain_execution_role()
    execution_role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            resources=[f"{prefix}/{repository}" for repository in REPOSITORIES],
        )
    )
    execution_role.add_to_principal_policy(
        iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"])  # takes no resource
    )
    waive(
        definition,
        "AwsSolutions-IAM5[Resource::*]",
        "ecr:GetAuthorizationToken knows no resource; what may be pulled is named in the statement beside it.",
    )
    Annotations.of(definition).acknowledge_warning(
        "@aws-cdk/aws-ecs:ecrImageRequiresPolicy", "The two statements above are that policy."
    )


def _add_container(
    definition: ecs.Ec2TaskDefinition,
    scope: Construct,
    role: Role,
    size: TaskSize,
    shared: SharedResources,
    secrets: Mapping[str, ecs.Secret],
) -> None:
    database = shared.database
    variables = {
        "WA_APP_MULTICONNECT": "1",
        "WA_CONFIG_ON_DB": "1",
        "WA_DB_ENGINE": database.engine,
        "WA_DB_HOSTNAME": database.hostname,
        "WA_DB_PORT": str(database.port),
    }
    database_secrets = {
        "WA_DB_USERNAME": ecs.Secret.from_secrets_manager(shared.login, "username"),
        "WA_DB_PASSWORD": ecs.Secret.from_secrets_manager(shared.login, "password"),
    }
    paths = dict(FOLDERS)
    if database.tls:
        variables["WA_DB_SSL_CA"] = CA_FILE
        database_secrets[CA_VARIABLE] = ecs.Secret.from_ssm_parameter(shared.authorities)
        paths["certificates"] = CERTIFICATES_PATH
    variables |= {name: value.format(load_balancer=shared.server_name) for name, value in role.variables.items()}
    limits = ecs.LinuxParameters(scope, f"{role.name}Linux", init_process_enabled=shared.hardening.init_process)
    limits.drop_capabilities(ecs.Capability.MKNOD)
    container = definition.add_container(
        role.container_name,
        image=ecs.ContainerImage.from_registry(f"{shared.image.registry}/{role.repository}:{shared.image.tag}"),
        entry_point=["/bin/sh", "-c"],
        command=[role.start_command(tls=database.tls)],
        memory_reservation_mib=size.memory_reservation_mib,
        memory_limit_mib=size.memory_limit_mib if shared.hardening.memory_limit else None,
        health_check=answers_on(role.health_port) if shared.hardening.health_check else None,
        stop_timeout=Duration.seconds(STOP_TIMEOUT_SECONDS),
        linux_parameters=limits,
        docker_security_options=["no-new-privileges"] if shared.hardening.no_new_privileges else None,
        environment=variables,
        secrets={**database_secrets, **secrets},
        logging=ecs.LogDrivers.aws_logs(
            stream_prefix=role.container_name,
            # Blocking would stop messages when CloudWatch Logs is slow.
            mode=ecs.AwsLogDriverMode.NON_BLOCKING,
            max_buffer_size=Size.mebibytes(LOG_BUFFER_MIB),
            log_group=logs.LogGroup(
                scope,
                f"{role.name}Log",
                retention=shared.log_retention,
                encryption_key=shared.log_key,
                removal_policy=shared.log_removal_policy,
            ),
        ),
        port_mappings=[ecs.PortMapping(container_port=port) for port in role.ports],
    )
    container.add_mount_points(
        *(ecs.MountPoint(source_volume=name, container_path=path, read_only=False) for name, path in paths.items())
    )
