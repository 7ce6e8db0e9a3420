"""The VPC: three tiers, room for a fourth zone, and no way in or out that nobody needs."""

import json
from ipaddress import IPv4Network
from typing import Any

import pytest

from multiconnect.network import INTERFACE_ENDPOINTS, MAX_AVAILABILITY_ZONES, PRIVATE_EXTRA_BITS
from stacks.settings import checks
from tests.assembly import Assembly, Template
from tests.conftest import Synth
from tests.kept import lint

TIERS = ("private", "public", "isolated")


def subnets(network: Template, tier: str) -> dict[str, Any]:
    return {name: item["Properties"] for name, item in network.of("AWS::EC2::Subnet", f"{tier}Subnet").items()}


@pytest.mark.parametrize(("deployment", "zones"), [("production", 3), ("staging", 2), ("local", 2)])
@pytest.mark.parametrize("tier", TIERS)
def test_each_tier_has_a_subnet_in_each_zone(synth: Synth, deployment: str, zones: int, tier: str) -> None:
    found = subnets(synth(deployment).network, tier).values()
    assert [subnet["AvailabilityZone"]["Fn::Select"][0] for subnet in found] == list(range(zones))


def test_no_subnet_gives_public_addresses(production: Assembly) -> None:
    assert not any(s["Properties"]["MapPublicIpOnLaunch"] for s in production.network.of("AWS::EC2::Subnet").values())


def test_private_subnets_leave_through_the_nat_gateway_of_their_own_zone(production: Assembly) -> None:
    network = production.network
    gateways = network.of("AWS::EC2::NatGateway")
    assert len(gateways) == len(subnets(network, "private")) == 3
    for number in (1, 2, 3):
        (route,) = network.of("AWS::EC2::Route", f"privateSubnet{number}").values()
        assert f"publicSubnet{number}" in route["Properties"]["NatGatewayId"]["Ref"]


def test_staging_has_one_nat_gateway(staging: Assembly) -> None:
    assert len(staging.network.of("AWS::EC2::NatGateway")) == 1


def test_the_isolated_subnets_have_no_way_out(production: Assembly) -> None:
    assert production.network.of("AWS::EC2::Route", "isolated") == {}


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "192.168.16.0/20"])
def test_one_more_zone_changes_no_subnet_that_is_there(synth: Synth, cidr: str) -> None:
    # Three zones are what production has, so they need no key, and other tests have the same templates.
    numbers: dict[int, dict[str, Any]] = {zones: {"availability_zones": zones} for zones in (2, 4)} | {3: {}}
    assert max(numbers) == MAX_AVAILABILITY_ZONES
    for zones in range(2, MAX_AVAILABILITY_ZONES):
        before = synth(**numbers[zones], vpc_cidr=cidr).network.of("AWS::EC2::Subnet")
        after = synth(**numbers[zones + 1], vpc_cidr=cidr).network.of("AWS::EC2::Subnet")
        assert len(after) == len(before) // zones * (zones + 1)
        assert {name: after[name] for name in before} == before
        ranges = [IPv4Network(item["Properties"]["CidrBlock"]) for item in after.values()]
        assert all(piece.subnet_of(IPv4Network(cidr)) for piece in ranges)
        assert not any(a.overlaps(b) for a in ranges for b in ranges if a is not b)


def test_the_settings_reckon_with_private_subnets_of_this_size() -> None:
    assert checks.PRIVATE_EXTRA_BITS == PRIVATE_EXTRA_BITS


def test_every_task_of_the_largest_cluster_finds_an_address(synth: Synth) -> None:
    made = synth(active_coreapps=32, vpc_cidr="10.0.0.0/20")
    tasks = made.plan.coreapps + made.plan.webs + made.plan.masters
    ranges = [IPv4Network(subnet["CidrBlock"]) for subnet in subnets(made.network, "private").values()]
    # AWS keeps five addresses of a subnet. Twice the tasks: a deployment may run both generations at once.
    assert sum(piece.num_addresses - 5 for piece in ranges) > 2 * tasks + made.plan.hosts.maximum


def test_s3_is_reached_through_a_gateway_from_every_tier(production: Assembly) -> None:
    (gateway,) = [
        item["Properties"]
        for item in production.network.of("AWS::EC2::VPCEndpoint").values()
        if item["Properties"]["VpcEndpointType"] == "Gateway"
    ]
    assert ".s3" in str(gateway["ServiceName"])
    assert len(gateway["RouteTableIds"]) == 9


def interface_endpoints(made: Assembly) -> dict[str, Any]:
    found = (item["Properties"] for item in made.network.of("AWS::EC2::VPCEndpoint").values())
    return {item["ServiceName"]: item for item in found if item["VpcEndpointType"] == "Interface"}


def test_hosts_reach_what_they_need_of_aws_without_nat_in_production(production: Assembly) -> None:
    names = {name.removeprefix("com.amazonaws.us-east-1.") for name in interface_endpoints(production)}
    # https://docs.aws.amazon.com/AmazonECS/latest/userguide/vpc-endpoints.html, and Session Manager's
    hosts, session_manager = {"ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr"}, {"ssmmessages", "ec2messages"}
    assert names == hosts | {"logs", "secretsmanager", "ssm"} | session_manager
    assert all(item["PrivateDnsEnabled"] for item in interface_endpoints(production).values())


def test_the_endpoints_are_a_setting(synth: Synth, staging: Assembly) -> None:
    assert interface_endpoints(staging) == {}
    assert interface_endpoints(synth(interface_endpoints="false")) == {}
    assert len(interface_endpoints(synth("staging", interface_endpoints="true"))) == len(INTERFACE_ENDPOINTS)


def test_the_ids_of_the_endpoints_are_a_contract(production: Assembly) -> None:
    """Another id is another endpoint, which CloudFormation cannot make beside the old one."""
    found = production.network.of("AWS::EC2::VPCEndpoint")
    interfaces = {name for name, item in found.items() if item["Properties"]["VpcEndpointType"] == "Interface"}
    words = ["Ecs", "EcsAgent", "EcsTelemetry", "EcrApi", "EcrDocker", "Logs"]
    words += ["SecretsManager", "Ssm", "SsmMessages", "Ec2Messages"]
    assert {name.removeprefix("NetworkVpc")[:-8] for name in interfaces} == {f"{word}Endpoint" for word in words}


def test_an_endpoint_that_a_zone_lacks_is_left_out_by_its_name(synth: Synth) -> None:
    found = interface_endpoints(synth(without_endpoints="ecs-telemetry,ssmmessages"))
    names = {name.removeprefix("com.amazonaws.us-east-1.") for name in found}
    assert names == set(INTERFACE_ENDPOINTS) - {"ecs-telemetry", "ssmmessages"}


def test_what_has_no_endpoint_is_reached_through_nat(synth: Synth) -> None:
    """Hosts, tasks and functions may call HTTPS anywhere, and each private subnet has a way out."""
    made = synth(without_endpoints="ecs-telemetry,ssmmessages", manage_shards="true")
    routes = [route["Properties"] for route in made.network.of("AWS::EC2::Route").values()]
    ways = {json.dumps(route["RouteTableId"]) for route in routes if "NatGatewayId" in route}
    assert len(ways) == len(subnets(made.network, "private"))
    users = {
        group["Fn::GetAtt"][0]
        for function in made.functions.of("AWS::Lambda::Function").values()
        for group in function["Properties"].get("VpcConfig", {}).get("SecurityGroupIds", ())
    }
    open_groups = {
        name
        for template in (made.functions, made.enterprise)
        for name, group in template.of("AWS::EC2::SecurityGroup").items()
        for rule in group["Properties"].get("SecurityGroupEgress", ())
        if rule.get("CidrIp") == "0.0.0.0/0"
        and (rule["IpProtocol"] == "-1" or rule["FromPort"] <= 443 <= rule["ToPort"])
    }
    tasks = {
        group["Fn::GetAtt"][0]
        for service in made.enterprise.of("AWS::ECS::Service").values()
        for group in service["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]
    }
    hosts = {
        group["Fn::GetAtt"][0]
        for template in made.enterprise.of("AWS::EC2::LaunchTemplate").values()
        for group in template["Properties"]["LaunchTemplateData"]["SecurityGroupIds"]
    }
    assert all((users, tasks, hosts))
    assert users | tasks | hosts <= open_groups


@pytest.mark.parametrize(
    ("names", "written"),
    [
        ("us-east-1d,us-east-1a", {"AvailabilityZone"}),
        ("use1-az4,use1-az6", {"AvailabilityZoneId"}),
    ],
)
def test_zones_are_those_that_were_named(synth: Synth, names: str, written: set[str]) -> None:
    made = synth("staging", availability_zone_names=names)
    found = [item["Properties"] for item in made.network.of("AWS::EC2::Subnet").values()]
    assert {key for item in found for key in item if key.startswith("AvailabilityZone")} == written
    first, second = names.split(",")
    (key,) = written
    for tier in ("private", "public", "isolated"):
        assert [item[key] for item in subnets(made.network, tier).values()] == [first, second]
    assert all("Fn::GetAZs" not in template.path.read_text(encoding="utf-8") for template in made.templates.values())
    assert lint(made.network.path, made.settings.region) == made.findings() == []


def test_the_zones_that_are_there_can_be_named_later_without_another_subnet(synth: Synth) -> None:
    """CloudFormation compares the zones themselves, so only the way they are written differs."""
    by_position = synth("staging").network.of("AWS::EC2::Subnet")
    by_name = synth("staging", availability_zone_names="us-east-1a,us-east-1b").network.of("AWS::EC2::Subnet")
    assert by_position.keys() == by_name.keys()
    for name, item in by_name.items():
        position = "ab".index(item["Properties"]["AvailabilityZone"][-1])
        filled_in = {"AvailabilityZone": {"Fn::Select": [position, {"Fn::GetAZs": ""}]}}
        assert {**item["Properties"], **filled_in} == by_position[name]["Properties"]


def test_the_endpoints_take_https_from_the_vpc_alone(synth: Synth) -> None:
    group = synth(vpc_cidr="10.1.0.0/16").network.one("AWS::EC2::SecurityGroup", "Endpoint")
    (rule,) = group["SecurityGroupIngress"]
    assert (rule["CidrIp"], rule["FromPort"], rule["ToPort"]) == ("10.1.0.0/16", 443, 443)


def test_all_traffic_is_logged_encrypted_and_kept(production: Assembly) -> None:
    network = production.network
    flow = network.one("AWS::EC2::FlowLog")
    assert flow["TrafficType"] == "ALL"
    (group,) = network.of("AWS::Logs::LogGroup").values()
    assert group["Properties"]["RetentionInDays"] == 365
    assert "LogKey" in str(group["Properties"]["KmsKeyId"])
    assert group["DeletionPolicy"] == "RetainExceptOnCreate"


def test_the_flow_logs_role_is_for_this_log_group_alone(production: Assembly) -> None:
    (statement, *others) = production.network.one("AWS::IAM::Policy", "FlowLogRole")["PolicyDocument"]["Statement"]
    assert "FlowLogs" in str(statement["Resource"])
    assert all(other["Action"] == "iam:PassRole" for other in others)


def test_the_default_security_group_is_closed(production: Assembly) -> None:
    closer = production.network.one("Custom::VpcRestrictDefaultSG")
    assert closer["DefaultSecurityGroupId"]["Fn::GetAtt"][1] == "DefaultSecurityGroup"
