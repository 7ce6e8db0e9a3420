"""RDS for MySQL with the class that the plan chose (D-3, D-6, D-9, D-11)."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from multiconnect.certificates import certificate_authorities
from multiconnect.monitoring import ABOVE, BELOW, PERIOD, Alarms
from multiconnect.waivers import waive

PORT = 3306

CONNECTION_ALARM_PERCENT = 80
"""Of the class's own limit. The plan keeps the expected load up to 50 % and the worst case up to 90 % (D-3)."""

FREE_STORAGE_ALARM_GIB = 5
"""Storage autoscaling acts below 10 % free, at most once in six hours; this is what is left when it could not."""

CPU_ALARM_PERCENT, CPU_ALARM_MINUTES = 80, 15

MONITORING_INTERVAL_SECONDS = 60

PASSWORD_LENGTH = 32

PASSWORD_EXCLUDED_CHARACTERS = "?{}&~!()^=" + "\"'\\/@` "
"""The first ten are refused by the client (facts 1.8); the rest need quoting in a shell or are refused by RDS."""

LOG_EXPORTS = ("error", "slowquery")


class Database(Construct):
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
        engine_version: str,
        multi_az: bool,
        storage_gib: int,
        max_storage_gib: int,
        tls: bool,
        backup_retention_days: int,
        deletion_protection: bool,
        removal_policy: RemovalPolicy,
        key: kms.IKey,
        log_retention: logs.RetentionDays,
        log_removal_policy: RemovalPolicy,
        log_key: kms.IKey,
        alarms: Alarms,
    ) -> None:
        """Make the instance, what it needs and its alarms.

        Args:
            scope: The stack.
            construct_id: A contract: another id is another database.
            identifier: The instance's name, unique in the account and region.
            vpc: With isolated subnets in two zones or more.
            region: Whose certificate authorities to ship.
            instance_class: Such as `db.m7g.large`.
            connection_limit: The class's own `max_connections`; the alarm is a share of it.
            engine_version: A minor version of MySQL 8.4, such as `8.4.9`; later minors come by themselves.
            multi_az: Keep a standby in another zone.
            storage_gib: gp3 storage at the start, in GiB.
            max_storage_gib: How far storage may grow by itself, in GiB.
            tls: Refuse connections without TLS.
            backup_retention_days: Days of point-in-time recovery.
            deletion_protection: Refuse to be deleted.
            removal_policy: `SNAPSHOT` keeps a last snapshot.
            key: Encrypts storage, backups, the master secret and Database Insights.
            log_retention: How long the exported logs are kept.
            log_removal_policy: `RETAIN` keeps the exported logs when the stack goes.
            log_key: Encrypts the exported logs.
            alarms: Where the alarms are added.
        """
        super().__init__(scope, construct_id)
        engine = rds.DatabaseInstanceEngine.mysql(
            version=rds.MysqlEngineVersion.of(engine_version, ".".join(engine_version.split(".")[:2]))
        )
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
                # Off by default in RDS for MySQL; the server refuses plaintext with error 3159 when on.
                "require_secure_transport": "1" if tls else "0",
                "character_set_server": "utf8mb4",
                "collation_server": "utf8mb4_0900_ai_ci",
                "slow_query_log": "1",
                "long_query_time": "1",
                "log_output": "FILE",
            },
        )
        # Made before the instance: RDS would make them itself, without a key and without an end.
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
            # Without this a version past its standard support is billed as extended support by itself.
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
            credentials=rds.Credentials.from_username("multiconnect_master", encryption_key=key),
            iam_authentication=True,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            storage_encrypted=True,
            storage_encryption_key=key,
            storage_type=rds.StorageType.GP3,
            allocated_storage=storage_gib,
            max_allocated_storage=max_storage_gib,
            backup_retention=Duration.days(backup_retention_days),
            copy_tags_to_snapshot=True,
            delete_automated_backups=removal_policy == RemovalPolicy.DESTROY,
            deletion_protection=deletion_protection,
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
        self._connection_limit = connection_limit
        self._add_alarms(alarms)

    @property
    def master_secret(self) -> secretsmanager.ISecret:
        """The master user's secret, which RDS makes and rotates."""
        secret = self.instance.secret
        if secret is None:
            raise RuntimeError("RDS manages the master user's password, yet names no secret")
        return secret

    def connections(self) -> cloudwatch.IMetric:
        """Open connections in percent of what the class allows; CloudWatch does the division."""
        return cloudwatch.MathExpression(
            expression=f"100 * connections / {self._connection_limit}",
            using_metrics={
                "connections": self.instance.metric_database_connections(period=PERIOD, statistic="Maximum")
            },
            label=f"connections in % of {self._connection_limit}",
            period=PERIOD,
        )

    def _add_alarms(self, alarms: Alarms) -> None:
        alarms.add(
            "DatabaseConnections",
            self.connections(),
            ABOVE,
            CONNECTION_ALARM_PERCENT,
            description=f"Over {CONNECTION_ALARM_PERCENT} % of the {self._connection_limit} connections that the class "
            "allows are open. At the limit the client is refused (error 1040): choose a larger database_class.",
        )
        alarms.add(
            "DatabaseFreeStorage",
            self.instance.metric_free_storage_space(period=PERIOD, statistic="Minimum"),
            BELOW,
            FREE_STORAGE_ALARM_GIB * 1024**3,
            description=f"Less than {FREE_STORAGE_ALARM_GIB} GiB are free: raise database_max_storage_gib.",
        )
        alarms.add(
            "DatabaseCpu",
            self.instance.metric_cpu_utilization(period=PERIOD),
            ABOVE,
            CPU_ALARM_PERCENT,
            minutes=CPU_ALARM_MINUTES,
            description=f"The CPU has been over {CPU_ALARM_PERCENT} % for {CPU_ALARM_MINUTES} minutes: look for the "
            "query in Database Insights.",
        )


def client_secret(
    scope: Construct, construct_id: str, *, username: str, key: kms.IKey, removal_policy: RemovalPolicy
) -> secretsmanager.Secret:
    """Make the secret of the client's own database user, with a password that nobody has seen (D-6).

    Args:
        scope: The stack.
        construct_id: A contract: another id is another secret.
        username: The database user's name.
        key: Encrypts the secret.
        removal_policy: `RETAIN` keeps it when the stack goes.
    """
    secret = secretsmanager.Secret(
        scope,
        construct_id,
        description="Login of the client's own database user",
        encryption_key=key,
        removal_policy=removal_policy,
        generate_secret_string=secretsmanager.SecretStringGenerator(
            secret_string_template=f'{{"username":"{username}"}}',
            generate_string_key="password",
            password_length=PASSWORD_LENGTH,
            exclude_characters=PASSWORD_EXCLUDED_CHARACTERS,
        ),
    )
    waive(
        secret,
        "AwsSolutions-SMG4",
        "The client reads its password when a container starts and keeps sessions open for days: a rotation needs a "
        "restart of every coreapp, which is a planned step of the operator (docs/security.md).",
    )
    return secret
