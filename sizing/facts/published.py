"""Every figure the vendor published, once, with where it stands.

`M-n` cites the page "Scaling the API client with Multiconnect" of the WhatsApp Business API client (On-Premises),
https://developers.facebook.com/docs/whatsapp/multiconnect_mc. TPL is the vendor's last set of templates,
https://github.com/WhatsApp/whatsapp-business-api-deployment-templates at commit f7fc725.
"""

from __future__ import annotations

from typing import Final, NamedTuple

SHARD_COUNTS: Final = (1, 2, 4, 8, 16, 32)
"""Allowed numbers of shards, and so of active coreapps (M-2)."""


class EnvironmentDefaults(NamedTuple):
    """Default counts of one environment (M-16)."""

    hosts: int
    webs: int
    masters: int
    active_coreapps: int  # M-16 counts coreapps with the spare of M-15: production 3 = 2 + 1, staging 2 = 1 + 1


ENVIRONMENTS: Final = {
    "production": EnvironmentDefaults(hosts=3, webs=3, masters=3, active_coreapps=2),
    "staging": EnvironmentDefaults(hosts=2, webs=2, masters=2, active_coreapps=1),
}

HOST_CAPS: Final = {2: 3, 4: 4, 8: 5, 16: 8, 32: 15}
"""Active coreapps to the largest number of EC2 hosts (M-17)."""

RATE_TO_COREAPPS: Final = (
    (10, 2),
    (20, 2),
    (40, 4),
    (80, 8),
    (120, 16),
    (160, 16),
    (200, 32),
    (250, 32),
    (300, 32),
    (350, 32),
)
"""Messages/s up to which so many shards serve, AWS column (TPL src/aws/wa_ent.yml)."""

SUPPORTED_RATE: Final = 250
"""Messages/s the vendor supports; 300 and 350 were benchmarks (TPL README, v2.45.2)."""

# M-18. The page does not say whether the third row was measured with or without encryption.
CONNECTIONS_OFF: Final = (8, 100, 700)
CONNECTIONS_ON: Final = (8, 100, 1200)
CONNECTIONS_UNSTATED: Final = (32, 250, 1700)

RELEASE_CLASSES: Final = {(8, False): "db.m4.2xlarge", (32, True): "db.m4.4xlarge"}
"""(Active coreapps, TLS to the database) to the class the release used (M-19)."""

RELEASE_HOST: Final = "c4.4xlarge"
"""Host of the release's high-throughput settings (developers.facebook.com/docs/whatsapp/guides/high-throughput)."""

MAX_CONNECTIONS: Final = {
    "db.t2.medium": 318,
    "db.t2.large": 636,
    "db.t2.xlarge": 1272,
    "db.t2.2xlarge": 2543,
    "db.r4.large": 1212,
    "db.r4.xlarge": 2424,
    "db.r4.2xlarge": 4848,
    "db.r4.4xlarge": 9696,
    "db.r4.10xlarge": 19391,
    "db.r4.16xlarge": 38783,
    "db.m4.large": 636,
    "db.m4.xlarge": 1272,
    "db.m4.2xlarge": 2543,
    "db.m4.4xlarge": 5086,
    "db.m4.10xlarge": 12716,
    "db.m4.16xlarge": 20345,
    "db.m3.medium": 298,
    "db.m3.large": 596,
    "db.m3.xlarge": 1192,
    "db.m3.2xlarge": 2384,
}
"""Maximum connections by class, MySQL (M-20)."""

MISNAMED_CLASSES: Final = {"db.r4.10xlarge": "db.r4.8xlarge"}
"""M-20 names a class that never existed; its figure is that of the 244 GiB class."""

AURORA_CONNECTIONS: Final = {
    "db.t3.medium": 90,
    "db.r5.large": 1000,
    "db.r5.xlarge": 2000,
    "db.r5.4xlarge": 4000,
    "db.r5.12xlarge": 6000,
    "db.r5.24xlarge": 7000,
    "db.r6g.2xlarge": 3000,
    "db.r6g.16xlarge": 6000,
}
"""Some of AWS's documented limits for Aurora MySQL, to check a table by
(docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Managing.Performance.html)."""

DATABASE_VCPU_FLOOR: Final = ((20, 2), (40, 4), (100, 8), (250, 16))
"""Messages/s up to which so many vCPU serve: 20 and 40 from TPL, 100 and 250 from M-18 with M-19."""
DATABASE_VCPU_ABOVE: Final = 32
"""vCPU beyond the last step; TPL gives db.r5.8xlarge from 250 messages/s on."""

HEARTBEAT_SECONDS: Final = 5
"""Default `heartbeat_interval` (developers.facebook.com/docs/whatsapp/api/settings/app)."""
UNHEALTHY_SECONDS: Final = 30
"""Default `unhealthy_interval`, same page; 30 + 5 is the 35 s of M-6."""

WEB_MEMORY_MIB: Final = 512
MASTER_MEMORY_MIB: Final = 1024
TEXT_COREAPP_MEMORY_MIB: Final = 1024
"""Reservations that make M-17's "more coreapps, more memory, more hosts" work in the first template."""


class MessageType(NamedTuple):
    """Memory that one coreapp reserves for a kind of message, by rate.

    `mib` up to and with `rate` messages/s, `mib_above` beyond. TPL gives a larger host for heavier messages and
    reserves 3600, 7000 and 14900 MiB for the two coreapps' shares of an xlarge, 2xlarge and 4xlarge host.
    """

    mib: int
    rate: float
    mib_above: int


_ANY_RATE = float("inf")
MESSAGE_TYPES: Final = {
    "text": MessageType(TEXT_COREAPP_MEMORY_MIB, _ANY_RATE, TEXT_COREAPP_MEMORY_MIB),
    "audio": MessageType(TEXT_COREAPP_MEMORY_MIB, _ANY_RATE, TEXT_COREAPP_MEMORY_MIB),
    "doc": MessageType(TEXT_COREAPP_MEMORY_MIB, _ANY_RATE, TEXT_COREAPP_MEMORY_MIB),
    "video": MessageType(TEXT_COREAPP_MEMORY_MIB, 120, 3600),  # xlarge from 160, the step after 120
    "image1MB": MessageType(3600, 250, 7000),  # 2xlarge from 300
    "image2MB": MessageType(7000, 10, 14900),  # 2xlarge at 10, else 4xlarge
    "image4MB": MessageType(14900, _ANY_RATE, 14900),
}
