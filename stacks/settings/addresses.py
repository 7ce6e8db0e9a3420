"""Addresses as settings take them: IPv4 ranges, who is let in by a list of them, and hosts with a port."""

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv4Network, collapse_addresses, ip_interface
from typing import Final

from stacks.settings.errors import Refusal

PRIVATE_RANGES: Final = tuple(
    map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")),
)
"""Ranges that no host of the internet has: RFC 1918, and RFC 6598 for the last one.

AWS recommends them for a VPC. Hosts could not reach the real owner of a public range:
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
"""

DOCKER_RANGE: Final = IPv4Network("172.17.0.0/16")
"""The range of Docker's own bridge on every host.

In a VPC with this range the host sends packets for the VPC, those for its DNS server among them, to the bridge instead:
https://github.com/buildkite/elastic-ci-stack-for-aws/issues/1512
"""

VPC_PREFIXES: Final = range(16, 21)
"""AWS takes /16 to /28. From /21 on the public subnets of four zones would be too small."""

LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST: Final = re.compile(rf"(?:{LABEL}\.)*{LABEL}")
LONGEST_HOST: Final = 253
"""Letters of a host name: RFC 1035, 2.3.4, without the dot at its end."""
LAST_PORT: Final = 65_535


def ipv4_range(text: str) -> str:
    """Return an IPv4 range that is written as AWS writes it.

    Raises:
        ValueError: For any other text; a `Refusal` where the mend is known.

    Example:
        >>> ipv4_range("10.0.0.0/8")
        '10.0.0.0/8'
        >>> ipv4_range("203.0.113.7")
        Traceback (most recent call last):
        stacks.settings.errors.Refusal: a single address is written 203.0.113.7/32
    """
    given = ip_interface(text)
    if given.version == 6:
        raise Refusal("nothing here has an IPv6 address, so IPv4 alone")
    if "/" not in text:
        raise Refusal(f"a single address is written {given.ip}/32")
    if given.ip != given.network.network_address:
        raise Refusal(f"it has host bits: write {given.network} for the range, or {given.ip}/32 for the one address")
    if text != str(given.network):
        raise Refusal(f"write {given.network}")
    return text


def vpc_range(text: str) -> str:
    """Return an IPv4 range that a VPC of this layout can have.

    Raises:
        ValueError: For any other text; a `Refusal` where the mend is known.
    """
    network = IPv4Network(ipv4_range(text))
    if not any(network.subnet_of(private) for private in PRIVATE_RANGES):
        raise Refusal("hosts could not reach the real owner of these addresses")
    if network.overlaps(DOCKER_RANGE):
        raise Refusal(f"Docker has {DOCKER_RANGE} on every host")
    if network.prefixlen not in VPC_PREFIXES:
        raise Refusal("its size does not suit")
    return text


def public_addresses(ranges: Iterable[str]) -> int:
    """Return how many addresses outside the private ranges a list of ranges holds, each counted once.

    Example:
        >>> public_addresses(["10.0.0.0/8", "192.0.2.0/24"])
        256
        >>> public_addresses(["0.0.0.0/1", "128.0.0.0/1"]) == public_addresses(["0.0.0.0/0"])
        True
    """
    whole = list(collapse_addresses(map(IPv4Network, ranges)))
    private = (
        min(each, within, key=lambda piece: piece.num_addresses)
        for each in whole
        for within in PRIVATE_RANGES
        if each.overlaps(within)
    )
    return sum(each.num_addresses for each in whole) - sum(each.num_addresses for each in private)


def host_with_port(text: str) -> str:
    """Return a host name or an IPv4 address, with or without a port.

    Raises:
        Refusal: For any other text; it names the part that is wrong.

    Example:
        >>> host_with_port("registry.example:5000")
        'registry.example:5000'
    """
    host, colon, port = text.partition(":")
    if not HOST.fullmatch(host) or len(host) > LONGEST_HOST:
        raise Refusal(f"{host!r} is not the name of a host")
    if host.rpartition(".")[2].isdigit():
        try:
            IPv4Address(host)
        except AddressValueError:
            raise Refusal(f"{host!r} is not an IPv4 address") from None
    if colon and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) <= LAST_PORT):
        raise Refusal(f"a port is a number from 1 to {LAST_PORT}")
    return text
