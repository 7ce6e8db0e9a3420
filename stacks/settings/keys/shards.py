"""Shards that follow a change of size (D-8)."""

from pydantic import BaseModel

from stacks.settings.declaration import TOPIC, TRUE_OR_FALSE, WholeNumber, setting


class Shards(BaseModel):
    """Shards that follow a change of size (D-8)."""

    model_config = TOPIC

    manage_shards: bool = setting(
        False,
        "A deploy that changes active_coreapps also sets the shards, in the documented order (D-8). Turn it on when a "
        "number is registered and shards_secret is filled in.",
        TRUE_OR_FALSE,
    )
    shards_secret: str = setting(
        lambda known: f"{known['name']}/client-account",
        "Secrets Manager secret with login, number and certificate (docs/runbooks.md). Default: <name>/client-account.",
        "the name of a secret",
        pattern=r"^[A-Za-z0-9/_+=.@-]{1,512}$",
    )
    shards_endpoint: str | None = setting(
        None,
        "Where the client's API is. Default: the load balancer.",
        "https://<host>[:<port>]",
        pattern=r"^https://[^/]+$",
    )
    shards_ca_parameter: str | None = setting(
        None,
        "SSM parameter with the certificate authority of the client's API. Default: the public ones.",
        "the name of a parameter",
        pattern=r"^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$",
    )
    certificate_max_age_days: WholeNumber = setting(
        30, "How old the operator's confirmation of the certificate may be (M-11).", "1 to 365", ge=1, le=365
    )
