"""What only several settings keys together can tell, and the plan that follows from them.

A check names the keys it reads as its parameters. It is left out when one of them was refused already, so that no key
is blamed for another's fault.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from inspect import signature
from ipaddress import IPv4Network
from math import ceil
from typing import Any, Final

from sizing import Plan, Problem, SizingError, plan
from sizing.facts import catalogue
from stacks.settings.addresses import VPC_PREFIXES, public_addresses
from stacks.settings.declaration import SIZING_ARGUMENTS
from stacks.settings.keys.network import MOST_PUBLIC_ADDRESSES
from stacks.settings.suggestion import did_you_mean

Check = Callable[..., Iterator[Problem]]

PRIVATE_EXTRA_BITS: Final = 4
"""A private subnet is 1/16 of the VPC: `multiconnect.network.PRIVATE_EXTRA_BITS`, which the CDK would come with."""
KEPT_BY_AWS: Final = 5
"""Addresses of each subnet: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""
INTERFACES_IN_EACH_SUBNET: Final = 24
"""Ten interface endpoints, the load balancer (up to eight addresses while it grows), the mount target of the files, and
an interface for each security group of the functions, with some to spare."""
EMBEDDED_ACCOUNT: Final = "123456789012"
"""The account of the embedded target. The CDK CLI refuses to deploy its stacks to any other account."""


def encrypted_in_production(environment: str, tls: bool, allow_plaintext_database: bool) -> Iterator[Problem]:
    """Production gives TLS up only when it is asked for twice."""
    if environment == "production" and not tls and not allow_plaintext_database:
        yield Problem("tls", tls, "true in production, or set allow_plaintext_database=true as well")


def masters_login_is_for_the_embedded_target(account: str | None, database_user: str) -> Iterator[Problem]:
    """RDS rotates the master's password every 7 days, and a container reads its password once (T-21)."""
    if database_user == "master" and account != EMBEDDED_ACCOUNT:
        yield Problem(
            "database_user",
            database_user,
            "client: the master may do everything (D-6), and RDS changes its password every 7 days (T-21); master is "
            f"for the embedded target alone, whose account is {EMBEDDED_ACCOUNT}",
        )


def data_outlives_production(environment: str, delete_data_with_stack: bool) -> Iterator[Problem]:
    """Data of production is never let go."""
    if environment == "production" and delete_data_with_stack:
        yield Problem("delete_data_with_stack", True, "false in production: data outlives its stack (D-11)")


def callers_are_known_in_production(
    environment: str, allowed_cidrs: Sequence[str], allow_any_address: bool
) -> Iterator[Problem]:
    """Production takes callers from everywhere only when it is asked for twice, however the ranges are cut."""
    if (
        environment == "production"
        and not allow_any_address
        and public_addresses(allowed_cidrs) > MOST_PUBLIC_ADDRESSES
    ):
        allowed = f"at most {MOST_PUBLIC_ADDRESSES:,} public addresses in production (one /8)"
        yield Problem("allowed_cidrs", ",".join(allowed_cidrs), f"{allowed}, or set allow_any_address=true as well")


def host_type_is_of_the_families(host_type: str | None, host_families: Sequence[str] | None) -> Iterator[Problem]:
    """A type that is asked for by name must be one of those to choose from."""
    if host_type and host_families and _family(host_type) not in host_families:
        yield Problem("host_type", host_type, f"a type of host_families, {', '.join(host_families)}, or leave one out")


def database_class_is_of_the_families(
    database_class: str | None, database_families: Sequence[str] | None
) -> Iterator[Problem]:
    """A class that is asked for by name must be one of those to choose from."""
    if database_class and database_families and _family(database_class.removeprefix("db.")) not in database_families:
        families = ", ".join(database_families)
        yield Problem("database_class", database_class, f"a class of database_families, {families}, or leave one out")


def internet_facing_has_callers_from_outside(
    load_balancer_scheme: str, allowed_cidrs: Sequence[str]
) -> Iterator[Problem]:
    """A load balancer with public addresses sees the addresses of the internet; no private one ever calls it."""
    if load_balancer_scheme == "internet-facing" and not public_addresses(allowed_cidrs):
        yield Problem(
            "allowed_cidrs",
            ",".join(allowed_cidrs),
            "at least one public range with load_balancer_scheme=internet-facing, such as 203.0.113.0/24, the callers' "
            "own addresses; or set load_balancer_scheme=internal",
        )


def the_region_has_the_zones(
    region: str, availability_zones: int | None, availability_zone_names: Sequence[str] | None
) -> Iterator[Problem]:
    """CloudFormation selects a zone by its position, and fails beyond the last one of the account (T-13)."""
    zones = catalogue.zones(region)
    if availability_zone_names is None:
        most = len(zones.every_account)
        if availability_zones is not None and availability_zones > most:
            counts = " or ".join(str(count) for count in range(2, most + 1))
            yield Problem(
                "availability_zones",
                availability_zones,
                f"{counts} in {region}, the zones that every account has there; an account with more names them in "
                "availability_zone_names",
            )
        return
    ids = (*zones.every_account, *zones.some_accounts)
    for name in availability_zone_names:
        if name[:-1] != region and name not in ids:
            near = did_you_mean(f"names that begin with {region}, or some of {', '.join(ids)}", name, ids)
            yield Problem("availability_zone_names", name, near)


def as_many_zones_as_names(
    availability_zones: int | None, availability_zone_names: Sequence[str] | None
) -> Iterator[Problem]:
    """The names say how many zones there are; another number beside them is a mistake in one of the two."""
    if availability_zone_names is not None and availability_zones != len(availability_zone_names):
        allowed = f"{len(availability_zone_names)}, as many as availability_zone_names has, or leave it out"
        yield Problem("availability_zones", availability_zones, allowed)


def one_nat_gateway_per_zone(
    environment: str,
    region: str,
    nat_gateways: int | None,
    availability_zones: int | None,
    availability_zone_names: Sequence[str] | None,
) -> Iterator[Problem]:
    """More NAT gateways than zones have no subnet to stand in; whoever misspelt a zone is told of that alone."""
    if nat_gateways is None:
        return
    zones = availability_zones or len(availability_zone_names or ())
    zones = zones or plan(environment=environment, region=region).hosts.availability_zones
    if nat_gateways > zones:
        yield Problem("nat_gateways", nat_gateways, f"1 to {zones}, one per zone")


def storage_can_grow(
    environment: str, database_storage_gib: int | None, database_max_storage_gib: int | None
) -> Iterator[Problem]:
    """RDS wants room for a tenth more."""
    if database_max_storage_gib is None:
        return
    start = database_storage_gib or plan(environment=environment).database.storage_gib
    if database_max_storage_gib < 1.1 * start:
        message = f"at least 10 % above database_storage_gib, {start}"
        yield Problem("database_max_storage_gib", database_max_storage_gib, message)


def the_private_subnets_hold_everything(plan: Plan, settings: Mapping[str, Any]) -> Iterator[Problem]:
    """Every host, task and interface takes an address of a private subnet, and a deploy may double the tasks (D-4).

    The tasks are spread over the zones, and those that are left must hold them when one is lost.
    """
    zones = plan.hosts.availability_zones
    tasks = plan.coreapps + plan.webs + plan.masters
    hosts = plan.hosts.maximum * (2 if plan.hosts.eni_trunking else 1)
    need = ceil((hosts + 2 * tasks) / (zones - 1)) + INTERFACES_IN_EACH_SUBNET
    smallest = max(prefix for prefix in VPC_PREFIXES if 2 ** (32 - prefix - PRIVATE_EXTRA_BITS) - KEPT_BY_AWS >= need)
    if IPv4Network(settings["vpc_cidr"]).prefixlen > smallest:
        yield Problem(
            "vpc_cidr",
            settings["vpc_cidr"],
            f"/{smallest} or larger for these sizes: a private subnet needs {need} addresses for hosts, tasks and "
            "functions when one zone is lost during a deploy",
        )


def own_keys_are_of_the_region(
    region: str, secrets_key_arn: str | None, volume_key_arn: str | None
) -> Iterator[Problem]:
    """A service uses keys of its own region alone."""
    for name, arn in (("secrets_key_arn", secrets_key_arn), ("volume_key_arn", volume_key_arn)):
        if arn and arn.split(":")[3] != region:
            yield Problem(name, arn, f"a key in {region}, the region of the deployment")


def boundary_is_of_the_account(account: str | None, permissions_boundary: str | None) -> Iterator[Problem]:
    """IAM takes a boundary of the role's own account, or one of AWS's own policies."""
    owner = permissions_boundary.split(":")[4] if permissions_boundary and ":" in permissions_boundary else "aws"
    if account and owner not in (account, "aws"):
        yield Problem("permissions_boundary", permissions_boundary, f"a policy of account {account}, or its name alone")


def _family(instance_type: str) -> str:
    return instance_type.partition(".")[0]


PLAN_CHECKS: Final[tuple[Callable[[Plan, Mapping[str, Any]], Iterator[Problem]], ...]] = (
    the_private_subnets_hold_everything,
)
"""What only the plan tells; left out while any key is refused."""

CHECKS: Final[tuple[Check, ...]] = (
    encrypted_in_production,
    masters_login_is_for_the_embedded_target,
    data_outlives_production,
    callers_are_known_in_production,
    host_type_is_of_the_families,
    database_class_is_of_the_families,
    internet_facing_has_callers_from_outside,
    the_region_has_the_zones,
    as_many_zones_as_names,
    one_nat_gateway_per_zone,
    storage_can_grow,
    own_keys_are_of_the_region,
    boundary_is_of_the_account,
)

STAND_INS: Final[tuple[Mapping[str, Any], ...]] = (
    {"environment": "staging", "active_coreapps": 1, "messages_per_second": 0, "tls": False},
    {"environment": "production", "active_coreapps": 32, "messages_per_second": 0, "tls": False},
)
"""What sizing is given in the place of refused keys while it judges the others: the least load, and the most room.

A key is bad in any case only if it is bad with each of them. The stand-in of a key that is not listed is its default:
the default region, for example, offers every class that any region offers.
"""


def judge(
    settings: Mapping[str, Any], refused: Collection[str], written: Mapping[str, Any]
) -> tuple[Plan | None, list[Problem]]:
    """Make the plan and check what several keys together tell.

    Args:
        settings: Every key with its value.
        refused: Keys whose values were refused already; nothing is said about them again.
        written: The values as they were given, for what sizing refuses.

    Returns:
        The plan, or None when a key is refused, and the problems.
    """
    made, problems = _plan_by_name(settings, refused)
    unplannable = [
        problem._replace(value=written.get(problem.parameter, problem.value))
        for problem in problems
        if problem.parameter not in refused
    ]
    blamed = {*refused, *(problem.parameter for problem in unplannable)}
    found = [
        problem
        for check in CHECKS
        if blamed.isdisjoint(names := signature(check).parameters)
        for problem in check(**{name: settings[name] for name in names})
    ]
    if made is not None and not found:
        found = [problem for check in PLAN_CHECKS for problem in check(made, settings)]
    return (None if blamed or found else made), found + unplannable


def _plan_by_name(settings: Mapping[str, Any], refused: Collection[str]) -> tuple[Plan | None, list[Problem]]:
    """Plan with every key that is an argument of sizing, found by its name."""
    arguments = {name: settings[name] for name in SIZING_ARGUMENTS if name in settings}
    if not refused:
        try:
            return plan(**arguments), []
        except SizingError:
            pass
    least, most = (_refusals(arguments, refused, stand_ins) for stand_ins in STAND_INS)
    return None, [problem for parameter, problem in least.items() if parameter in most]


def _refusals(
    arguments: Mapping[str, Any], refused: Collection[str], stand_ins: Mapping[str, Any]
) -> Mapping[str, Problem]:
    """Return what sizing refuses, by argument; what it refuses is replaced until it has judged all the others."""
    problems: dict[str, Problem] = {}
    while True:
        replaced = {*refused, *problems}
        sound = {name: value for name, value in arguments.items() if name not in replaced}
        known = len(problems)
        try:
            plan(**sound, **{name: value for name, value in stand_ins.items() if name in replaced})
        except SizingError as error:
            for found in error.problems:
                problems.setdefault(found.parameter, found)
        if len(problems) == known:
            return problems
