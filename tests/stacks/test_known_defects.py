"""What is wrong with the vendor's published AWS templates (commit f7fc725913) is not wrong here.

One entry for each defect that a review of them found: a check of our templates, or the words that say which test or
which design rules it out. F: fails on a new account; S: security; A: availability and operation.
"""

import json
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from tests.assembly import ROOT, Assembly
from tests.conftest import Synth

Check = Callable[[Assembly], bool]


def text(made: Assembly) -> str:
    return "\n".join(template.path.read_text(encoding="utf-8") for template in made.templates.values())


def properties(made: Assembly, kind: str) -> list[dict[str, Any]]:
    found = [item["Properties"] for item in made.of(kind).values()]
    assert found, f"no {kind}: the check would pass for nothing"
    return found


def tasks(made: Assembly) -> list[dict[str, Any]]:
    return [task for item in properties(made, "AWS::ECS::TaskDefinition") for task in item["ContainerDefinitions"]]


def ingress(made: Assembly) -> Iterator[dict[str, Any]]:
    for group in properties(made, "AWS::EC2::SecurityGroup"):
        yield from group.get("SecurityGroupIngress", [])
    yield from properties(made, "AWS::EC2::SecurityGroupIngress")


def opened_to_the_world(made: Assembly) -> bool:
    ranges = [rule[key] for rule in ingress(made) for key in ("CidrIp", "CidrIpv6") if key in rule]
    return any(not ip_network(cidr).is_private for cidr in ranges)


def ports(made: Assembly) -> set[int]:
    return {port for rule in ingress(made) for port in range(rule["FromPort"], rule["ToPort"] + 1)}


def subnets_of(made: Assembly, kind: str, key: str) -> set[str]:
    names = [subnet["Fn::ImportValue"] for item in properties(made, kind) for subnet in item[key]]
    return {name.partition(":")[2].rstrip("0123456789") for name in names}


def statements(made: Assembly) -> Iterator[dict[str, Any]]:
    for policy in properties(made, "AWS::IAM::Policy"):
        yield from policy["PolicyDocument"]["Statement"]


def actions(statement: dict[str, Any]) -> list[str]:
    return statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]


def host(made: Assembly) -> dict[str, Any]:
    (template,) = properties(made, "AWS::EC2::LaunchTemplate")
    return template["LaunchTemplateData"]


def services(made: Assembly) -> list[dict[str, Any]]:
    return properties(made, "AWS::ECS::Service")


def database(made: Assembly) -> dict[str, Any]:
    (found,) = properties(made, "AWS::RDS::DBInstance")
    return found


def named(made: Assembly) -> set[str]:
    """Return the types of the resources with a fixed name, which clash when they are replaced."""
    keys = {"Name", "LoadBalancerName", "ClusterName", "RoleName", "FunctionName", "DBInstanceIdentifier", "TopicName"}
    return {
        item["Type"]
        for _, item in made.everything()
        if any(isinstance(item.get("Properties", {}).get(key), str) for key in keys)
    }


DEFECTS: dict[str, tuple[str, Check | str]] = {
    "F1": ("addresses of nested templates to fill in", lambda m: "AWS::CloudFormation::Stack" not in text(m)),
    "F2": (
        "an engine version that RDS no longer offers",
        "test_rules: cfn-lint knows the versions (E3690); stacks.settings takes 8.4 alone",
    ),
    "F3": (
        "a launch configuration",
        lambda m: not m.of("AWS::AutoScaling::LaunchConfiguration") and bool(host(m)),
    ),
    "F4": ("an image that is not there", lambda m: {t["Name"] for t in tasks(m)} == {"webapp", "coreapp", "master"}),
    "F5": ("an agent configuration that is no JSON", "no agent: ECS's log driver and Container Insights"),
    "F6": (
        "image ids typed in",
        lambda m: host(m)["ImageId"].startswith("resolve:ssm:") and "ami-" not in text(m),
    ),
    "F7": (
        "Python 3.8",
        lambda m: all(
            f["Runtime"].startswith(("python3.14", "nodejs")) for f in properties(m, "AWS::Lambda::Function")
        ),
    ),
    "F8": (
        "a client of a service that has ended, unsaid",
        lambda m: "2025-10-23" in (ROOT / "README.md").read_text(encoding="utf-8"),
    ),
    "S1": ("the database open to the world", lambda m: not opened_to_the_world(m)),
    "S2": (
        "hosts and database in public subnets",
        lambda m: (
            subnets_of(m, "AWS::AutoScaling::AutoScalingGroup", "VPCZoneIdentifier") == {"Private"}
            and subnets_of(m, "AWS::RDS::DBSubnetGroup", "SubnetIds") == {"Isolated"}
        ),
    ),
    "S3": ("SSH from the world, key pairs", lambda m: 22 not in ports(m) and "KeyName" not in host(m)),
    "S4": (
        "a balancer without a security group, hosts past it",
        lambda m: all(b["SecurityGroups"] for b in properties(m, "AWS::ElasticLoadBalancingV2::LoadBalancer")),
    ),
    "S5": ("monitoring open over plain HTTP", lambda m: not ports(m) & {80, 3000, 8080, 9090, 9100, 9104}),
    "S6": (
        "a container that mounts the host",
        lambda m: all("Host" not in v for t in properties(m, "AWS::ECS::TaskDefinition") for v in t["Volumes"]),
    ),
    "S7": ("a default password", lambda m: all("Parameters" not in t.body for t in m.templates.values())),
    "S8": (
        "passwords as parameters and properties",
        lambda m: not any(word in text(m) for word in ('"MasterUserPassword"', '"SecretString"', '"NoEcho"')),
    ),
    "S9": (
        "the application as the master user",
        lambda m: all("ClientLogin" in json.dumps(t["Secrets"]) for t in tasks(m)),
    ),
    "S10": (
        "secrets in outputs",
        lambda m: set(m.enterprise.body["Outputs"]) == {"Endpoint", "ShardCount", "ClusterName", "CoreappService"},
    ),
    "S11": ("no task roles", lambda m: all(t["TaskRoleArn"] for t in properties(m, "AWS::ECS::TaskDefinition"))),
    "S12": ("IMDSv1", lambda m: host(m)["MetadataOptions"] == {"HttpPutResponseHopLimit": 1, "HttpTokens": "required"}),
    "S13": (
        "rights over everything",
        lambda m: (
            not any(action.endswith(":*") or action == "*" for s in statements(m) for action in actions(s))
            and not any("kms:Decrypt" in actions(s) and s["Resource"] == "*" for s in statements(m))
        ),
    ),
    "S14": ("plain gp2 disks", lambda m: all(d["Ebs"]["Encrypted"] for d in host(m)["BlockDeviceMappings"])),
    "S15": (
        "unencrypted as a choice",
        lambda m: (
            all(e["Encrypted"] for e in properties(m, "AWS::EFS::FileSystem")) and database(m)["StorageEncrypted"]
        ),
    ),
    "S16": (
        "a key that goes before its snapshot",
        lambda m: all(
            key["DeletionPolicy"] == "Retain" and key["Properties"]["EnableKeyRotation"]
            for key in m.of("AWS::KMS::Key").values()
        ),
    ),
    "S17": (
        "plain NFS for everybody",
        lambda m: all(
            volume["EFSVolumeConfiguration"]["TransitEncryption"] == "ENABLED"
            for task in properties(m, "AWS::ECS::TaskDefinition")
            for volume in task["Volumes"]
            if "EFSVolumeConfiguration" in volume
        ),
    ),
    "S18": (
        "TLS to the database offered, not required",
        lambda m: properties(m, "AWS::RDS::DBParameterGroup")[0]["Parameters"]["require_secure_transport"] == "1",
    ),
    "S19": ("insecure registries", lambda m: "insecure-registries" not in text(m) and "/etc/hosts" not in text(m)),
    "S20": (
        "a root cron job from somebody's bucket",
        lambda m: "cron" not in text(m) and "s3://" not in text(m),
    ),
    "S21": ("hosts put together at boot", "test_fleet: nothing is fetched or installed at boot"),
    "S22": (
        "no hardening, no memory limit",
        lambda m: all(t["Memory"] and t["DockerSecurityOptions"] == ["no-new-privileges"] for t in tasks(m)),
    ),
    "A1": (
        "each tier in one zone",
        lambda m: all(
            len(s["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"]) == 3
            and s["PlacementStrategies"][0]["Field"] == "attribute:ecs.availability-zone"
            for s in services(m)
        ),
    ),
    "A2": ("tasks pinned to a zone", lambda m: not any("PlacementConstraints" in s for s in services(m))),
    "A3": (
        "both masters on one host",
        lambda m: all({"Field": "instanceId", "Type": "spread"} in s["PlacementStrategies"] for s in services(m)),
    ),
    "A4": (
        "groups of fixed size with alarms that cannot act",
        lambda m: all(
            p["AutoScalingGroupProvider"]["ManagedScaling"]["Status"] == "ENABLED"
            for p in properties(m, "AWS::ECS::CapacityProvider")
        ),
    ),
    "A5": (
        "hosts replaced with tasks on them",
        lambda m: all(
            p["AutoScalingGroupProvider"]["ManagedDraining"] == "ENABLED"
            for p in properties(m, "AWS::ECS::CapacityProvider")
        ),
    ),
    "A6": ("one success signal for 33 hosts", lambda m: "CreationPolicy" not in text(m)),
    "A7": (
        "a boot script that cannot fail",
        lambda m: "cfn-signal" not in text(m) and "mount " not in json.dumps(host(m)),
    ),
    "A8": (
        "an update that stops most coreapps, no breaker",
        lambda m: all(
            s["DeploymentConfiguration"]["MinimumHealthyPercent"] >= 50
            and s["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
            for s in services(m)
        ),
    ),
    "A9": (
        "hosts registered where nothing listens",
        lambda m: (
            all(t["TargetType"] == "ip" for t in properties(m, "AWS::ElasticLoadBalancingV2::TargetGroup"))
            and not any("TargetGroupARNs" in g for g in properties(m, "AWS::AutoScaling::AutoScalingGroup"))
        ),
    ),
    "A10": ("a balancer with targets in one zone", "test_entry: cross-zone, every private subnet, deletion protection"),
    "A11": ("soft memory limits only", lambda m: all(t["MemoryReservation"] < t["Memory"] for t in tasks(m))),
    "A12": (
        "one day of backups, no protection, logs that nobody writes",
        lambda m: (
            database(m)["BackupRetentionPeriod"] >= 14
            and database(m)["DeletionProtection"]
            and database(m)["EnablePerformanceInsights"]
            and database(m)["MonitoringInterval"] > 0
            and "general" not in database(m)["EnableCloudwatchLogsExports"]
        ),
    ),
    "A13": (
        "files without backup, deleted with the stack",
        lambda m: all(
            e["DeletionPolicy"] == "Retain" and e["Properties"]["BackupPolicy"]["Status"] == "ENABLED"
            for e in m.of("AWS::EFS::FileSystem").values()
        ),
    ),
    "A14": ("metrics on one host's disk", "no monitoring host: CloudWatch holds metrics and the dashboard"),
    "A15": (
        "host metrics that never arrive",
        lambda m: all(
            {"Name": "containerInsights", "Value": "enabled"} in c["ClusterSettings"]
            for c in properties(m, "AWS::ECS::Cluster")
        ),
    ),
    "A16": ("branches of a condition swapped", lambda m: all("Conditions" not in t.body for t in m.templates.values())),
    "A17": (
        "logs kept a week, without a key",
        lambda m: all(
            g.get("RetentionInDays", 0) >= 365 and "KmsKeyId" in g for g in properties(m, "AWS::Logs::LogGroup")
        ),
    ),
    "A18": (
        "a custom resource that answers without its ids",
        "tests/functions/test_cloudformation: every answer, in every case, has the ids that CloudFormation asks for",
    ),
    "A19": (
        "alarms on memory alone, to nobody",
        lambda m: (
            len(m.of("AWS::CloudWatch::Alarm")) >= 7
            and all(a["AlarmActions"] for a in properties(m, "AWS::CloudWatch::Alarm"))
        ),
    ),
    "A20": (
        "gateways that nobody uses, no flow logs, default group open",
        lambda m: (
            len(m.of("AWS::EC2::NatGateway")) == 3
            and bool(m.of("AWS::EC2::FlowLog"))
            and bool(m.of("Custom::VpcRestrictDefaultSG"))
            and len(m.of("AWS::EC2::VPCEndpoint")) > 1
        ),
    ),
    # Only the database has a name, on purpose: CloudFormation refuses to replace a named resource (D-11).
    "A21": ("fixed names that clash in a replacement", lambda m: named(m) == {"AWS::RDS::DBInstance"}),
}


def test_every_defect_has_an_entry() -> None:
    counts = {"F": 8, "S": 22, "A": 21}
    assert list(DEFECTS) == [f"{letter}{number}" for letter, last in counts.items() for number in range(1, last + 1)]


@pytest.mark.parametrize("context", [{}, {"active_coreapps": 32, "manage_shards": "true"}], ids=["default", "largest"])
@pytest.mark.parametrize("defect", [name for name, (_, check) in DEFECTS.items() if callable(check)])
def test_it_is_not_here(synth: Synth, defect: str, context: dict[str, Any]) -> None:
    what, check = DEFECTS[defect]
    assert callable(check)
    assert check(synth(**context)), f"{defect}: {what}"
