"""What docs/security.md says about who may reach and read what is what the templates say, no more and no less."""

import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests.assembly import ROOT, Assembly
from tests.conftest import Synth

GROUPS = {
    "Entry": ("load balancer",),
    "ClientWebapp": ("webapps",),
    "ClientCoreapp": ("coreapps",),
    "ClientMaster": ("masters",),
    "Fleet": ("hosts",),
    "Media": ("EFS",),
    "Database": ("database",),
    "DatabaseUser": ("`DatabaseUser` function",),
    "Shards": ("shard functions",),
    "NetworkEndpoint": ("interface endpoints",),
}
READERS = {
    "DatabaseUserRole": "`DatabaseUser` function",
    "ShardsAskRole": "shard functions",
    "ShardsStepRole": "shard functions",
    "ShardsReconcileRole": "shard functions",
    "ClientWebappTaskExecutionRole": "webapps",
    "ClientCoreappTaskExecutionRole": "coreapps",
    "ClientMasterTaskExecutionRole": "masters",
}
SECRETS = {
    "DatabaseInstance": "master login",
    "ClientLogin": "client's database login",
    "ClientPeerSecret": "`WA_SECRET`",
    "ClientJwtKey": "JWT key",
    "ClientApiKey": "API key",
    ":secret:wa-production/client-account-": "account of the client",
}


@pytest.fixture(scope="module")
def managed(synth: Synth) -> Assembly:
    """The production deployment with all there is: it has every rule that the smaller one has."""
    return synth(manage_shards="true")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head and without remarks in brackets."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    lines = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].splitlines()
    table = [line for line in lines if line.startswith("|")][2:]
    assert table
    return [[re.sub(r" \([^)]*\)", "", cell).strip() for cell in line.strip("|").split("|")] for line in table]


def ports_of(cell: str) -> set[int]:
    """Return the ports that a cell names: a list, or the first and the last of a range."""
    numbers = [int(number) for number in re.findall(r"\d+", cell)]
    return set(range(numbers[0], numbers[1] + 1)) if " to " in cell else set(numbers)


def group(made: Assembly, reference: Any) -> tuple[str, ...]:
    """Return the documented names of a security group that a rule refers to."""
    logical_id = made.follow(reference)["Fn::GetAtt"][0]
    return GROUPS[logical_id.partition("SecurityGroup")[0]]


def callers(made: Assembly, rule: dict[str, Any], to: tuple[str, ...]) -> tuple[str, ...]:
    if "SourceSecurityGroupId" in rule:
        return group(made, rule["SourceSecurityGroupId"])
    return ("`allowed_cidrs`",) if to == ("load balancer",) else ("the VPC",)


def opened(made: Assembly) -> Iterator[tuple[str, str, int]]:
    """Yield everything that the security groups let in: from, to, port."""
    for path, item in made.everything():
        properties = item.get("Properties", {})
        if item["Type"] == "AWS::EC2::SecurityGroup":
            to = GROUPS[path.partition("/")[2].partition("SecurityGroup")[0]]
            rules = properties.get("SecurityGroupIngress", [])
        elif item["Type"] == "AWS::EC2::SecurityGroupIngress":
            to, rules = group(made, properties["GroupId"]), [properties]
        else:
            continue
        for rule in rules:
            assert rule["IpProtocol"] == "tcp"
            ports = range(rule["FromPort"], rule["ToPort"] + 1)
            yield from product(callers(made, rule, to), to, ports)


def readable(made: Assembly) -> Iterator[tuple[str, str]]:
    """Yield every right to read a secret: the secret and its reader."""
    for item in made.of("AWS::IAM::Policy").values():
        for statement in item["Properties"]["PolicyDocument"]["Statement"]:
            if "secretsmanager:GetSecretValue" not in statement["Action"]:
                continue
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            for resource, role in product(resources, item["Properties"]["Roles"]):
                found = json.dumps(made.follow(resource))
                (secret,) = [name for part, name in SECRETS.items() if part in found]
                (reader,) = [name for part, name in READERS.items() if role["Ref"].startswith(part)]
                yield secret, reader


def test_the_table_of_ports_is_the_rules_of_the_security_groups(managed: Assembly) -> None:
    documented = {
        triple
        for sources, targets, ports in rows("Who may reach what")
        for triple in product(sources.split(", "), targets.split(", "), ports_of(ports))
    }
    assert documented == set(opened(managed))


def test_without_managed_shards_nothing_else_is_open(managed: Assembly, production: Assembly) -> None:
    assert set(opened(managed)) - set(opened(production)) == {("shard functions", "load balancer", 443)}


def test_the_table_of_secrets_is_the_policies(managed: Assembly) -> None:
    documented = {(secret, reader) for secret, _, readers in rows("Secrets") for reader in readers.split(", ")}
    assert documented == set(readable(managed))


def test_what_a_boundary_must_allow_is_what_the_policies_have(managed: Assembly, synth: Synth) -> None:
    from_ecr = synth(registry="123456789012.dkr.ecr.us-east-1.amazonaws.com/client", alarm_email="ops@example.com")
    policies = [item["Properties"] for made in (managed, from_ecr) for item in made.of("AWS::IAM::Policy").values()]
    for made in (managed, from_ecr):
        for role in made.of("AWS::IAM::Role").values():
            policies += role["Properties"].get("Policies", [])
    actions = {
        action.partition(":")[0]
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    sentence = text.partition("have actions of ")[2].partition(". ")[0]
    assert set(re.findall(r"`(\w+)`", sentence)) == actions
