"""The contract of the client's containers: images, commands, ports, variables (facts 1.5 to 1.8, D-4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_ecs as ecs

MESSAGING_PORT, CONTACTS_PORT, CONTROL_PORT, HEALTH_PORT = 6250, 6251, 6252, 6253
"""Of coreapps and masters (facts 1.5)."""

DATABASE_IDLE_TIMEOUT_MS = 180_000
"""Coreapps and masters close a database connection that was idle for this long (facts 1.7)."""

JWT_KEY_LENGTH = 64
"""One key for all webapps, without punctuation (facts 1.7)."""

API_KEY_LENGTH = 64
"""12 to 128 characters are allowed (facts 1.4)."""

PEER_SECRET_LENGTH = 64
"""Of `WA_SECRET`, the same on webapps, coreapps and masters (facts 1.5); no limit is published."""

STOP_TIMEOUT_SECONDS = 120
"""For a coreapp to write its queue to the database."""

CERTIFICATES_PATH = "/opt/certs"
CA_FILE = f"{CERTIFICATES_PATH}/rds-ca.pem"
CA_VARIABLE = "DATABASE_CERTIFICATE_AUTHORITIES"
LAUNCH = "/opt/whatsapp/bin/launch_within_docker.sh"
CLEAN_UP = "/opt/whatsapp/bin/cleanup.sh"
TASK_ADDRESS = "$(hostname -i | cut -d' ' -f1)"

ECR_REGISTRY = re.compile(
    r"^(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?P<prefix>(?:/[a-z0-9._-]+)*)$"
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """Where the client's images come from.

    Attributes:
        registry: Registry and optional path, such as `docker.whatsapp.biz`; it holds `web` and `coreapp`.
        tag: One tag for all roles, such as `v2.61.1`.
    """

    registry: str
    tag: str


@dataclass(frozen=True, kw_only=True)
class DatabaseAccess:
    """How the client reaches its database, by names that another stack may have given.

    Attributes:
        hostname: Of the instance.
        security_group_id: The instance's.
        secret_arn: Of the login: a JSON object with `username` and `password`.
        key_arn: What encrypts the login.
        certificate_authorities: SSM parameter with the PEM bundle to verify the server with.
        tls: Whether the client uses it.
    """

    hostname: str
    security_group_id: str
    secret_arn: str
    key_arn: str
    certificate_authorities: str
    tls: bool


def start_command(*, advertise: Mapping[str, str], tls: bool, clean_up: bool) -> str:
    """Return the shell script that starts a container.

    Args:
        advertise: Variables that are known only inside the task, with a shell expression each.
        tls: Whether to write the certificate authorities to the file that the client reads.
        clean_up: Whether to run the client's own daily log clean-up (facts 1.6).

    >>> print(start_command(advertise={"COREAPP_HOSTNAME": TASK_ADDRESS}, tls=False, clean_up=False))
    set -eu
    export COREAPP_HOSTNAME="$(hostname -i | cut -d' ' -f1)"
    exec /opt/whatsapp/bin/launch_within_docker.sh
    """
    lines = ["set -eu", *(f'export {name}="{value}"' for name, value in advertise.items())]
    if tls:
        lines += [f'printf "%s\\n" "${CA_VARIABLE}" > {CA_FILE}', f"unset {CA_VARIABLE}"]
    if clean_up:
        lines.append(f"(while sleep 86400; do {CLEAN_UP} || true; done) &")
    return "\n".join([*lines, f"exec {LAUNCH}"])


def answers_on(port: int) -> ecs.HealthCheck:
    """Return a check that something in the container takes connections on a port of the task's address."""
    return ecs.HealthCheck(
        command=["CMD-SHELL", f'bash -c "exec 3<>/dev/tcp/{TASK_ADDRESS}/{port}" || exit 1'],
        interval=Duration.seconds(15),
        timeout=Duration.seconds(5),
        retries=3,
        start_period=Duration.minutes(5),  # the first start makes or upgrades the database schema
    )
