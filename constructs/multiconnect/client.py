"""The client's three services: webapps, coreapps and masters (D-4, D-5, D-6)."""

from collections.abc import Mapping, Sequence

from aws_cdk import Annotations, Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct, IDependable

from multiconnect.container import (
    API_KEY_LENGTH,
    CA_FILE,
    CA_VARIABLE,
    CERTIFICATES_PATH,
    CONTACTS_PORT,
    CONTROL_PORT,
    DATABASE_IDLE_TIMEOUT_MS,
    ECR_REGISTRY,
    HEALTH_PORT,
    JWT_KEY_LENGTH,
    MESSAGING_PORT,
    PEER_SECRET_LENGTH,
    STOP_TIMEOUT_SECONDS,
    TASK_ADDRESS,
    DatabaseAccess,
    Image,
    answers_on,
    start_command,
)
from multiconnect.database import PORT as DATABASE_PORT
from multiconnect.entry import API_PORT, Entry
from multiconnect.fleet import Fleet
from multiconnect.media import FOLDERS, NFS_PORT, Media
from multiconnect.monitoring import BELOW, PERIOD, Alarms
from multiconnect.waivers import waive
from sizing import Tasks, TaskSize


class Client(Construct):
    """Webapps, coreapps and masters: one service, one task role and one security group each.

    Attributes:
        webapp: Behind the load balancer.
        coreapp: Active coreapps and spares (M-5, M-15).
        master: One holds the lease, the others wait.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        fleet: Fleet,
        entry: Entry,
        media: Media,
        database: DatabaseAccess,
        image: Image,
        tasks: Tasks,
        key: kms.IKey,
        log_key: kms.IKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        """Make the three services.

        Args:
            scope: The stack.
            construct_id: A contract: other ids are other services.
            vpc: With private subnets.
            fleet: Where the tasks run.
            entry: Whose targets the webapps are.
            media: The shared files.
            database: How to reach it.
            image: Which containers.
            tasks: How many of each and how large, from the plan.
            key: Encrypts the secrets.
            log_key: Encrypts the logs.
            log_retention: How long logs are kept.
            removal_policy: `RETAIN` keeps secrets and logs when the stack goes.
        """
        super().__init__(scope, construct_id)
        self._vpc, self._fleet, self._media, self._database, self._image = vpc, fleet, media, database, image
        self._key, self._log_key, self._log_retention = key, log_key, log_retention
        self._removal_policy = removal_policy

        # Of another stack: as references, so that grants change the roles here and not the key's policy there.
        self._login = secretsmanager.Secret.from_secret_complete_arn(self, "DatabaseLogin", database.secret_arn)
        self._authorities = ssm.StringParameter.from_string_parameter_attributes(
            self,
            "DatabaseAuthorities",
            parameter_name=database.certificate_authorities,
            simple_name=True,
            force_dynamic_reference=True,  # ECS reads it; the template must not
        )
        self._login_key = kms.Key.from_key_arn(self, "DatabaseLoginKey", database.key_arn)
        groups = {name: self._security_group(name) for name in ("Webapp", "Coreapp", "Master")}
        self._member = self._security_group("Member")  # what all three may reach, beside each role's own group
        self._connect(groups, entry)

        # The same secret on both sides encrypts what webapps and coreapps say to each other (facts 1.5).
        shared = {"WA_SECRET": self._generated("PeerSecret", "Encrypts webapp to coreapp traffic", PEER_SECRET_LENGTH)}
        own_address = {"COREAPP_HOSTNAME": TASK_ADDRESS}
        peer_ports = (MESSAGING_PORT, CONTACTS_PORT, CONTROL_PORT, HEALTH_PORT)
        peer = {
            "COREAPP_EXTERNAL_PORTS": ",".join(map(str, peer_ports)),
            "WA_DB_CONNECTION_IDLE_TIMEOUT": str(DATABASE_IDLE_TIMEOUT_MS),
        }
        self.webapp = self._service(
            "Webapp",
            tasks.webapp,
            group=groups["Webapp"],
            repository="web",
            ports=[API_PORT],
            health_port=API_PORT,
            command=start_command(advertise={"WEBAPP_HOSTNAME": TASK_ADDRESS}, tls=self._database.tls, clean_up=True),
            environment={
                "WA_DB_PERSISTENT": "1",
                "WA_WEB_SERVERNAME": entry.load_balancer.load_balancer_dns_name,
                "WEBAPP_EXTERNAL_PORTS": str(API_PORT),
            },
            secrets={
                **shared,
                "WA_WEB_JWT_CRYPTO_KEY": self._generated("JwtKey", "Signs the API's tokens", JWT_KEY_LENGTH),
                "WA_API_KEY": self._generated("ApiKey", "Reads health, metrics and stats", API_KEY_LENGTH),
            },
        )
        entry.targets.add_target(self.webapp.load_balancer_target(container_name="webapp", container_port=API_PORT))
        self.coreapp = self._service(
            "Coreapp",
            tasks.coreapp,
            group=groups["Coreapp"],
            repository="coreapp",
            ports=peer_ports,
            health_port=HEALTH_PORT,
            command=start_command(advertise=own_address, tls=self._database.tls, clean_up=True),
            environment=peer,
            secrets=shared,
        )
        self.master = self._service(
            "Master",
            tasks.master,
            group=groups["Master"],
            repository="coreapp",
            ports=peer_ports,
            health_port=HEALTH_PORT,
            command=start_command(advertise=own_address, tls=self._database.tls, clean_up=False),
            environment={**peer, "WA_MASTER_NODE": "1"},
            secrets=shared,
        )

    def start_after(self, dependency: IDependable) -> None:
        """Start no container before this is there, such as the database user that it logs in with."""
        for service in (self.webapp, self.coreapp, self.master):
            service.node.add_dependency(dependency)

    def running(self, service: ecs.Ec2Service) -> cloudwatch.IMetric:
        """How many tasks of one service run; from Container Insights."""
        return cloudwatch.Metric(
            namespace="ECS/ContainerInsights",
            metric_name="RunningTaskCount",
            dimensions_map={
                "ClusterName": self._fleet.cluster.cluster_name,
                "ServiceName": service.service_name,
            },
            statistic="Minimum",
            period=PERIOD,
        )

    def add_alarms(self, alarms: Alarms, *, active_coreapps: int, coreapps: int) -> None:
        """Speak up when the cluster runs without its spares, and louder when it runs without its shards."""
        running = self.running(self.coreapp)
        alarms.add(
            "SparesMissing",
            running,
            BELOW,
            coreapps,
            minutes=10,  # a host is replaced in less
            missing_data=cloudwatch.TreatMissingData.BREACHING,
            description=f"Fewer than {coreapps} coreapps (shards + spares) run: the next failure may cost a shard. "
            "Look at the coreapp service's events.",
        )
        alarms.add(
            "ShardsMissing",
            running,
            BELOW,
            active_coreapps,
            minutes=2,
            missing_data=cloudwatch.TreatMissingData.BREACHING,
            description=f"Fewer than {active_coreapps} coreapps run: shards are down and their messages wait (M-21). "
            "Look at the coreapp service's events.",
        )

    def _security_group(self, name: str) -> ec2.SecurityGroup:
        # Out is open: webhooks go to a receiver that the operator names later, on any port, and to WhatsApp's servers.
        return ec2.SecurityGroup(self, f"{name}SecurityGroup", vpc=self._vpc, description=f"{name} tasks")

    def _connect(self, groups: Mapping[str, ec2.SecurityGroup], entry: Entry) -> None:
        webapp, coreapp, master = groups["Webapp"], groups["Coreapp"], groups["Master"]
        entry.security_group.connections.allow_to(webapp, ec2.Port.tcp(API_PORT), "API to webapps")
        for peer in (coreapp, master):
            # The control port is for coreapps and masters alone (facts 1.5, security guide).
            peer.connections.allow_from(webapp, ec2.Port.tcp_range(MESSAGING_PORT, CONTACTS_PORT), "Messages, contacts")
            peer.connections.allow_from(webapp, ec2.Port.tcp(HEALTH_PORT), "Health")
            for other in (coreapp, master):
                peer.connections.allow_from(other, ec2.Port.tcp_range(MESSAGING_PORT, HEALTH_PORT), "Cluster")
        # The database's group belongs to another stack: an import keeps the rules in this one.
        database = ec2.SecurityGroup.from_security_group_id(
            self, "DatabaseSecurityGroup", self._database.security_group_id
        )
        database.connections.allow_from(self._member, ec2.Port.tcp(DATABASE_PORT), "Client to database")
        # On EC2 the host mounts on behalf of the task; AWS asks for both to be let in:
        # https://repost.aws/knowledge-center/efs-mount-on-ecs-container-or-task
        for group in (self._member, self._fleet.security_group):
            self._media.security_group.connections.allow_from(group, ec2.Port.tcp(NFS_PORT), "Client to media")

    def _generated(self, construct_id: str, description: str, length: int) -> ecs.Secret:
        secret = secretsmanager.Secret(
            self,
            construct_id,
            description=description,
            encryption_key=self._key,
            removal_policy=self._removal_policy,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=length, exclude_punctuation=True
            ),
        )
        waive(
            secret,
            "AwsSolutions-SMG4",
            "Read once when a container starts, and the same in all of them: a rotation needs a restart of the whole "
            "tier, which is a planned step of the operator (docs/security.md).",
        )
        return ecs.Secret.from_secrets_manager(secret)

    def _task_definition(self, name: str) -> ecs.Ec2TaskDefinition:
        definition = ecs.Ec2TaskDefinition(
            self,
            f"{name}Task",
            network_mode=ecs.NetworkMode.AWS_VPC,
            task_role=iam.Role(self, f"{name}Role", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com")),
            volumes=[
                *(
                    ecs.Volume(
                        name=name,
                        efs_volume_configuration=ecs.EfsVolumeConfiguration(
                            file_system_id=self._media.file_system.file_system_id,
                            transit_encryption="ENABLED",
                            authorization_config=ecs.AuthorizationConfig(
                                access_point_id=point.access_point_id, iam="ENABLED"
                            ),
                        ),
                    )
                    for name, point in self._media.access_points.items()
                ),
                *([ecs.Volume(name="certificates")] if self._database.tls else []),
            ],
        )
        self._media.mount_policy.attach_to_role(definition.task_role)
        waive(
            definition,
            "AwsSolutions-ECS2",
            "Only addresses, ports and switches are plain variables; every secret comes from Secrets Manager (D-6).",
        )
        self._login_key.grant_decrypt(definition.obtain_execution_role())
        self._allow_pull(definition)
        return definition

    def _allow_pull(self, definition: ecs.Ec2TaskDefinition) -> None:
        ecr = ECR_REGISTRY.match(self._image.registry)
        if ecr is None:
            return
        repositories = f"arn:{Aws.PARTITION}:ecr:{ecr['region']}:{ecr['account']}:repository{ecr['prefix']}"
        role = definition.obtain_execution_role()
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                resources=[f"{repositories}/web", f"{repositories}/coreapp"],
            )
        )
        role.add_to_principal_policy(
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

    def _service(
        self,
        name: str,
        size: TaskSize,
        *,
        group: ec2.SecurityGroup,
        repository: str,
        ports: Sequence[int],
        health_port: int,
        command: str,
        environment: Mapping[str, str],
        secrets: Mapping[str, ecs.Secret],
    ) -> ecs.Ec2Service:
        definition = self._task_definition(name)
        database = self._database
        limits = ecs.LinuxParameters(self, f"{name}Linux", init_process_enabled=True)
        limits.drop_capabilities(ecs.Capability.MKNOD)
        tls_environment: dict[str, str] = {}
        tls_secrets: dict[str, ecs.Secret] = {}
        if database.tls:
            tls_environment["WA_DB_SSL_CA"] = CA_FILE
            tls_secrets[CA_VARIABLE] = ecs.Secret.from_ssm_parameter(self._authorities)
        container = definition.add_container(
            name.lower(),
            image=ecs.ContainerImage.from_registry(f"{self._image.registry}/{repository}:{self._image.tag}"),
            entry_point=["/bin/sh", "-c"],
            command=[command],
            memory_reservation_mib=size.memory_reservation_mib,
            memory_limit_mib=size.memory_limit_mib,
            health_check=answers_on(health_port),
            stop_timeout=Duration.seconds(STOP_TIMEOUT_SECONDS),
            linux_parameters=limits,
            docker_security_options=["no-new-privileges"],
            environment={
                "WA_APP_MULTICONNECT": "1",
                "WA_CONFIG_ON_DB": "1",
                "WA_DB_ENGINE": "MYSQL",
                "WA_DB_HOSTNAME": database.hostname,
                "WA_DB_PORT": str(DATABASE_PORT),
                **tls_environment,
                **environment,
            },
            secrets={
                "WA_DB_USERNAME": ecs.Secret.from_secrets_manager(self._login, "username"),
                "WA_DB_PASSWORD": ecs.Secret.from_secrets_manager(self._login, "password"),
                **tls_secrets,
                **secrets,
            },
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix=name.lower(),
                # Blocking would stop messages when CloudWatch Logs is slow.
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
                log_group=logs.LogGroup(
                    self,
                    f"{name}Log",
                    retention=self._log_retention,
                    encryption_key=self._log_key,
                    removal_policy=self._removal_policy,
                ),
            ),
            port_mappings=[ecs.PortMapping(container_port=port) for port in ports],
        )
        mounts = FOLDERS | ({"certificates": CERTIFICATES_PATH} if self._database.tls else {})
        container.add_mount_points(
            *(ecs.MountPoint(source_volume=name, container_path=path, read_only=False) for name, path in mounts.items())
        )
        service = ecs.Ec2Service(
            self,
            name,
            cluster=self._fleet.service_cluster,
            task_definition=definition,
            desired_count=size.count,
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(capacity_provider=self._fleet.provider.capacity_provider_name, weight=1)
            ],
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_groups=[group, self._member],
            placement_strategies=[
                ecs.PlacementStrategy.spread_across(ecs.BuiltInAttributes.AVAILABILITY_ZONE),
                ecs.PlacementStrategy.spread_across_instances(),
            ],
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.ENABLED,
            min_healthy_percent=size.minimum_healthy_percent,
            max_healthy_percent=size.maximum_percent,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
            enable_ecs_managed_tags=True,
            enable_execute_command=False,
        )
        service.node.add_dependency(self._media.mount_policy)
        return service
