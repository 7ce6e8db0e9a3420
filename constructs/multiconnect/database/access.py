"""What the client, its alarms and its dashboard need to know of a database, whatever its engine (D-6)."""

import json
from dataclasses import dataclass
from typing import Protocol

from aws_cdk import RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from multiconnect import defaults
from multiconnect.waivers import waive

PASSWORD_LENGTH = 32

PASSWORD_EXCLUDED_CHARACTERS = "?{}&~!()^=" + "\"'\\/@` "
"""The client refuses the first ten (facts 1.8). RDS refuses some of the others, and the rest need quotes in a shell."""


@dataclass(frozen=True, kw_only=True)
class DatabaseAccess:
    """How the client reaches its database.

    Every text may be an import from the stack that owns the database.

    Attributes:
        engine: The engine as the client names it in `WA_DB_ENGINE`, such as `MYSQL`.
        hostname: The host name that the client connects to.
        port: The TCP port that the database listens on.
        security_group_id: The database's security group.
        secret_arn: The secret with the login: a JSON object with `username` and `password`.
        key_arn: The KMS key that encrypts this secret.
        certificate_authorities: The name of the SSM parameter with the PEM bundle that verifies the server.
        tls: Whether the client encrypts its connections.
    """

    engine: str
    hostname: str
    port: int
    security_group_id: str
    secret_arn: str
    key_arn: str
    certificate_authorities: str
    tls: bool


class DatabaseMetrics(Protocol):
    """What dashboard and alarms of the client read of a database."""

    def open_connections(self) -> cloudwatch.IMetric:
        """Return how many connections are open."""
        ...

    def connections(self) -> cloudwatch.IMetric:
        """Return the open connections, in percent of the limit."""
        ...

    def cpu_utilization(self) -> cloudwatch.IMetric:
        """Return how busy the CPU is, in percent."""
        ...

    def free_storage(self) -> cloudwatch.IMetric:
        """Return the storage that is left, in bytes."""
        ...


def client_secret(
    scope: Construct,
    construct_id: str,
    *,
    username: str,
    key: kms.IKey,
    removal_policy: RemovalPolicy = defaults.REMOVAL_POLICY,
) -> secretsmanager.Secret:
    """Make the secret of the client's own database user, with a password that nobody has seen (D-6).

    Args:
        scope: The stack.
        construct_id: A contract: another id is another secret.
        username: The database user's name.
        key: Encrypts the secret.
        removal_policy: What happens to the secret when the stack is deleted. Default: `defaults.REMOVAL_POLICY`.
    """
    secret = secretsmanager.Secret(
        scope,
        construct_id,
        description="Login of the client's own database user",
        encryption_key=key,
        removal_policy=removal_policy,
        generate_secret_string=secretsmanager.SecretStringGenerator(
            secret_string_template=json.dumps({"username": username}, separators=(",", ":")),
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
