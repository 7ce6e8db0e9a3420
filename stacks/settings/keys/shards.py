"""Shards that follow a change of size (D-8)."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel

from stacks.settings.addresses import host_with_port
from stacks.settings.change import IN_PLACE, in_order
from stacks.settings.declaration import TOPIC, TRUE_OR_FALSE, WholeNumber, setting
from stacks.settings.errors import Refusal

SCHEME = "https://"

DEEPEST_PARAMETER = 15
"""Levels of a parameter's name: PutParameter in the API reference of Systems Manager, and so are the reserved words."""


def _endpoint(text: str) -> str:
    if not text.startswith(SCHEME):
        raise Refusal(f"begin with {SCHEME}")
    host = text.removeprefix(SCHEME)
    if "@" in host:
        raise Refusal("leave the user out: shards_secret has the login")
    if set(host) & set("/?#"):
        raise Refusal("end with the host or its port: paths and queries are the client's own")
    host_with_port(host.lower())
    return text


def _own_parameter(name: str) -> str:
    words = name.removeprefix("/").split("/")
    if words[0].lower().startswith(("aws", "ssm")):
        raise Refusal("AWS keeps names that begin with aws or ssm for itself")
    if len(words) > DEEPEST_PARAMETER:
        raise Refusal(f"a name has at most {DEEPEST_PARAMETER} levels")
    return name


class Shards(BaseModel):
    """Shards that follow a change of size (D-8)."""

    model_config = TOPIC

    manage_shards: bool = setting(
        False,
        "A deploy that changes active_coreapps also sets the shards, in the documented order (D-8). Turn it on when a "
        "number is registered and shards_secret is filled in.",
        TRUE_OR_FALSE,
        change=in_order("enterprise", at_once="on", in_steps="off"),
    )
    shards_secret: str = setting(
        lambda known: f"{known['name']}/client-account",
        "Secrets Manager secret with login, number and certificate (docs/runbooks.md). Default: <name>/client-account.",
        "the name of a secret",
        pattern=r"^[A-Za-z0-9/_+=.@-]{1,512}$",
        change=IN_PLACE,
    )
    shards_endpoint: Annotated[str, AfterValidator(_endpoint)] | None = setting(
        None, "Where the client's API is. Default: the load balancer.", "https://<host>[:<port>]", change=IN_PLACE
    )
    shards_ca_parameter: Annotated[str, AfterValidator(_own_parameter)] | None = setting(
        None,
        "SSM parameter with the certificate authority of the client's API. Default: the public ones.",
        "the name of a parameter",
        pattern=r"^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$",
        max_length=1011,
        change=IN_PLACE,
    )
    certificate_max_age_days: WholeNumber = setting(
        30,
        "How old the operator's confirmation of the certificate may be (M-11).",
        "1 to 365",
        ge=1,
        le=365,
        change=IN_PLACE,
    )
