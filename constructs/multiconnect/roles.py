"""The three roles of the client as one table: image, command, ports, variables, secrets and whom each one reaches.

Sources: facts 1.4 to 1.8, D-4. A role is data, so this module imports no CDK. `multiconnect.service` makes its service.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

API_PORT: Final = 443
"""The webapps' HTTPS port (facts 1.4)."""

MESSAGING_PORT: Final = 6250
CONTACTS_PORT: Final = 6251
CONTROL_PORT: Final = 6252
HEALTH_PORT: Final = 6253
PEER_PORTS: Final = (MESSAGING_PORT, CONTACTS_PORT, CONTROL_PORT, HEALTH_PORT)
"""The ports of coreapps and masters (facts 1.5)."""

DATABASE_IDLE_TIMEOUT_MS: Final = 180_000
"""Coreapps and masters close a database connection that was idle for this long (facts 1.7)."""

JWT_KEY_LENGTH: Final = 64
"""One key for all webapps, without punctuation (facts 1.7)."""

API_KEY_LENGTH: Final = 64
"""The client takes 12 to 128 characters (facts 1.4)."""

PEER_SECRET_LENGTH: Final = 64
"""The length of `WA_SECRET` (facts 1.5). No limit is published."""

CERTIFICATES_PATH: Final = "/opt/certs"
CA_FILE: Final = f"{CERTIFICATES_PATH}/rds-ca.pem"
"""Where the client reads the certificate authorities of its database."""

CA_VARIABLE: Final = "DATABASE_CERTIFICATE_AUTHORITIES"
"""Brings the certificate authorities into the container; the start command writes them to `CA_FILE`."""

LAUNCH: Final = "/opt/whatsapp/bin/launch_within_docker.sh"
CLEAN_UP: Final = "/opt/whatsapp/bin/cleanup.sh"

TASK_ADDRESS: Final = "$(hostname -i | cut -d' ' -f1)"
"""A shell expression for the address of the task, which is known inside the task alone."""


@dataclass(frozen=True, kw_only=True)
class GeneratedSecret:
    """A secret that is generated when the stack is created.

    Attributes:
        name: The construct id, which is a contract: another name is another secret.
        description: What it is used for.
        length: How many letters and digits it has.
    """

    name: str
    description: str
    length: int


@dataclass(frozen=True, kw_only=True)
class Reach:
    """A range of TCP ports that one role opens connections to.

    Attributes:
        role: The name of the role that is reached.
        first_port: The lowest port.
        last_port: The highest port; the same as `first_port` for a single port.
        purpose: What the connections carry.
    """

    role: str
    first_port: int
    last_port: int
    purpose: str


@dataclass(frozen=True, kw_only=True)
class Role:
    """One role of the client.

    Attributes:
        name: The construct id of its service, which is a contract: another name is another service.
        repository: The last part of its image's name.
        ports: The ports that its containers listen on.
        health_port: The port that answers when the container is healthy.
        address_variable: The variable in which a container advertises the address of its task.
        moves_between_zones: Whether ECS may stop a task to even the zones out. It would stop a coreapp that serves a
            shard (T-10), whose messages then wait for a spare to take over (M-6).
        behind_balancer: Whether the load balancer hands calls to it. Default: false.
        cleans_up: Whether it runs the client's own daily clean-up of its logs (facts 1.6).
        variables: Its variables, beside those for its database and its address. In a value, `{load_balancer}` stands
            for the load balancer's DNS name.
        secrets: The generated secrets that it is given, by variable.
        reaches: Whom it opens connections to.
    """

    name: str
    repository: str
    ports: tuple[int, ...]
    health_port: int
    address_variable: str
    moves_between_zones: bool
    behind_balancer: bool = False
    cleans_up: bool
    variables: Mapping[str, str]
    secrets: Mapping[str, GeneratedSecret]
    reaches: tuple[Reach, ...]

    @property
    def container_name(self) -> str:
        """The name of its only container, and the prefix of its log streams."""
        return self.name.lower()

    def start_command(self, *, tls: bool) -> str:
        """Return the shell script that starts a container.

        Args:
            tls: Whether to write the certificate authorities to the file that the client reads.

        >>> print(MASTER.start_command(tls=False))
        set -eu
        export COREAPP_HOSTNAME="$(hostname -i | cut -d' ' -f1)"
        exec /opt/whatsapp/bin/launch_within_docker.sh
        """
        lines = ["set -eu", f'export {self.address_variable}="{TASK_ADDRESS}"']
        if tls:
            lines += [f'printf "%s\\n" "${CA_VARIABLE}" > {CA_FILE}', f"unset {CA_VARIABLE}"]
        if self.cleans_up:
            lines.append(f"(while sleep 86400; do {CLEAN_UP} || true; done) &")
        return "\n".join([*lines, f"exec {LAUNCH}"])


# Webapps and coreapps encrypt what they say to each other with this secret, so all roles hold the same one (facts 1.5).
_PEER_SECRET = GeneratedSecret(
    name="PeerSecret", description="Encrypts webapp to coreapp traffic", length=PEER_SECRET_LENGTH
)
_CLUSTER = tuple(
    Reach(role=name, first_port=MESSAGING_PORT, last_port=HEALTH_PORT, purpose="Cluster")
    for name in ("Coreapp", "Master")
)
_PEER_VARIABLES = {
    "COREAPP_EXTERNAL_PORTS": ",".join(map(str, PEER_PORTS)),
    "WA_DB_CONNECTION_IDLE_TIMEOUT": str(DATABASE_IDLE_TIMEOUT_MS),
}

WEBAPP: Final = Role(
    name="Webapp",
    repository="web",
    ports=(API_PORT,),
    health_port=API_PORT,
    address_variable="WEBAPP_HOSTNAME",
    behind_balancer=True,
    moves_between_zones=True,
    cleans_up=True,
    variables={
        "WA_DB_PERSISTENT": "1",
        "WA_WEB_SERVERNAME": "{load_balancer}",
        "WEBAPP_EXTERNAL_PORTS": str(API_PORT),
    },
    secrets={
        "WA_SECRET": _PEER_SECRET,
        "WA_WEB_JWT_CRYPTO_KEY": GeneratedSecret(
            name="JwtKey", description="Signs the API's tokens", length=JWT_KEY_LENGTH
        ),
        "WA_API_KEY": GeneratedSecret(
            name="ApiKey", description="Reads health, metrics and stats", length=API_KEY_LENGTH
        ),
    },
    # The control port is for coreapps and masters alone (facts 1.5, security guide).
    reaches=tuple(
        reach
        for name in ("Coreapp", "Master")
        for reach in (
            Reach(role=name, first_port=MESSAGING_PORT, last_port=CONTACTS_PORT, purpose="Messages, contacts"),
            Reach(role=name, first_port=HEALTH_PORT, last_port=HEALTH_PORT, purpose="Health"),
        )
    ),
)
"""Answers the API behind the load balancer."""

COREAPP: Final = Role(
    name="Coreapp",
    repository="coreapp",
    ports=PEER_PORTS,
    health_port=HEALTH_PORT,
    address_variable="COREAPP_HOSTNAME",
    moves_between_zones=False,
    cleans_up=True,
    variables=_PEER_VARIABLES,
    secrets={"WA_SECRET": _PEER_SECRET},
    reaches=_CLUSTER,
)
"""Serves one shard each, or waits as a spare (M-5, M-15)."""

MASTER: Final = Role(
    name="Master",
    repository="coreapp",
    ports=PEER_PORTS,
    health_port=HEALTH_PORT,
    address_variable="COREAPP_HOSTNAME",
    moves_between_zones=True,
    cleans_up=False,
    variables={**_PEER_VARIABLES, "WA_MASTER_NODE": "1"},
    secrets={"WA_SECRET": _PEER_SECRET},
    reaches=_CLUSTER,
)
"""Gives shards to coreapps; one master holds the lease, and the others wait."""

ROLES: Final = (WEBAPP, COREAPP, MASTER)

REPOSITORIES: Final = tuple(dict.fromkeys(role.repository for role in ROLES))
"""Every repository that an image comes from, once."""
