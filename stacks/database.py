"""The database stack: the database, its key, the client's login and the alarms."""

from typing import Any, cast

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from multiconnect.database import Database, client_secret
from multiconnect.encryption import allow_alarms, encryption_key
from multiconnect.monitoring import Alarms
from sizing import Plan
from stacks.network import NetworkStack
from stacks.retention import Retention
from stacks.settings import Settings

CLIENT_USERNAME = "multiconnect"


class DatabaseStack(Stack):
    """Data and the secrets that open it.

    Attributes:
        database: The instance.
        secret: The login that the client uses: its own, or the master's where no server runs (`database_user`).
        master_secret: Made and rotated by RDS.
        key: Encrypts data and secrets.
    """

    database: Database
    secret: secretsmanager.ISecret
    master_secret: secretsmanager.ISecret
    key: kms.Key

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        plan: Plan,
        network: NetworkStack,
        **stack_options: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack_options)
        # For whoever reviews the templates: why these sizes.
        self.template_options.metadata = {"Plan": {"Reasons": list(plan.reasons)}}
        retention = Retention.of(settings)
        self.key = encryption_key(
            self,
            "DataKey",
            description=f"Database, backups and secrets of {settings.name}",
            removal_policy=retention.keys_and_files,
        )
        allow_alarms(self.key)
        self.database = Database(
            self,
            "Database",
            identifier=f"{settings.name}-database",
            vpc=network.vpc_in(self),
            region=settings.region,
            instance_class=plan.database.instance_class,
            connection_limit=plan.database.max_connections,
            engine_version=settings.engine_version,
            multi_az=settings.environment == "production",
            storage_gib=settings.database_storage_gib,
            max_storage_gib=settings.database_max_storage_gib,
            tls=settings.tls,
            backup_retention_days=settings.backup_retention_days,
            deletion_protection=retention.deletion_protection,
            removal_policy=retention.database,
            key=self.key,
            log_retention=retention.logs,
            log_removal_policy=retention.keys_and_files,
            log_key=network.log_key,
            alarms=Alarms(self, "Alarms", key=self.key, alarm_email=settings.alarm_email),
        )
        self.master_secret = self.database.master_secret
        self.secret = cast(
            secretsmanager.ISecret,
            client_secret(
                self,
                "ClientLogin",
                username=CLIENT_USERNAME,
                key=self.key,
                removal_policy=retention.keys_and_files,
            )
            if settings.database_user == "client"
            else self.master_secret,
        )
