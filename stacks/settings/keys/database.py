"""The client's database."""

from typing import Literal

from pydantic import BaseModel

from stacks.settings.change import IN_PLACE, in_order, never, one_way, restarts
from stacks.settings.declaration import (
    TOPIC,
    TRUE_OR_FALSE,
    Names,
    WholeNumber,
    by_environment,
    default_of_sizing,
    setting,
)

MOST_STORAGE_GIB = 65_536
"""What RDS for MySQL takes on gp3: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html"""


class Database(BaseModel):
    """The client's database."""

    model_config = TOPIC

    engine: Literal["mysql"] = setting(
        default_of_sizing("engine"),
        "Database engine (D-9). Others can be sized, not yet deployed.",
        change=never("another engine is another database: make another deployment and move the data"),
    )
    engine_version: Literal["8.4"] = setting(
        "8.4",
        "Major version of MySQL. RDS chooses the minor version and upgrades it by itself (T-17).",
        change=never("RDS upgrades the minor version by itself"),
    )
    database_class: str | None = setting(
        None,
        "RDS class. Default: the cheapest that fits (D-3).",
        "a class that can be ordered, such as db.m7g.large",
        change=restarts("database"),
    )
    database_families: Names | None = setting(
        None,
        "RDS families to choose from. Default: all.",
        "families with commas, such as m7g,r7g",
        change=restarts("database", how="when its class changes with it"),
    )
    database_storage_gib: WholeNumber | None = setting(
        None,
        "gp3 storage in GiB at the start; on a live database it only grows (T-17). "
        "Default: 100 in production, 20 in staging.",
        f"20 to {MOST_STORAGE_GIB * 10 // 11}, so that it can grow by a tenth",
        ge=20,
        le=MOST_STORAGE_GIB * 10 // 11,
        change=one_way("more at once; RDS refuses less (T-17)"),
    )
    database_max_storage_gib: WholeNumber | None = setting(
        None,
        "How far storage grows by itself, in GiB. Default: ten times the start.",
        f"22 to {MOST_STORAGE_GIB}",
        ge=22,
        le=MOST_STORAGE_GIB,
        change=IN_PLACE,
    )
    database_user: Literal["client", "master"] = setting(
        "client",
        "Whose login the client uses: its own (D-6), or RDS's master on the embedded target alone (T-21).",
        change=in_order("enterprise", "lambda", at_once="client", in_steps="master"),
    )
    tls: bool = setting(
        default_of_sizing("tls"),
        "Encrypt and require encryption of database connections (M-18, D-6).",
        TRUE_OR_FALSE,
        change=restarts(
            "tasks",
            "database",
            how="the database when its class changes with it. Turned on, new connections of tasks that run without it "
            "are refused until they are replaced (T-15)",
        ),
    )
    allow_plaintext_database: bool = setting(False, "Lets production turn tls off.", TRUE_OR_FALSE, change=IN_PLACE)
    backup_retention_days: WholeNumber = setting(
        by_environment(production=14, staging=1),
        "Database backups. Default: 14 in production, 1 in staging.",
        "1 to 35",
        ge=1,
        le=35,
        change=IN_PLACE,
    )
