"""The client's three services put together: webapps, coreapps and masters (D-4, D-5, D-6)."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import CustomResource, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct, IDependable

from multiconnect import defaults
from multiconnect.database.access import DatabaseAccess, DatabaseMetrics
from multiconnect.entry import Entry
from multiconnect.fleet import Fleet
from multiconnect.media import NFS_PORT, Media
from multiconnect.monitoring import ALARM, BELOW, Alarms
from multiconnect.roles import API_PORT, COREAPP, MASTER, ROLES, WEBAPP, GeneratedSecret, Reach, Role
from multiconnect.service import Hardening, Image, RoleService, SharedResources
from multiconnect.waivers import waive
from sizing import Tasks, TaskSize

FAST_ALARM_MINUTES: Final = 2
"""For what nobody can use any more."""

SLOW_ALARM_MINUTES: Final = 10
"""For what is only fewer than it should be: a host is replaced in less, and a deployment replaces tasks meanwhile."""


class Client(Construct):
    """Webapps, coreapps and masters: one service, one task role and one security group each.

    Attributes:
        webapp: Behind the load balancer.
        coreapp: Active coreapps and spares (M-5, M-15).
        master: One holds the lease, the others wait.
        webapp_security_group: The webapps' own group.
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
        tasks: Tasks,
        key: kms.IKey,
        log_key: kms.IKey,
        image: Image | None = None,
        hardening: Hardening | None = None,
        log_retention: logs.RetentionDays = defaults.LOG_RETENTION,
        removal_policy: RemovalPolicy = defaults.REMOVAL_POLICY,
    ) -> None:
        """Make the three services.

        Args:
            scope: The stack.
            construct_id: A contract: other ids are other services.
            vpc: With private subnets.
            fleet: Where the tasks run.
            entry: The load balancer whose targets the webapps are.
            media: The shared files.
            database: How to reach the database.
            tasks: How many of each and how large, from the plan.
            key: Encrypts the secrets.
            log_key: Encrypts the logs.
            image: Where the images come from. Default: `Image()`, the last release from the vendor's registry.
            hardening: Limits of the containers. Default: `Hardening()`, all of them.
            log_retention: How long logs are kept. Default: `defaults.LOG_RETENTION`.
            removal_policy: What happens to secrets and logs when the stack is deleted. Default:
                `defaults.REMOVAL_POLICY`.
        """
        super().__init__(scope, construct_id)
        shared = SharedResources(
            fleet=fleet,
            media=media,
            image=image or Image(),
            hardening=hardening or Hardening(),
            database=database,
            # Secret, parameter and key belong to the database stack. They are looked up by name and ARN, so that a
            # grant changes the policies of the roles in this stack, and never the key's policy in the other one.
            login=secretsmanager.Secret.from_secret_complete_arn(self, "DatabaseLogin", database.secret_arn),
            login_key=kms.Key.from_key_arn(self, "DatabaseLoginKey", database.key_arn),
            authorities=ssm.StringParameter.from_string_parameter_attributes(
                self,
                "DatabaseAuthorities",
                parameter_name=database.certificate_authorities,
                simple_name=True,
                force_dynamic_reference=True,  # ECS reads it when a task starts; CloudFormation need not
            ),
            server_name=entry.load_balancer.load_balancer_dns_name,
            log_key=log_key,
            log_retention=log_retention,
            log_removal_policy=removal_policy,
        )
        # Everything may go out: webhooks go to a receiver that the operator names later, on any port, and messages to
        # WhatsApp's servers.
        groups = {
            role.name: ec2.SecurityGroup(self, f"{role.name}SecurityGroup", vpc=vpc, description=f"{role.name} tasks")
            for role in ROLES
        }
        self._connect(groups, shared, entry)
        generated = {secret.name: secret for role in ROLES for secret in role.secrets.values()}
        secrets = {name: self._generate(secret, key, removal_policy) for name, secret in generated.items()}

        def service(role: Role, size: TaskSize) -> RoleService:
            return RoleService(
                self,
                role,
                size=size,
                shared=shared,
                secrets={variable: secrets[secret.name] for variable, secret in role.secrets.items()},
                security_group=groups[role.name],
            )

        self.webapp = service(WEBAPP, tasks.webapp)
        self.coreapp = service(COREAPP, tasks.coreapp)
        self.master = service(MASTER, tasks.master)
        self.webapp_security_group = groups[WEBAPP.name]
        # The primary master makes the schema, and a client that finds none waits or ends (facts 1.1, T-11).
        for service_of_others in (self.webapp, self.coreapp):
            service_of_others.node.add_dependency(self.master)
        entry.targets.add_target(
            self.webapp.load_balancer_target(container_name=WEBAPP.container_name, container_port=API_PORT)
        )

    def start_after(self, dependency: IDependable) -> None:
        """Start no container before this exists, such as the database user that it logs in with."""
        for service in (self.webapp, self.coreapp, self.master):
            service.node.add_dependency(dependency)

    def start_with_one_webapp(self, first_webapp: CustomResource) -> None:
        """Start webapps and coreapps after a single webapp has made its databases, and that one after the masters.

        Args:
            first_webapp: Runs one webapp until it is healthy. It changes nothing when the cluster is there already.
        """
        first_webapp.node.add_dependency(self.master)
        for service in (self.webapp, self.coreapp):
            service.node.add_dependency(first_webapp)

    def add_alarms(
        self,
        alarms: Alarms,
        *,
        active_coreapps: int,
        coreapps: int,
        webapps: int,
        masters: int,
        database: DatabaseMetrics,
    ) -> None:
        """Add the alarms for tasks that do not run, and one for a client that has lost its database.

        ECS publishes no number at all for a service of which no task runs, so that no data means the worst (T-41).

        Args:
            alarms: Where the alarms are added.
            active_coreapps: How many coreapps serve a shard.
            coreapps: How many coreapps run in all, spares included.
            webapps: How many webapps run.
            masters: How many masters run.
            database: Counts the client's connections.
        """
        alarms.add(
            "SparesMissing",
            self.coreapp.running_tasks(),
            BELOW,
            coreapps,
            minutes=SLOW_ALARM_MINUTES,
            missing_data=ALARM,
            description=f"Fewer than {coreapps} coreapps (shards + spares) run: the next failure may cost a shard. "
            "Look at the coreapp service's events.",
        )
        alarms.add(
            "ShardsMissing",
            self.coreapp.running_tasks(),
            BELOW,
            active_coreapps,
            minutes=FAST_ALARM_MINUTES,
            missing_data=ALARM,
            description=f"Fewer than {active_coreapps} coreapps run: shards are down and their messages wait (M-21). "
            "Look at the coreapp service's events.",
        )
        alarms.add(
            "WebappsMissing",
            self.webapp.running_tasks(),
            BELOW,
            webapps,
            minutes=SLOW_ALARM_MINUTES,
            missing_data=ALARM,
            description=f"Fewer than {webapps} webapps run: the API takes fewer calls, or none. Look at the webapp "
            "service's events.",
        )
        alarms.add(
            "MastersMissing",
            self.master.running_tasks(),
            BELOW,
            masters,
            minutes=SLOW_ALARM_MINUTES,
            missing_data=ALARM,
            description=f"Fewer than {masters} masters run: the next failure may leave none. Look at the master "
            "service's events.",
        )
        alarms.add(
            "NoMaster",
            self.master.running_tasks(),
            BELOW,
            1,
            minutes=FAST_ALARM_MINUTES,
            missing_data=ALARM,
            description="Fewer than 1 master runs: no spare takes the shard of a coreapp that fails (M-6). Look at the "
            "master service's events.",
        )
        # A webapp answers the load balancer without its database, so that no other alarm would tell of this.
        lost = alarms.add(
            "DatabaseUnused",
            database.open_connections(),
            BELOW,
            1,
            missing_data=ALARM,
            description="Fewer than 1 connection to the database is open: the client cannot reach it or cannot log in. "
            "Look at the coreapp's log.",
        )
        lost.node.add_dependency(self.coreapp)

    def _connect(self, groups: Mapping[str, ec2.SecurityGroup], shared: SharedResources, entry: Entry) -> None:
        """Open the ports between the roles, and those of the database and the files."""
        entry.security_group.connections.allow_to(groups[WEBAPP.name], ec2.Port.tcp(API_PORT), "API to webapps")
        for role in ROLES:
            for reach in role.reaches:
                groups[reach.role].connections.allow_from(groups[role.name], _ports(reach), reach.purpose)
        # The database's group belongs to another stack. An import keeps the rules in this one.
        database = ec2.SecurityGroup.from_security_group_id(
            self, "DatabaseSecurityGroup", shared.database.security_group_id
        )
        database_port, nfs_port = ec2.Port.tcp(shared.database.port), ec2.Port.tcp(NFS_PORT)
        for group in groups.values():
            database.connections.allow_from(group, database_port, "Client to database")
            shared.media.security_group.connections.allow_from(group, nfs_port, "Client to media")
        # On EC2 the host mounts on behalf of the task, and AWS asks to let both in:
        # https://repost.aws/knowledge-center/efs-mount-on-ecs-container-or-task
        shared.media.security_group.connections.allow_from(shared.fleet.security_group, nfs_port, "Client to media")

    def _generate(self, generated: GeneratedSecret, key: kms.IKey, removal_policy: RemovalPolicy) -> ecs.Secret:
        secret = secretsmanager.Secret(
            self,
            generated.name,
            description=generated.description,
            encryption_key=key,
            removal_policy=removal_policy,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=generated.length, exclude_punctuation=True
            ),
        )
        waive(
            secret,
            "AwsSolutions-SMG4",
            "Read once when a container starts, and the same in all of them: a rotation needs a restart of the whole "
            "tier, which is a planned step of the operator (docs/security.md).",
        )
        return ecs.Secret.from_secrets_manager(secret)


def _ports(reach: Reach) -> ec2.Port:
    """Return a single port as such, since the logical id of a rule tells a port from a range of one port."""
    if reach.first_port == reach.last_port:
        return ec2.Port.tcp(reach.first_port)
    return ec2.Port.tcp_range(reach.first_port, reach.last_port)
