"""RDS for MySQL with the class that the plan chose (D-3, D-6, D-9, D-11)."""

from typing import Final, cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from multiconnect import defaults
from multiconnect.certificates import certificate_authorities
from multiconnect.monitoring import ABOVE, ALARM, BELOW, KEEP, PERIOD, Alarms
from multiconnect.waivers import waive, waive_validation

ENGINE: Final = "MYSQL"
"""The engine as the client names it in `WA_DB_ENGINE`."""

PORT: Final = 3306

DEFAULT_ENGINE_VERSION: Final = "8.4"
"""The major version alone. RDS chooses the minor version and upgrades it by itself.

A minor version that is lower than the one that upgrades have reached fails an update, and shows as drift (T-17).
"""

MASTER_USERNAME: Final = "mcmaster"
"""At most 16 letters and digits, by the strictest engine (T-20). Another name would be another instance."""

DEFAULT_STORAGE_GIB: Final = 100

STORAGE_GROWTH_FACTOR: Final = 10
"""By default storage may grow by itself to this many times what it starts with."""

DEFAULT_BACKUP_RETENTION_DAYS: Final = 14

DEFAULT_REMOVAL_POLICY: Final = RemovalPolicy.SNAPSHOT
"""A last snapshot stays when the stack is deleted."""

CONNECTION_ALARM_PERCENT: Final = 80
"""Share of the class's own limit. The plan keeps the expected load up to 50 % and the worst case up to 90 % (D-3)."""

FREE_STORAGE_ALARM_PERCENT: Final = 5
"""Share of the storage at the start.

RDS adds storage once at most 10 % of what there is has been free for 5 minutes, but not while it still works on the
last addition, and not beyond the maximum (T-25). So little is free only when it could not.
"""

STORAGE_EVENTS: Final = {
    "RDS-EVENT-0225": "storage has reached 80 % of the maximum",
    "RDS-EVENT-0224": "the next addition would reach the maximum",
    "RDS-EVENT-0223": "storage could not be added",
    "RDS-EVENT-0007": "storage is used up",
}
"""What RDS tells of storage that nears its maximum. No metric does: CloudWatch knows what is free, not what there is.

Source: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
"""

CPU_ALARM_PERCENT: Final = 80
CPU_ALARM_MINUTES: Final = 15

MONITORING_INTERVAL_SECONDS: Final = 60

LOG_EXPORTS: Final = ("error", "slowquery")


class MysqlDatabase(Construct):
    """A MySQL 8.4 instance in the isolated subnets.

    A change of class, storage, TLS or Multi-AZ is made in place. A change that would need another instance fails: the
    instance has a name of its own, and CloudFormation refuses to replace a named resource (D-11).

    Attributes:
        instance: The instance; its `secret` is the master user's, made and rotated by RDS.
        security_group: Lets nobody in by itself.
        certificate_authorities: The SSM parameter with the PEM bundle that a client needs to verify the server.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        identifier: str,
        vpc: ec2.IVpc,
        region: str,
        instance_class: str,
        connection_limit: int,
        key: kms.IKey,
        log_key: kms.IKey,
        engine_version: str = DEFAULT_ENGINE_VERSION,
        multi_az: bool = True,
        storage_gib: int = DEFAULT_STORAGE_GIB,
        max_storage_gib: int | None = None,
        tls: bool = True,
        backup_retention_days: int = DEFAULT_BACKUP_RETENTION_DAYS,
        removal_policy: RemovalPolicy = DEFAULT_REMOVAL_POLICY,
        log_retention: logs.RetentionDays = defaults.LOG_RETENTION,
        log_removal_policy: RemovalPolicy = defaults.REMOVAL_POLICY,
    ) -> None:
        """Make the instance and what it needs.

        Args:
            scope: The stack.
            construct_id: A contract: another id is another database.
            identifier: The instance's name, unique in the account and region. RDS names the log groups after it, and
                those stay: a stack that is made again needs another name (T-5).
            vpc: With isolated subnets in two zones or more.
            region: Whose certificate authorities to ship.
            instance_class: Such as `db.m7g.large`.
            connection_limit: The class's own `max_connections`; the alarm is a share of it.
            key: Encrypts storage, backups, the master secret and Database Insights.
            log_key: Encrypts the exported logs.
            engine_version: A major version of MySQL. Default: `DEFAULT_ENGINE_VERSION`.
            multi_az: Keep a standby in another zone. Default: true.
            storage_gib: gp3 storage at the start, in GiB. Default: `DEFAULT_STORAGE_GIB`.
            max_storage_gib: How far storage may grow by itself, in GiB. Default: `STORAGE_GROWTH_FACTOR` times the
                start.
            tls: Refuse connections without TLS. Default: true.
            backup_retention_days: Days of point-in-time recovery. Default: `DEFAULT_BACKUP_RETENTION_DAYS`.
            removal_policy: What happens to the data when the stack is deleted. Default: `DEFAULT_REMOVAL_POLICY`.
            log_retention: How long the exported logs are kept. Default: `defaults.LOG_RETENTION`.
            log_removal_policy: What happens to the exported logs when the stack is deleted. Default:
                `defaults.REMOVAL_POLICY`.
        """
        super().__init__(scope, construct_id)
        engine = rds.DatabaseInstanceEngine.mysql(version=rds.MysqlEngineVersion.of(engine_version, engine_version))
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="Database: MySQL from the client alone",
            allow_all_outbound=False,
        )
        parameter_group = rds.ParameterGroup(
            self,
            "Parameters",
            engine=engine,
            description="Multiconnect: TLS, utf8mb4 and the slow query log",
            parameters={
                # RDS for MySQL has this off by default. When it is on, the server refuses plaintext with error 3159.
                "require_secure_transport": "1" if tls else "0",
                "character_set_server": "utf8mb4",
                "collation_server": "utf8mb4_0900_ai_ci",
                "slow_query_log": "1",
                "long_query_time": "1",
                "log_output": "FILE",
            },
        )
        # The log groups exist before the instance. RDS would make them itself otherwise, without a key and without an
        # end of retention.
        log_groups = [
            logs.LogGroup(
                self,
                f"{export.capitalize()}Log",
                log_group_name=f"/aws/rds/instance/{identifier}/{export}",
                retention=log_retention,
                encryption_key=log_key,
                removal_policy=log_removal_policy,
            )
            for export in LOG_EXPORTS
        ]
        self.instance = rds.DatabaseInstance(
            self,
            "Instance",
            instance_identifier=identifier,
            engine=engine,
            auto_minor_version_upgrade=True,
            # Otherwise AWS bills extended support once the version's standard support has ended.
            engine_lifecycle_support=rds.EngineLifecycleSupport.OPEN_SOURCE_RDS_EXTENDED_SUPPORT_DISABLED,
            instance_type=ec2.InstanceType(instance_class.removeprefix("db.")),
            multi_az=multi_az,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[self.security_group],
            port=PORT,
            publicly_accessible=False,
            parameter_group=parameter_group,
            manage_master_user_password=True,
            credentials=rds.Credentials.from_username(MASTER_USERNAME, encryption_key=key),
            iam_authentication=True,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            storage_encrypted=True,
            storage_encryption_key=key,
            storage_type=rds.StorageType.GP3,
            allocated_storage=storage_gib,
            max_allocated_storage=max_storage_gib or STORAGE_GROWTH_FACTOR * storage_gib,
            backup_retention=Duration.days(backup_retention_days),
            copy_tags_to_snapshot=True,
            delete_automated_backups=removal_policy == RemovalPolicy.DESTROY,
            removal_policy=removal_policy,
            cloudwatch_logs_exports=list(LOG_EXPORTS),
            database_insights_mode=rds.DatabaseInsightsMode.STANDARD,
            enable_performance_insights=True,
            performance_insight_encryption_key=key,
            monitoring_interval=Duration.seconds(MONITORING_INTERVAL_SECONDS),
        )
        self.instance.node.add_dependency(*log_groups)
        self.certificate_authorities = ssm.StringParameter(
            self,
            "CertificateAuthorities",
            description=f"Root certificates of Amazon RDS in {region}",
            string_value=certificate_authorities(region),
            tier=ssm.ParameterTier.ADVANCED,  # three roots are 4.5 KB; the standard tier ends at 4 KB
        )
        waive(
            self.instance,
            "AwsSolutions-RDS11",
            "The port is no secret: only the client's security groups reach it, and it expects MySQL's own.",
        )
        waive(
            self.instance,
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]",
            "Enhanced monitoring takes this policy alone, by AWS's own guide; it writes metrics to one log group.",
        )
        waive(
            self.instance,
            "AwsSolutions-RDS10",
            "The custom resource Protection switches it on as the last step of a deploy. Earlier it would also stop "
            "the rollback of a failed create.",
        )
        _accept_major_version(cast(rds.CfnDBInstance, self.instance.node.default_child))
        self._connection_limit = connection_limit
        self._storage_gib = storage_gib

    @property
    def master_secret(self) -> secretsmanager.ISecret:
        """The master user's secret, which RDS makes and rotates."""
        secret = self.instance.secret
        if secret is None:
            raise RuntimeError("RDS manages the master user's password, yet names no secret")
        return secret

    def open_connections(self) -> cloudwatch.Metric:
        """Return how many connections are open; those of RDS itself are not counted."""
        return self.instance.metric_database_connections(period=PERIOD, statistic="Maximum")

    def connections(self) -> cloudwatch.IMetric:
        """Return the open connections in percent of what the class allows; CloudWatch does the division."""
        return cloudwatch.MathExpression(
            expression=f"100 * connections / {self._connection_limit}",
            using_metrics={"connections": self.open_connections()},
            label=f"connections in % of {self._connection_limit}",
            period=PERIOD,
        )

    def cpu_utilization(self) -> cloudwatch.Metric:
        """Return how busy the CPU is, in percent."""
        return self.instance.metric_cpu_utilization()

    def free_storage(self) -> cloudwatch.Metric:
        """Return the storage that is left, in bytes."""
        return self.instance.metric_free_storage_space()

    def add_alarms(self, alarms: Alarms) -> None:
        """Add alarms for connections, storage, CPU and silence, and a message when storage nears its maximum."""
        alarms.add(
            "DatabaseConnections",
            self.connections(),
            ABOVE,
            CONNECTION_ALARM_PERCENT,
            missing_data=KEEP,
            description=f"Over {CONNECTION_ALARM_PERCENT} % of the {self._connection_limit} connections that the class "
            "allows are open. At the limit the client is refused (error 1040): choose a larger database_class.",
        )
        least_gib = self._storage_gib * FREE_STORAGE_ALARM_PERCENT / 100
        alarms.add(
            "DatabaseFreeStorage",
            self.free_storage().with_(period=PERIOD, statistic="Minimum"),
            BELOW,
            least_gib * 1024**3,
            missing_data=KEEP,
            description=f"Less than {least_gib:g} GiB are free, and RDS has not added storage: raise "
            "database_max_storage_gib.",
        )
        alarms.add(
            "DatabaseCpu",
            self.cpu_utilization().with_(period=PERIOD),
            ABOVE,
            CPU_ALARM_PERCENT,
            minutes=CPU_ALARM_MINUTES,
            missing_data=KEEP,
            description=f"The CPU has been over {CPU_ALARM_PERCENT} % for {CPU_ALARM_MINUTES} minutes: look for the "
            "query in Database Insights.",
        )
        # The other alarms stay as they are when no data comes, which an instance that is down does not send (T-41).
        alarms.add(
            "DatabaseSilent",
            self.cpu_utilization().with_(period=PERIOD, statistic="SampleCount"),
            BELOW,
            1,
            missing_data=ALARM,
            description="Fewer than 1 measurement a minute came from the database for five minutes: it is down or "
            "gone. Look at its events and its log in RDS.",
        )
        self._tell_storage_events(alarms)

    def _tell_storage_events(self, alarms: Alarms) -> None:
        """Hand what RDS says of the storage's maximum to the alarms' topic.

        EventBridge does it, since RDS sends its own notifications to no topic that is encrypted. It does so with a
        role of this rule, so that neither the topic nor its key has to trust EventBridge for everybody's rules.
        """
        rule = events.Rule(
            self,
            "StorageEvents",
            description="The storage of the database nears its maximum",
            event_pattern=events.EventPattern(
                source=["aws.rds"],
                detail_type=["RDS DB Instance Event"],
                resources=[self.instance.instance_arn],
                detail={"EventID": list(STORAGE_EVENTS)},
            ),
        )
        message = events.EventField.from_path("$.detail.Message")
        text = events.RuleTargetInput.from_text(f"{message} Raise database_max_storage_gib.")
        rule.add_target(targets.SnsTopic(alarms.topic, authorize_using_role=True, message=text))
        waive(
            rule,
            "AwsSolutions-IAM5[Action::kms:GenerateDataKey*]",
            "To publish encrypted messages takes the two forms of this action, on the one key of the topic.",
        )


def _accept_major_version(instance: rds.CfnDBInstance) -> None:
    """Accept what two linters say of a major version: RDS takes it and chooses the minor one, which they do not know.

    Sources: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MySQL.Concepts.VersionMgmt.html and
    https://github.com/aws-cloudformation/cfn-lint/issues/3849
    """
    instance.add_metadata("cfn-lint", {"config": {"ignore_checks": ["E3691"]}})
    waive_validation(instance, "E9006", "RDS takes a major version of MySQL and chooses a recent minor one itself.")
