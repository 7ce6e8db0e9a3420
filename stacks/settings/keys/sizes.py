"""How large the cluster is: its load, its containers, its hosts."""

from pydantic import BaseModel

from stacks.settings.change import restarts
from stacks.settings.declaration import (
    ANY_WHOLE_NUMBER,
    TOPIC,
    TRUE_OR_FALSE,
    Names,
    Number,
    WholeNumber,
    default_of_sizing,
    setting,
)


class Sizes(BaseModel):
    """How large the cluster is: its load, its containers, its hosts."""

    model_config = TOPIC

    active_coreapps: WholeNumber | None = setting(
        None,
        "Coreapps that serve a shard each (M-15). Default: from messages_per_second, else by environment.",
        "1, 2, 4, 8, 16, 32",
        change=restarts(
            "hosts",
            "database",
            how="those whose type or class changes with it; the coreapps follow in the order of M-22 and M-23",
        ),
    )
    messages_per_second: Number | None = setting(
        None,
        "Expected API rate (M-18). Default: what the active coreapps are rated for.",
        "a number, 0 or more",
        change=restarts("tasks", "hosts", "database", how="those whose memory, type or class changes with it"),
    )
    message_type: str = setting(
        default_of_sizing("message_type"),
        "What is sent most; media needs larger coreapps.",
        "a type that sizing knows",
        change=restarts("tasks", "hosts", how="hosts when their type changes with it"),
    )
    spares: WholeNumber = setting(
        default_of_sizing("spares"),
        "Coreapps beside the active ones; each replaces one that failed (M-5).",
        ANY_WHOLE_NUMBER,
        ge=0,
        change=restarts("hosts", how="when their type changes with it"),
    )
    webs: WholeNumber | None = setting(
        None,
        "Webapps. Default: by environment (M-16).",
        "a whole number, 1 or more",
        ge=1,
        change=restarts("hosts", how="when their type changes with it"),
    )
    masters: WholeNumber | None = setting(
        None,
        "Masters. Default: by environment (M-16).",
        "a whole number, 2 or more",
        ge=2,
        change=restarts("hosts", how="when their type changes with it"),
    )
    host_type: str | None = setting(
        None,
        "EC2 type of the hosts. Default: the cheapest that fits (D-1).",
        "an x86_64 EC2 type such as c5.large",
        change=restarts("hosts"),
    )
    host_families: Names | None = setting(
        None,
        "EC2 families to choose from. Default: all.",
        "families with commas, such as c6i,m6i",
        change=restarts("hosts", how="when their type changes with it"),
    )
    eni_trunking: bool = setting(
        default_of_sizing("eni_trunking"),
        "More tasks per host, for the hosts' role alone (D-4).",
        TRUE_OR_FALSE,
        change=restarts("hosts", how="when their type changes with it"),
    )
