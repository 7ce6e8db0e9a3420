"""EC2: security groups and their rules."""

from __future__ import annotations

import re
from typing import Any

from emulator.handlers import internals
from emulator.handlers.internals import Step

from .book import number, properties_of, refuse
from .ec2 import network_of

_GROUP = "AWS::EC2::SecurityGroup"
_INGRESS, _EGRESS = "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"
_RULES_OF_A_GROUP = 60


def _count(rules: list[dict[str, Any]]) -> int:
    """Return how many rules count: each source of a rule does."""
    return sum(
        sum(len(rule.get(key) or []) for key in ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")) or 1
        for rule in rules
    )


@refuse(_GROUP, _INGRESS, _EGRESS, source="T-29", code="ServiceLimitExceeded")
def sixty_rules(step: Step) -> str | None:
    """A security group has at most 60 rules in each direction."""
    given = properties_of(step)
    if step.resource_type == _GROUP:
        counts = [len(given.get(f"SecurityGroup{way}") or []) for way in ("Ingress", "Egress")]
    elif step.old is not None:
        return None
    else:
        record = internals.security_groups.get(str(given.get("GroupId"))) or {}
        counts = [
            _count(record.get("IpPermissions" if step.resource_type == _INGRESS else "IpPermissionsEgress") or []) + 1
        ]
    return (
        "The maximum number of rules per security group has been reached." if max(counts) > _RULES_OF_A_GROUP else None
    )


@refuse(_GROUP, source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html")
def group_text(step: Step) -> str | None:
    """Texts of a security group have at most 255 plain characters, and its name does not begin with `sg-`."""
    given = properties_of(step)
    if str(given.get("GroupName", "")).startswith("sg-"):
        return "Invalid value for parameter groupName. It can not start with 'sg-'."
    rules = [*(given.get("SecurityGroupIngress") or []), *(given.get("SecurityGroupEgress") or [])]
    if not re.fullmatch(r"[\w .:/()#,@\[\]+=&;{}!$*-]{1,255}", str(given.get("GroupDescription", "")), re.ASCII):
        return (
            f"Value ({given.get('GroupDescription')}) for parameter GroupDescription is invalid. "
            "Character sets beyond ASCII are not supported."
        )
    for rule in rules:
        if not re.fullmatch(r"[\w .:/()#,@\[\]+=&;{}!$*-]{0,255}", str(rule.get("Description") or ""), re.ASCII):
            return (
                "Invalid rule description. Valid descriptions are strings less than 256 characters from the "
                "following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
            )
    return None


@refuse(_GROUP, source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html")
def same_rule_twice(step: Step) -> str | None:
    """A security group has no rule twice, whatever its description says."""
    for way in ("Ingress", "Egress"):
        seen = list[dict[str, Any]]()
        for rule in properties_of(step).get(f"SecurityGroup{way}") or []:
            bare = {key: str(value) for key, value in rule.items() if key != "Description"}
            if bare in seen:
                return "The same permission must not appear multiple times"
            seen.append(bare)
    return None


@refuse(
    _GROUP,
    _INGRESS,
    _EGRESS,
    source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html",
)
def rule_values(step: Step) -> str | None:
    """A rule has a block with a length of at most 32 bits, and ports in order within 0 to 65535."""
    given = properties_of(step)
    rules = (
        [given]
        if step.resource_type != _GROUP
        else [*(given.get("SecurityGroupIngress") or []), *(given.get("SecurityGroupEgress") or [])]
    )
    for rule in rules:
        cidr = rule.get("CidrIp")
        if cidr is not None and (network_of(cidr) is None or "/" not in str(cidr)):
            return f"CIDR block {cidr} is malformed"
        low, high = number(rule.get("FromPort")), number(rule.get("ToPort"))
        if str(rule.get("IpProtocol")).lower() in ("tcp", "udp", "6", "17"):
            if max(low, high) > 65535:
                return f"Invalid value '{max(low, high)}' for port number. Must be between 0 and 65535"
            if low > high:
                return f"Invalid TCP/UDP port range ({low}:{high})"
    return None


@refuse(
    _GROUP,
    source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html",
    moment="delete",
    code="ResourceConflict",
)
def security_group_in_use(step: Step) -> str | None:
    """A security group is not deleted while a rule of another one, a balancer or a database names it."""
    name = str(step.physical_id)
    refers = any(
        name in {pair.get("GroupId") for rule in record.get(way) or [] for pair in rule.get("UserIdGroupPairs") or []}
        for key, record in internals.security_groups.items()
        if key != name
        for way in ("IpPermissions", "IpPermissionsEgress")
    )
    attached = any(name in (record.get("SecurityGroups") or []) for record in internals.load_balancers.values())
    attached = attached or any(
        name in str(record.get("VpcSecurityGroups")) for record in internals.db_instances.values()
    )
    return f"resource {name} has a dependent object" if refers or attached else None
