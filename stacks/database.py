"""The database stack: the database, its key, the client's login and the alarms."""

from typing import Any

from aws_cdk import Aws, Fn, Stack
from constructs import Construct

from multiconnect.database import mysql
from multiconnect.database.access import DatabaseAccess, client_secret
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
        access: How the client reaches it: with a login of its own, or with the master's (`database_user`).
        identifier: The instance's name.
        master_secret_arn: The secret with the master's login, which RDS makes and rotates.
        alarm_topic_arn: The topic that the alarms of this stack notify, and those of the functions.

    `access`, `identifier`, `master_secret_arn` and `alarm_topic_arn` are exports of this stack, whose names are a
    contract (`NetworkStack.vpc_in`).
    """

    database: mysql.MysqlDatabase
    access: DatabaseAccess
    identifier: str
    master_secret_arn: str
    alarm_topic_arn: str

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
        # The reasons for the sizes stand in the template, for whoever reviews it.
        self.template_options.metadata = {"Plan": {"Reasons": list(plan.reasons)}}
        retention = Retention.of(settings)
        key = encryption_key(
            self,
            "DataKey",
            description=f"Database, backups and secrets of {settings.name}",
            removal_policy=retention.keys_and_files,
        )
        allow_alarms(key)
        alarms = Alarms(self, "Alarms", key=key, alarm_email=settings.alarm_email)
        self.database = mysql.MysqlDatabase(
            self,
            "Database",
            identifier=f"{settings.name}-database-{_of_this_stack()}",
            vpc=network.vpc_in(self),
            region=settings.region,
            instance_class=plan.database.instance_class,
            connection_limit=plan.database.max_connections,
            engine_version=settings.engine_version,
            multi_az=plan.database.multi_az,
            storage_gib=plan.database.storage_gib,
            max_storage_gib=settings.max_storage_gib(plan),
            tls=settings.tls,
            backup_retention_days=settings.backup_retention_days,
            removal_policy=retention.database,
            key=key,
            log_retention=retention.logs,
            log_removal_policy=retention.keys_and_files,
            log_key=network.log_key,
        )
        self.database.add_alarms(alarms)

        def exported(name: str, value: str) -> str:
            return self.export_value(value, name=f"{settings.name}:{name}")

        self.identifier = exported("DatabaseIdentifier", self.database.instance.instance_identifier)
        self.alarm_topic_arn = exported("AlarmTopic", alarms.topic.topic_arn)
        self.master_secret_arn = exported("MasterLogin", self.database.master_secret.secret_arn)
        login = self.master_secret_arn
        if settings.database_user == "client":
            policy = retention.keys_and_files
            secret = client_secret(self, "ClientLogin", username=CLIENT_USERNAME, key=key, removal_policy=policy)
            login = exported("ClientLogin", secret.secret_arn)
        instance = self.database.instance
        self.access = DatabaseAccess(
            engine=mysql.ENGINE,
            port=mysql.PORT,
            hostname=exported("DatabaseHost", instance.db_instance_endpoint_address),
            security_group_id=exported("DatabaseGroup", self.database.security_group.security_group_id),
            secret_arn=login,
            key_arn=exported("DataKey", key.key_arn),
            certificate_authorities=exported(
                "DatabaseAuthorities", self.database.certificate_authorities.parameter_name
            ),
            tls=settings.tls,
        )


def _of_this_stack() -> str:
    """Return the first 8 hexadecimal digits of the stack's own id, which CloudFormation fills in.

    A stack that is made again has another id. So its instance finds no log group, no backup and no snapshot of its
    predecessor under its own name (T-5).
    """
    return Fn.select(0, Fn.split("-", Fn.select(2, Fn.split("/", Aws.STACK_ID))))
