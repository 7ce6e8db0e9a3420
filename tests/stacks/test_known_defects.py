"""What is wrong with the vendor's published AWS templates (commit f7fc725913) is not wrong here.

One entry for each defect that a review of them found, with a check that fails while ours have it too. Most read the
templates; where those hold nothing to read, the check runs what they deploy or reads what is handed over with them.
F: fails on a new account; S: security; A: availability and operation.
"""

import importlib
import json
import re
from collections.abc import Callable, Iterator
from importlib import resources
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.assembly import ROOT, Assembly
from tests.conftest import Synth

Check = Callable[[Assembly], bool]

NAMES_AND_NUMBERS = {
    "Endpoint",
    "ShardCount",
    "ClusterName",
    "WebappService",
    "CoreappService",
    "MasterService",
    "HostGroup",
    "MaximumHosts",
}
"""The outputs of the enterprise stack, none of which is a secret."""


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


def protection(made: Assembly) -> dict[str, Any]:
    """Return what the custom resource that switches deletion protection on is told."""
    return made.enterprise.one("AWS::CloudFormation::CustomResource", "Protection")


def words(value: Any) -> str:
    """Return a text that may be a join, with a mark in the place of each value that only a deploy knows."""
    if isinstance(value, str):
        return value
    return "".join(part if isinstance(part, str) else "<value>" for part in value["Fn::Join"][1])


def boot_lines(made: Assembly) -> list[str]:
    return words(host(made)["UserData"]["Fn::Base64"]).splitlines()


def versions_on_offer(engine: str) -> set[str]:
    """Return the engine's versions that RDS offers and has not given up, by cfn-lint's copies of AWS's lists."""
    folder = resources.files("cfnlint") / "data" / "schemas" / "extensions" / "aws_rds_dbinstance"

    def rule(name: str) -> dict[str, Any]:
        rules = json.loads((folder / name).read_text(encoding="utf-8"))["allOf"]
        (found,) = [item for item in rules if item["if"]["properties"]["Engine"].get("const") == engine]
        return found

    known = rule("engine_version.json")["then"]["properties"]["EngineVersion"]["enum"]
    given_up = rule("engine_version_deprecated.json")["if"]["properties"]["EngineVersion"]["enum"]
    return set(known) - set(given_up)


def texts_that_look_like_json(value: Any) -> Iterator[str]:
    """Yield every text within a value, joined or not, that starts as a JSON object does."""
    if isinstance(value, dict) and set(value) == {"Fn::Join"}:
        # What stands for a value that only a deploy knows must fit within a JSON text and outside of one.
        joined = "".join(part if isinstance(part, str) else "0" for part in value["Fn::Join"][1])
        if joined.lstrip().startswith("{"):
            yield joined
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_that_look_like_json(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_that_look_like_json(inner)
    elif isinstance(value, str) and value.lstrip().startswith("{"):
        yield value


def is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def configurations(made: Assembly) -> list[str]:
    found = [text for _, item in made.everything() for text in texts_that_look_like_json(item.get("Properties", {}))]
    assert found, "the dashboard's at least"
    return found


def responders(made: Assembly) -> set[tuple[str, str]]:
    """Return the runtime and the handler of every function that answers for a custom resource."""
    found = set()
    for _, item in made.everything():
        if item["Type"].startswith(("Custom::", "AWS::CloudFormation::CustomResource")):
            name = made.follow(item["Properties"]["ServiceToken"])["Fn::GetAtt"][0]
            (function,) = [
                body["Properties"]
                for path, body in made.of("AWS::Lambda::Function").items()
                if path.partition("/")[2] == name
            ]
            found.add((function["Runtime"], function["Handler"]))
    assert any(runtime.startswith("python") for runtime, _ in found), "ours at least"
    return found


def answers_with_its_ids(handler: str) -> bool:
    """Call a function of ours with an event that it must refuse, and tell whether its answer is complete."""
    module, _, name = handler.rpartition(".")
    ids = {"StackId": "arn:stack", "RequestId": "request", "LogicalResourceId": "Thing"}
    event = {"RequestType": "Neither", "ResponseURL": "https://answer.invalid", "ResourceProperties": {}, **ids}
    context = mock.Mock(log_stream_name="log", get_remaining_time_in_millis=lambda: 60_000)
    with mock.patch("urllib.request.urlopen") as urlopen:
        getattr(importlib.import_module(module), name)(event, context)
    (call,) = urlopen.call_args_list
    answer = json.loads(call.args[0].data)
    return (
        {key: answer.get(key) for key in ids} == ids
        and answer["Status"] == "FAILED"
        and bool(answer["PhysicalResourceId"] and answer["Reason"])
    )


def named(made: Assembly) -> set[str]:
    """Return the types of the resources with a fixed name, which clash when they are replaced."""
    keys = {"Name", "LoadBalancerName", "ClusterName", "RoleName", "FunctionName", "DBInstanceIdentifier", "TopicName"}
    return {
        item["Type"]
        for _, item in made.everything()
        if any(isinstance(item.get("Properties", {}).get(key), str) for key in keys)
    }


DEFECTS: dict[str, tuple[str, Check]] = {
    "F1": ("addresses of nested templates to fill in", lambda m: "AWS::CloudFormation::Stack" not in text(m)),
    "F2": (
        "an engine version that RDS no longer offers",
        lambda m: (
            # The major version alone, of which RDS chooses a minor one that it offers (T-17).
            any(
                version.startswith(f"{database(m)['EngineVersion']}.")
                for version in versions_on_offer(database(m)["Engine"])
            )
            # A version past its standard support is refused at once, instead of being served for a surcharge.
            and database(m)["EngineLifecycleSupport"] == "open-source-rds-extended-support-disabled"
        ),
    ),
    "F3": (
        "a launch configuration",
        lambda m: not m.of("AWS::AutoScaling::LaunchConfiguration") and bool(host(m)),
    ),
    "F4": ("an image that is not there", lambda m: {t["Name"] for t in tasks(m)} == {"webapp", "coreapp", "master"}),
    # No agent runs on our hosts; what else is handed over as JSON must be JSON.
    "F5": (
        "an agent configuration that is no JSON",
        lambda m: "amazon-cloudwatch-agent" not in text(m) and all(is_json(found) for found in configurations(m)),
    ),
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
    "S7": (
        "a default password",
        # The one parameter is the CDK's own: the SSM parameter with the version of the bootstrap.
        lambda m: all(set(t.body["Parameters"]) == {"BootstrapVersion"} for t in m.templates.values()),
    ),
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
        lambda m: set(m.enterprise.body["Outputs"]) == NAMES_AND_NUMBERS,
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
            key["DeletionPolicy"] == "RetainExceptOnCreate" and key["Properties"]["EnableKeyRotation"]
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
    "S21": (
        "hosts put together at boot",
        lambda m: all(
            re.fullmatch(r"#!/bin/bash|cat >> /etc/ecs/ecs\.config <<'CONFIG'|ECS_[A-Z_]+=\S+|CONFIG", line)
            for line in boot_lines(m)
        ),
    ),
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
    "A10": (
        "a balancer with targets in one zone, cross-zone off",
        lambda m: all(
            {"Key": "load_balancing.cross_zone.enabled", "Value": "true"} in b["LoadBalancerAttributes"]
            and "EntryLoadBalancer" in str(protection(m)["LoadBalancerArn"])
            and all(b["Subnets"] == s["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"] for s in services(m))
            for b in properties(m, "AWS::ElasticLoadBalancingV2::LoadBalancer")
        ),
    ),
    "A11": ("soft memory limits only", lambda m: all(t["MemoryReservation"] < t["Memory"] for t in tasks(m))),
    "A12": (
        "one day of backups, no protection, logs that nobody writes",
        lambda m: (
            database(m)["BackupRetentionPeriod"] >= 14
            and "DatabaseInstance" in str(m.follow(protection(m)["DatabaseIdentifier"]))
            and database(m)["EnablePerformanceInsights"]
            and database(m)["MonitoringInterval"] > 0
            and "general" not in database(m)["EnableCloudwatchLogsExports"]
        ),
    ),
    "A13": (
        "files without backup, deleted with the stack",
        lambda m: all(
            e["DeletionPolicy"] == "RetainExceptOnCreate" and e["Properties"]["BackupPolicy"]["Status"] == "ENABLED"
            for e in m.of("AWS::EFS::FileSystem").values()
        ),
    ),
    "A14": (
        "metrics on one host's disk",
        lambda m: (
            not m.of("AWS::EC2::Instance")
            and len(m.of("AWS::AutoScaling::AutoScalingGroup")) == 1
            and not re.search("prometheus|grafana", text(m), re.IGNORECASE)
            and bool(m.of("AWS::CloudWatch::Dashboard"))
        ),
    ),
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
        # Ours are called; the rest are the CDK's own, written in JavaScript.
        lambda m: all(
            answers_with_its_ids(handler)
            if runtime.startswith("python")
            else handler in {"framework.onEvent", "__entrypoint__.handler"}
            for runtime, handler in responders(m)
        ),
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
    "A21": ("fixed names that clash in a replacement", lambda m: not named(m)),
}


def test_every_defect_has_an_entry() -> None:
    counts = {"F": 8, "S": 22, "A": 21}
    assert list(DEFECTS) == [f"{letter}{number}" for letter, last in counts.items() for number in range(1, last + 1)]


@pytest.mark.parametrize("context", [{}, {"active_coreapps": 32, "manage_shards": "true"}], ids=["default", "largest"])
@pytest.mark.parametrize("defect", DEFECTS)
def test_it_is_not_here(synth: Synth, defect: str, context: dict[str, Any]) -> None:
    what, check = DEFECTS[defect]
    assert check(synth(**context)), f"{defect}: {what}"


BOOT_SCRIPT = """#!/bin/bash
yum update && mount -t nfs4 files:/ /mnt
echo '{"insecure-registries": ["registry"]}' > /etc/docker/daemon.json
aws s3 cp s3://somebody/script.sh . && crontab script.sh && docker run prometheus
cfn-signal
"""
WORLD = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 9104, "CidrIp": "0.0.0.0/0"}
# By type of resource: properties as the vendor's templates have them, in place of ours.
CARELESS: dict[str, dict[str, Any]] = {
    "AWS::AutoScaling::AutoScalingGroup": {
        "VPCZoneIdentifier": [{"Fn::ImportValue": "n:Public1"}],
        "TargetGroupARNs": ["t"],
    },
    "AWS::CloudWatch::Alarm": {"AlarmActions": []},
    "AWS::CloudWatch::Dashboard": {"DashboardBody": '{"widgets": !Sub ,}'},
    "AWS::EC2::LaunchTemplate": {
        "LaunchTemplateData": {
            "ImageId": "ami-0123456789abcdef0",
            "KeyName": "ops",
            "MetadataOptions": {"HttpTokens": "optional"},
            "BlockDeviceMappings": [{"Ebs": {"Encrypted": False}}],
            "UserData": {"Fn::Base64": BOOT_SCRIPT},
        }
    },
    "AWS::EC2::SecurityGroup": {"SecurityGroupIngress": [WORLD]},
    "AWS::ECS::CapacityProvider": {
        "AutoScalingGroupProvider": {"ManagedScaling": {"Status": "DISABLED"}, "ManagedDraining": "DISABLED"}
    },
    "AWS::ECS::Cluster": {"ClusterSettings": []},
    "AWS::ECS::Service": {
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": [{"Fn::ImportValue": "n:Public1"}]}},
        "PlacementStrategies": [{"Field": "memory", "Type": "binpack"}],
        "PlacementConstraints": [{"Type": "memberOf"}],
        "DeploymentConfiguration": {"MinimumHealthyPercent": 25, "DeploymentCircuitBreaker": {"Enable": False}},
    },
    "AWS::ECS::TaskDefinition": {
        "TaskRoleArn": "",
        "ContainerDefinitions": [
            {"Name": "cadvisor", "Memory": 0, "MemoryReservation": 128, "Secrets": [], "DockerSecurityOptions": []}
        ],
        "Volumes": [{"Host": {"SourcePath": "/"}}, {"EFSVolumeConfiguration": {"TransitEncryption": "DISABLED"}}],
    },
    "AWS::EFS::FileSystem": {"Encrypted": False, "BackupPolicy": {"Status": "DISABLED"}},
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {"Name": "wa", "SecurityGroups": [], "LoadBalancerAttributes": []},
    "AWS::ElasticLoadBalancingV2::TargetGroup": {"TargetType": "instance"},
    "AWS::IAM::Policy": {"PolicyDocument": {"Statement": [{"Action": "ec2:*", "Resource": "*"}]}},
    "AWS::KMS::Key": {"EnableKeyRotation": False},
    "AWS::Lambda::Function": {"Runtime": "nodejs20.x", "Handler": "index.handler"},
    "AWS::Logs::LogGroup": {"RetentionInDays": 7},
    "AWS::RDS::DBInstance": {
        "EngineVersion": "8.0.11",
        "MasterUserPassword": "secret",
        "StorageEncrypted": False,
        "BackupRetentionPeriod": 1,
    },
    "AWS::RDS::DBParameterGroup": {"Parameters": {"require_secure_transport": "0"}},
    "AWS::RDS::DBSubnetGroup": {"SubnetIds": [{"Fn::ImportValue": "n:Public1"}]},
}


@pytest.fixture(scope="module")
def careless(production: Assembly, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The production deployment with the vendor's defects put into it."""
    folder = tmp_path_factory.mktemp("careless")
    for template in production.templates.values():
        body = json.loads(template.path.read_text(encoding="utf-8"))
        for name, item in list(body["Resources"].items()):
            item.get("Properties", {}).update(CARELESS.get(item["Type"], {}))
            item["DeletionPolicy"] = "Delete"
            item["CreationPolicy"] = {"ResourceSignal": {"Timeout": "PT15M"}}
            # One of the two functions of ours keeps its own code, on a runtime that has ended.
            if name.startswith("EniTrunking") and item["Type"] == "AWS::Lambda::Function":
                ours = production.functions.resources[name]["Properties"]
                item["Properties"] |= {"Runtime": "python3.8", "Handler": ours["Handler"]}
            if item["Type"] == "AWS::EC2::FlowLog":
                del body["Resources"][name]
        body["Resources"]["Nested"] = {"Type": "AWS::CloudFormation::Stack", "Properties": {}}
        body["Resources"]["Hosts"] = {"Type": "AWS::AutoScaling::LaunchConfiguration", "Properties": {}}
        body["Parameters"] = {"Password": {"Type": "String", "NoEcho": True, "Default": "secret"}}
        body["Conditions"] = {"Always": {"Fn::Equals": ["a", "a"]}}
        body.setdefault("Outputs", {})["Login"] = {"Value": "root"}
        (folder / template.path.name).write_text(json.dumps(body), encoding="utf-8")
    return Assembly(folder, production.settings, production.plan)


@pytest.mark.parametrize("defect", sorted(set(DEFECTS) - {"F8"}))
def test_each_check_finds_its_defect(careless: Assembly, defect: str) -> None:
    _, check = DEFECTS[defect]
    assert check(careless) is False


def test_a_readme_that_is_silent_about_the_end_of_the_service_is_found(
    production: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "README.md").write_text("Send messages today.", encoding="utf-8")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert DEFECTS["F8"][1](production) is False
