"""The network, and who may call the API."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator

from sizing.planning.cost import INTERFACE_ENDPOINTS
from stacks.settings.addresses import ipv4_range, vpc_range
from stacks.settings.change import IN_PLACE, in_order, never, replaced
from stacks.settings.declaration import (
    TOPIC,
    TRUE_OR_FALSE,
    Names,
    WholeNumber,
    by_environment,
    setting,
    split_at_commas,
)
from stacks.settings.errors import Refusal
from stacks.settings.suggestion import did_you_mean

MOST_CALLERS = 50
"""A security group holds 60 rules in each direction, and the stacks add rules of their own to the load balancer's.

The quota "Inbound or outbound rules per security group" counts each IP version for itself:
https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups
"""

MOST_PUBLIC_ADDRESSES = 2**24
"""Those of one /8. Whoever lists more has not listed callers but opened the API to strangers."""


ZONE_NAME = re.compile(r"(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9])[a-f]")
ZONE_ID = re.compile(r"[a-z]+[0-9]-az[0-9]")


def _zone_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not (ZONE_NAME.fullmatch(name) or ZONE_ID.fullmatch(name)):
            raise Refusal(f"{name!r} is neither the name nor the id of a zone")
    if len({bool(ZONE_ID.fullmatch(name)) for name in names}) > 1:
        raise Refusal("names and ids beside each other could mean one zone twice")
    if len(set(names)) < len(names):
        raise Refusal("a zone stands twice")
    if len(names) not in range(2, 5):
        raise Refusal(f"there {'is' if len(names) == 1 else 'are'} {len(names)}")
    return names


ZoneNames = Annotated[Names, AfterValidator(_zone_names)]


def _endpoint(name: str) -> str:
    if name not in INTERFACE_ENDPOINTS:
        raise Refusal(did_you_mean("there is no such endpoint", name, INTERFACE_ENDPOINTS))
    return name


Endpoints = Annotated[tuple[Annotated[str, AfterValidator(_endpoint)], ...], BeforeValidator(split_at_commas)]


def _callers(ranges: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(ranges) <= MOST_CALLERS:
        raise Refusal(f"there are {len(ranges)}")
    # EC2 would refuse the second rule: InvalidPermission.Duplicate.
    twice = sorted({each for each in ranges if ranges.count(each) > 1})
    if twice:
        raise Refusal(f"{', '.join(twice)} stands twice")
    return ranges


Callers = Annotated[
    tuple[Annotated[str, AfterValidator(ipv4_range)], ...], BeforeValidator(split_at_commas), AfterValidator(_callers)
]


class Network(BaseModel):
    """The network, and who may call the API."""

    model_config = TOPIC

    availability_zone_names: ZoneNames | None = setting(
        None,
        "Which zones, in this order. Default: the first of the account in the order of their names (T-13).",
        "2 to 4 names such as us-east-1a, or 2 to 4 ids such as use1-az1, with commas",
        change=never(
            "another zone in the place of one would be another subnet with the same addresses, which CloudFormation "
            "refuses. The zones that the subnets are in can be named at any time, by name and in their order, and one "
            "more after them is one more zone"
        ),
    )
    availability_zones: WholeNumber | None = setting(
        lambda known: len(known["availability_zone_names"]) if known["availability_zone_names"] else None,
        "How many zones. Default: 3 in production, 2 in staging.",
        "2, 3 or 4",
        change=in_order(
            "enterprise",
            "lambda",
            "database",
            at_once="more",
            in_steps="fewer",
            note="Renew the hosts of the last zone after the first step. RDS refuses while the database stands in it",
        ),
    )
    vpc_cidr: Annotated[str, AfterValidator(vpc_range)] = setting(
        "10.0.0.0/16",
        "The VPC's addresses.",
        "a private IPv4 range (RFC 1918 or 100.64.0.0/10) but not 172.17.0.0/16, /16 to /20, such as 10.0.0.0/16",
        change=never("another range is another VPC: make another deployment and move the data"),
    )
    nat_gateways: WholeNumber | None = setting(
        None,
        "Ways out to WhatsApp. Default: one per zone in production, one in staging.",
        "1 to the number of zones",
        ge=1,
        change=in_order(
            "enterprise",
            at_once="more",
            in_steps="fewer",
            note="The public addresses of the last ones are given up, by which others may know the cluster",
        ),
    )
    interface_endpoints: bool = setting(
        by_environment(production=True, staging=False),
        "Reach AWS without NAT. Default: in production.",
        TRUE_OR_FALSE,
        change=IN_PLACE,
    )
    without_endpoints: Endpoints = setting(
        (),
        "Services that are reached through NAT instead, because a zone does not have their endpoint (T-14).",
        f"some of {', '.join(INTERFACE_ENDPOINTS)}, with commas",
        change=IN_PLACE,
    )
    load_balancer_scheme: Literal["internal", "internet-facing"] = setting(
        "internal",
        "Where the API is reached from.",
        change=replaced("another load balancer with another name, which callers then need; ECS replaces the webapps"),
    )
    allowed_cidrs: Callers = setting(
        lambda known: (known["vpc_cidr"],),
        "Who may call the API. Default: the VPC.",
        f"1 to {MOST_CALLERS} IPv4 ranges with commas, each once, such as 10.0.0.0/8, without host bits",
        change=IN_PLACE,
    )
    allow_any_address: bool = setting(
        False,
        f"Lets production take callers from more than {MOST_PUBLIC_ADDRESSES:,} public addresses, such as 0.0.0.0/0.",
        TRUE_OR_FALSE,
        change=IN_PLACE,
    )
