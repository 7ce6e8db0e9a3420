"""The VPC: three tiers, room for a fourth zone, and no way in or out that nobody needs."""

from ipaddress import IPv4Network
from typing import Any

import pytest

from multiconnect.network import INTERFACE_ENDPOINTS, MAX_AVAILABILITY_ZONES
from tests.assembly import Assembly, Template
from tests.conftest import Synth

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
    for zones in range(2, MAX_AVAILABILITY_ZONES):
        before = synth(availability_zones=zones, vpc_cidr=cidr).network.of("AWS::EC2::Subnet")
        after = synth(availability_zones=zones + 1, vpc_cidr=cidr).network.of("AWS::EC2::Subnet")
        assert {name: after[name] for name in before} == before
        ranges = [IPv4Network(item["Properties"]["CidrBlock"]) for item in after.values()]
        assert all(piece.subnet_of(IPv4Network(cidr)) for piece in ranges)
        assert not any(a.overlaps(b) for a in ranges for b in ranges if a is not b)


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


def test_the_endpoints_take_https_from_the_vpc_alone(synth: Synth) -> None:
    group = synth(vpc_cidr="10.9.0.0/16").network.one("AWS::EC2::SecurityGroup", "Endpoint")
    (rule,) = group["SecurityGroupIngress"]
    assert (rule["CidrIp"], rule["FromPort"], rule["ToPort"]) == ("10.9.0.0/16", 443, 443)


def test_all_traffic_is_logged_encrypted_and_kept(production: Assembly) -> None:
    network = production.network
    flow = network.one("AWS::EC2::FlowLog")
    assert flow["TrafficType"] == "ALL"
    (group,) = network.of("AWS::Logs::LogGroup").values()
    assert group["Properties"]["RetentionInDays"] == 365
    assert "LogKey" in str(group["Properties"]["KmsKeyId"])
    assert group["DeletionPolicy"] == "Retain"


def test_the_flow_logs_role_is_for_this_log_group_alone(production: Assembly) -> None:
    (statement, *others) = production.network.one("AWS::IAM::Policy", "FlowLogRole")["PolicyDocument"]["Statement"]
    assert "FlowLogs" in str(statement["Resource"])
    assert all(other["Action"] == "iam:PassRole" for other in others)


def test_the_default_security_group_is_closed(production: Assembly) -> None:
    closer = production.network.one("Custom::VpcRestrictDefaultSG")
    assert closer["DefaultSecurityGroupId"]["Fn::GetAtt"][1] == "DefaultSecurityGroup"
