"""The network, and who may call the API."""

from ipaddress import IPv4Network, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator

from stacks.settings.declaration import (
    TOPIC,
    TRUE_OR_FALSE,
    WholeNumber,
    by_environment,
    setting,
    split_at_commas,
)


def _ip_range(text: str) -> str:
    ip_network(text)
    return text


def _vpc_range(text: str) -> str:
    network = ip_network(text)
    if not (isinstance(network, IPv4Network) and network.is_private and 16 <= network.prefixlen <= 20):
        raise ValueError("not a range that a VPC of this layout can have")
    return text


IpRanges = Annotated[tuple[Annotated[str, AfterValidator(_ip_range)], ...], BeforeValidator(split_at_commas)]


class Network(BaseModel):
    """The network, and who may call the API."""

    model_config = TOPIC

    availability_zones: WholeNumber | None = setting(
        None, "Zones, in the order of their names. Default: 3 in production, 2 in staging.", "2, 3 or 4"
    )
    vpc_cidr: Annotated[str, AfterValidator(_vpc_range)] = setting(
        "10.0.0.0/16", "The VPC's addresses.", "a private IPv4 range, /16 to /20, such as 10.0.0.0/16"
    )
    nat_gateways: WholeNumber | None = setting(
        None,
        "Ways out to WhatsApp. Default: one per zone in production, one in staging.",
        "1 to the number of zones",
        ge=1,
    )
    interface_endpoints: bool = setting(
        by_environment(production=True, staging=False),
        "Reach AWS without NAT. Default: in production.",
        TRUE_OR_FALSE,
    )
    load_balancer_scheme: Literal["internal", "internet-facing"] = setting(
        "internal", "Where the API is reached from. Another one is another load balancer with another DNS name (T-7)."
    )
    allowed_cidrs: IpRanges = setting(
        lambda known: (known["vpc_cidr"],),
        "Who may call the API. Default: the VPC.",
        "IP ranges with commas, such as 10.0.0.0/8, without host bits",
    )
