"""The way in: one load balancer, one port, and only for those who are named."""

from typing import Any

import pytest

from tests.assembly import Assembly
from tests.conftest import Synth

TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"


def balancer(made: Assembly) -> dict[str, Any]:
    return made.enterprise.one("AWS::ElasticLoadBalancingV2::LoadBalancer")


def attributes(properties: dict[str, Any], name: str) -> dict[str, str]:
    return {item["Key"]: item["Value"] for item in properties[name]}


def callers(made: Assembly) -> list[dict[str, Any]]:
    return made.enterprise.one("AWS::EC2::SecurityGroup", "EntrySecurityGroup")["SecurityGroupIngress"]


def test_the_balancer_is_internal_with_a_group_of_its_own_in_every_private_subnet(production: Assembly) -> None:
    found = balancer(production)
    assert (found["Type"], found["Scheme"]) == ("network", "internal")
    assert "EntrySecurityGroup" in str(found["SecurityGroups"])
    assert [item["Fn::ImportValue"] for item in found["Subnets"]] == [
        f"wa-production:Private{number}" for number in (1, 2, 3)
    ]


def test_an_internet_facing_balancer_stands_in_the_public_subnets(synth: Synth) -> None:
    found = balancer(synth(load_balancer_scheme="internet-facing", allowed_cidrs="192.0.2.0/24"))
    assert found["Scheme"] == "internet-facing"
    assert all(item["Fn::ImportValue"].startswith("wa-production:Public") for item in found["Subnets"])


def test_each_address_serves_targets_in_every_zone(production: Assembly) -> None:
    assert attributes(balancer(production), "LoadBalancerAttributes")["load_balancing.cross_zone.enabled"] == "true"


def test_another_scheme_brings_its_own_target_group(production: Assembly, synth: Synth) -> None:
    """The new balancer is made while the old one stands, and a target group belongs to one balancer alone (T-7)."""
    public = synth(load_balancer_scheme="internet-facing", allowed_cidrs="203.0.113.0/24")
    assert set(production.enterprise.of(TARGET_GROUP)).isdisjoint(public.enterprise.of(TARGET_GROUP))
    for template in (production.enterprise, public.enterprise):
        (group,) = template.of(TARGET_GROUP)
        (service,) = template.of("AWS::ECS::Service", "ClientWebapp")
        (listener,) = template.of("AWS::ElasticLoadBalancingV2::Listener")
        # ECS refuses a target group that no listener has joined to a load balancer yet.
        assert {group, listener} <= template.waits_for(service)


@pytest.mark.parametrize(
    ("context", "ranges"),
    [
        ({}, {"10.0.0.0/16"}),
        ({"vpc_cidr": "10.1.0.0/16"}, {"10.1.0.0/16"}),
        ({"allowed_cidrs": "192.0.2.0/24,203.0.113.7/32"}, {"192.0.2.0/24", "203.0.113.7/32"}),
    ],
)
def test_the_named_callers_get_in_on_443_alone(synth: Synth, context: dict[str, Any], ranges: set[str]) -> None:
    rules = callers(synth(**context))
    assert {rule["CidrIp"] for rule in rules} == ranges
    assert {(rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) for rule in rules} == {(443, 443, "tcp")}


def test_it_speaks_to_the_webapps_alone(production: Assembly) -> None:
    assert "SecurityGroupEgress" not in production.enterprise.one("AWS::EC2::SecurityGroup", "EntrySecurityGroup")
    (rule,) = production.enterprise.of("AWS::EC2::SecurityGroupEgress", "EntrySecurityGroup").values()
    assert "ClientWebappSecurityGroup" in str(rule["Properties"]["DestinationSecurityGroupId"])
    assert rule["Properties"]["FromPort"] == rule["Properties"]["ToPort"] == 443


def test_the_webapps_are_asked_for_themselves_over_https(production: Assembly) -> None:
    targets = production.enterprise.one("AWS::ElasticLoadBalancingV2::TargetGroup")
    assert (targets["Protocol"], targets["Port"], targets["TargetType"]) == ("TCP", 443, "ip")
    assert (targets["HealthCheckProtocol"], targets["HealthCheckPath"]) == ("HTTPS", "/")
    assert (targets["HealthyThresholdCount"], targets["UnhealthyThresholdCount"]) == (2, 2)


def test_the_listener_hands_tcp_443_through(production: Assembly) -> None:
    listener = production.enterprise.one("AWS::ElasticLoadBalancingV2::Listener")
    assert (listener["Protocol"], listener["Port"]) == ("TCP", 443)


def test_the_tasks_are_registered_not_the_hosts(production: Assembly) -> None:
    service = production.enterprise.one("AWS::ECS::Service", "ClientWebapp")
    (target,) = service["LoadBalancers"]
    assert (target["ContainerName"], target["ContainerPort"]) == ("webapp", 443)
    group = production.enterprise.one("AWS::AutoScaling::AutoScalingGroup")
    assert "TargetGroupARNs" not in group
    assert "LoadBalancerNames" not in group


def test_an_alarm_speaks_when_a_webapp_does_not_answer(production: Assembly) -> None:
    found = production.enterprise.one("AWS::CloudWatch::Alarm", "UnhealthyWebapps")
    assert (found["ComparisonOperator"], found["Threshold"]) == ("GreaterThanThreshold", 0)
    assert "UnHealthyHostCount" in str(found["Metrics"])


def test_the_functions_come_in_through_nat_when_the_addresses_of_the_balancer_are_public(synth: Synth) -> None:
    made = synth(manage_shards="true", load_balancer_scheme="internet-facing", allowed_cidrs="203.0.113.0/24")
    group = made.enterprise.one("AWS::EC2::SecurityGroup", "EntrySecurityGroup")
    ranges = [made.follow(rule["CidrIp"]) for rule in group["SecurityGroupIngress"]]
    assert ranges[0] == "203.0.113.0/24"
    addresses = made.network.of("AWS::EC2::EIP")
    assert len(addresses) == 3
    assert ranges[1:] == [{"Fn::Join": ["", [{"Ref": address}, "/32"]]} for address in addresses]


def test_the_addresses_of_the_nat_gateways_are_an_output(production: Assembly) -> None:
    addresses = production.network.of("AWS::EC2::EIP")
    output = production.network.body["Outputs"]["NatAddresses"]["Value"]
    assert output == {"Fn::Join": [",", [{"Ref": address} for address in addresses]]}
    gateways = production.network.of("AWS::EC2::NatGateway").values()
    used = {gateway["Properties"]["AllocationId"]["Fn::GetAtt"][0] for gateway in gateways}
    assert used == set(addresses)


def test_an_internal_balancer_lets_no_address_of_nat_in(synth: Synth) -> None:
    group = synth(manage_shards="true").enterprise.one("AWS::EC2::SecurityGroup", "EntrySecurityGroup")
    assert [rule["CidrIp"] for rule in group["SecurityGroupIngress"]] == ["10.0.0.0/16"]
