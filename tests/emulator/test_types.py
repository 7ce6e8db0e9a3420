"""The CloudFormation types added to MiniStack, and those it ships, wrapped: what AWS refuses is refused here too."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from emulator import report, target
from tests.emulator.templates import Resource, att, database, fleet, network, ref, resource

Apply = Callable[..., dict[str, Any]]


def nat() -> dict[str, Resource]:
    return network() | {
        "Address": resource("EC2::EIP", Domain="vpc"),
        "Nat": resource("EC2::NatGateway", SubnetId=ref("Subnet"), AllocationId=att("Address", "AllocationId")),
    }


def test_nat_gateways_have_an_address_and_go_before_it(running: target.Target, apply: Apply) -> None:
    stack = apply(nat(), {"Nat": ref("Nat"), "Ip": ref("Address")})
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    ec2 = running.client("ec2")
    (gateway,) = ec2.describe_nat_gateways(NatGatewayIds=[stack["Outputs"]["Nat"]])["NatGateways"]
    assert gateway["State"] == "available"
    assert ec2.describe_addresses(PublicIps=[stack["Outputs"]["Ip"]])["Addresses"]


def test_a_rule_is_added_and_taken_away_alone(running: target.Target, apply: Apply) -> None:
    def rules() -> list[tuple[int, int]]:
        (group,) = running.client("ec2").describe_security_groups(GroupIds=[name])["SecurityGroups"]
        return sorted((rule["FromPort"], rule["ToPort"]) for rule in group["IpPermissions"])

    def rule(port: int) -> Resource:
        here = {"GroupId": ref("Group"), "SourceSecurityGroupId": ref("Group")}
        return resource("EC2::SecurityGroupIngress", IpProtocol="tcp", FromPort=port, ToPort=port, **here)

    name = apply(network() | {"A": rule(1), "B": rule(2)}, {"Group": ref("Group")})["Outputs"]["Group"]
    assert rules() == [(1, 1), (2, 2)]
    apply(network() | {"B": rule(3)}, {"Group": ref("Group")})
    assert rules() == [(3, 3)]


def test_a_service_changes_in_place_and_keeps_what_it_was_given(running: target.Target, apply: Apply) -> None:
    outputs = {"Service": ref("Service"), "Cluster": ref("Cluster"), "Task": ref("Task"), "Hosts": ref("Hosts")}
    first = apply(fleet(), outputs)["Outputs"]
    second = apply(fleet(DesiredCount=5), outputs)["Outputs"]
    assert first == second

    ecs = running.client("ecs")
    (service,) = ecs.describe_services(cluster=first["Cluster"], services=[first["Service"]])["services"]
    assert (service["desiredCount"], service["runningCount"]) == (5, 5)
    assert service["placementStrategy"] == [{"type": "spread", "field": "attribute:ecs.availability-zone"}]
    (container,) = ecs.describe_task_definition(taskDefinition=first["Task"])["taskDefinition"]["containerDefinitions"]
    assert container["secrets"][0]["name"] == "PASSWORD"
    assert container["dockerLabels"] == {"MyLabel": "kept"}
    groups = running.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[first["Hosts"]])
    (group,) = groups["AutoScalingGroups"]
    assert group["AvailabilityZones"] == ["us-east-1a", "us-east-1b"]
    assert len(group["Instances"]) == 1


def test_a_cluster_keeps_its_capacity_providers_when_it_changes(running: target.Target, apply: Apply) -> None:
    resources = fleet()
    name = apply(resources, {"Cluster": ref("Cluster")})["Outputs"]["Cluster"]
    settings = [{"Name": "containerInsights", "Value": "enhanced"}]
    apply(resources | {"Cluster": resource("ECS::Cluster", ClusterSettings=settings)}, {"Cluster": ref("Cluster")})
    (cluster,) = running.client("ecs").describe_clusters(clusters=[name], include=["SETTINGS"])["clusters"]
    assert cluster["settings"] == [{"name": "containerInsights", "value": "enhanced"}]
    assert len(cluster["capacityProviders"]) == len(cluster["defaultCapacityProviderStrategy"]) == 1


def test_rds_manages_one_master_secret_through_every_change(running: target.Target, apply: Apply) -> None:
    outputs = {"Secret": att("Database", "MasterUserSecret.SecretArn"), "Name": ref("Database")}
    first = apply(database(), outputs)["Outputs"]
    assert apply(database(DBInstanceClass="db.m7g.xlarge"), outputs)["Outputs"] == first
    secrets = running.client("secretsmanager")
    login = json.loads(secrets.get_secret_value(SecretId=first["Secret"])["SecretString"])
    assert login["username"] == "admin"
    assert len(login["password"]) >= 30
    apply(network())
    assert not [each for each in secrets.list_secrets()["SecretList"] if each["ARN"] == first["Secret"]]


def metric(name: str, returned: bool) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "N", "MetricName": name}, "Period": 60, "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat, "ReturnData": returned}


def alarm(**properties: Any) -> Resource:
    common = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 1, "EvaluationPeriods": 1}
    return resource("CloudWatch::Alarm", **common, **properties)


def test_alarms_on_metric_math(running: target.Target, apply: Apply) -> None:
    math = [{"Id": "sum", "Expression": "a+b", "ReturnData": True}, metric("a", False), metric("b", False)]
    name = apply({"Math": alarm(Metrics=math)}, {"Math": ref("Math")})["Outputs"]["Math"]
    (found,) = running.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert [each["Id"] for each in found["Metrics"]] == ["sum", "a", "b"]
    assert "MetricName" not in found


def test_the_machine_image_parameter_resolves(running: target.Target, apply: Apply) -> None:
    name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    value = running.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    assert value.startswith("ami-")


def test_account_settings_are_kept_for_each_principal(running: target.Target, apply: Apply) -> None:
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    hosts = {"Hosts": resource("IAM::Role", AssumeRolePolicyDocument=trust)}
    ecs, role = running.client("ecs"), apply(hosts, {"Role": att("Hosts", "Arn")})["Outputs"]["Role"]

    def value(**who: str) -> list[str]:
        found = ecs.list_account_settings(name="awsvpcTrunking", **who)["settings"]
        return [each["value"] for each in found]

    ecs.put_account_setting(name="awsvpcTrunking", value="enabled", principalArn=role)
    assert (value(principalArn=role), value()) == (["enabled"], [])
    ecs.delete_account_setting(name="awsvpcTrunking", principalArn=role)
    assert value(principalArn=role) == []
    ecs.delete_account_setting(name="awsvpcTrunking", principalArn=role)


REFUSED = {
    "a NAT gateway without a subnet": (
        {"Bad": resource("EC2::NatGateway", AllocationId="eipalloc-1")},
        "AWS::EC2::NatGateway: property SubnetId cannot be empty",
    ),
    "a NAT gateway with an unknown address": (
        network() | {"Bad": resource("EC2::NatGateway", SubnetId=ref("Subnet"), AllocationId="eipalloc-1")},
        "AWS::EC2::NatGateway: allocation eipalloc-1 does not exist",
    ),
    "a rule of an unknown group": (
        {"Bad": resource("EC2::SecurityGroupIngress", GroupId="sg-1", IpProtocol="tcp")},
        "AWS::EC2::SecurityGroupIngress: security group sg-1 does not exist",
    ),
    "a rule that is there already, under another description": (
        network()
        | {
            name: resource(
                "EC2::SecurityGroupIngress",
                GroupId=ref("Group"),
                SourceSecurityGroupId=ref("Group"),
                IpProtocol="tcp",
                FromPort=1,
                ToPort=1,
                Description=name,
            )
            for name in ("First", "Second")
        },
        "AWS::EC2::SecurityGroupIngress: the specified rule already exists in sg-",
    ),
    "a group that wants more hosts than its maximum": (
        fleet()
        | {
            "Bad": resource(
                "AutoScaling::AutoScalingGroup",
                **fleet()["Hosts"]["Properties"] | {"MinSize": "4", "MaxSize": "3"},
            )
        },
        "desired capacity 4 must be between min size 4 and max size 3",
    ),
    "a service on a provider that the cluster lacks": (
        fleet(CapacityProviderStrategy=[{"CapacityProvider": "other", "Weight": 1}]),
        "AWS::ECS::Service: capacity provider other is not associated with",
    ),
    "a service behind an unknown target group": (
        fleet(LoadBalancers=[{"TargetGroupArn": "arn:tg", "ContainerName": "main", "ContainerPort": 443}]),
        "AWS::ECS::Service: target group arn:tg does not exist",
    ),
    "a container without memory": (
        {"Bad": resource("ECS::TaskDefinition", ContainerDefinitions=[{"Name": "main", "Image": "x"}])},
        "AWS::ECS::TaskDefinition: container main needs memory or memoryReservation",
    ),
    "a database in an unknown subnet group": (
        database(DBSubnetGroupName="nowhere"),
        "AWS::RDS::DBInstance: DBSubnetGroupName nowhere not found",
    ),
    "two results of metric math": (
        {"Bad": alarm(Metrics=[metric("a", True), metric("b", True)])},
        "AWS::CloudWatch::Alarm: exactly one of Metrics must return data, not ['a', 'b']",
    ),
    "metric math beside a plain metric": (
        {"Bad": alarm(MetricName="m", Metrics=[metric("a", True)])},
        "AWS::CloudWatch::Alarm: MetricName cannot go with Metrics",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_aws_refuses_is_refused(running: target.Target, apply: Apply, case: str) -> None:
    resources, message = REFUSED[case]
    stack = apply(resources)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    (reason,) = report.failures(running, stack["StackName"])
    assert message in reason


def test_a_fault_strikes_once_and_the_stack_rolls_back(running: target.Target, apply: Apply) -> None:
    def parameter(value: str) -> Resource:
        return resource("SSM::Parameter", Type="String", Name="/fault/first", Value=value)

    def topic(name: str) -> Resource:
        return resource("SNS::Topic", DisplayName=name) | {"DependsOn": "First"}

    def first() -> str:
        return running.client("ssm").get_parameter(Name="/fault/first")["Parameter"]["Value"]

    apply({"First": parameter("old"), "Last": topic("old")})
    running.fail_next("AWS::SNS::Topic", "Las", reason="on request")
    stack = apply({"First": parameter("new"), "Last": topic("new")})
    assert (stack["StackStatus"], first()) == ("UPDATE_ROLLBACK_COMPLETE", "old")
    assert report.failures(running, stack["StackName"]) == ["Last: on request"]

    assert apply({"First": parameter("new"), "Last": topic("new")})["StackStatus"] == "UPDATE_COMPLETE"
    assert (first(), report.failures(running, stack["StackName"])) == ("new", [])


def test_a_fault_waits_for_its_own_resource(running: target.Target, apply: Apply) -> None:
    running.fail_next("AWS::SNS::Topic", "Second")
    assert apply({"First": resource("SNS::Topic")})["StackStatus"] == "CREATE_COMPLETE"
    stack = apply({"First": resource("SNS::Topic"), "Second": resource("SNS::Topic")})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert report.failures(running, stack["StackName"]) == ["Second: failed on purpose"]
