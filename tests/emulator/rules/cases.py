"""Small templates that AWS refuses, each with the same template corrected; one dictionary for each service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.emulator.templates import Resource, att, database, fleet, network, ref, resource

ACCOUNT = "123456789012"
NOBODY = f"arn:aws:iam::{ACCOUNT}:role/nobody"
NO_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A template that AWS refuses.

    Attributes:
        rule: Name of the rule that refuses it; empty when MiniStack itself or `emulator.iam` does.
        words: What the stack's events say, or the API's answer.
        faulty: The template's resources.
        right: The same, corrected.
        before: Deployed first, so that the others are updates of it. Default: nothing.
    """

    rule: str
    words: str
    faulty: dict[str, Resource]
    right: dict[str, Resource]
    before: dict[str, Resource] | None = None


def role(service: str, **properties: Any) -> Resource:
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
    return resource("IAM::Role", **{"AssumeRolePolicyDocument": trust} | properties)


def trust_of(**statement: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"} | statement]}


def function(**properties: Any) -> dict[str, Resource]:
    return {
        "Role": role("lambda.amazonaws.com"),
        "Function": resource(
            "Lambda::Function",
            **{
                "Code": {"ZipFile": "def handler(event, context):\n    return 1\n"},
                "Handler": "index.handler",
                "Runtime": "python3.12",
                "Role": att("Role", "Arn"),
            }
            | properties,
        ),
    }


def task(*containers: Resource, **properties: Any) -> dict[str, Resource]:
    return {"Task": resource("ECS::TaskDefinition", ContainerDefinitions=list(containers), **properties)}


def container(name: str = "main", **properties: Any) -> Resource:
    return {"Name": name, "Image": "image", "Memory": 128} | properties


def balancer(**properties: Any) -> dict[str, Resource]:
    return network() | {
        "Balancer": resource(
            "ElasticLoadBalancingV2::LoadBalancer",
            **{"Type": "network", "Scheme": "internal", "Subnets": [ref("Subnet"), ref("Other")]} | properties,
        ),
        "Targets": targets(),
        "Listener": listener("Balancer"),
    }


def targets(**properties: Any) -> Resource:
    return resource("ElasticLoadBalancingV2::TargetGroup", Port=443, Protocol="TCP", VpcId=ref("Vpc"), **properties)


def listener(name: str, **properties: Any) -> Resource:
    forward = [{"Type": "forward", "TargetGroupArn": ref("Targets")}]
    return resource(
        "ElasticLoadBalancingV2::Listener",
        **{"LoadBalancerArn": ref(name), "Port": 443, "Protocol": "TCP", "DefaultActions": forward} | properties,
    )


def files(**properties: Any) -> dict[str, Resource]:
    return network() | {"Files": resource("EFS::FileSystem", **properties), "Mount": mount("Subnet")}


def mount(subnet: str) -> Resource:
    return resource("EFS::MountTarget", FileSystemId=ref("Files"), SubnetId=ref(subnet), SecurityGroups=[ref("Group")])


def alarm(**properties: Any) -> dict[str, Resource]:
    common = {
        "Namespace": "N",
        "MetricName": "m",
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 1,
        "EvaluationPeriods": 1,
        "Period": 60,
        "Statistic": "Sum",
    }
    return {"Alarm": resource("CloudWatch::Alarm", **common | properties)}


def topic(*statements: dict[str, Any]) -> dict[str, Resource]:
    return {
        "Topic": resource("SNS::Topic"),
        "Policy": resource("SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument={"Statement": list(statements)}),
    }


def publish(**statement: Any) -> dict[str, Any]:
    who = {"Service": "cloudwatch.amazonaws.com"}
    return {"Effect": "Allow", "Principal": who, "Action": "sns:Publish", "Resource": ref("Topic")} | statement


def key(*statements: dict[str, Any], **properties: Any) -> dict[str, Resource]:
    return {"Key": resource("KMS::Key", KeyPolicy={"Statement": [*statements]}, **properties)}


def administer(principal: str = f"arn:aws:iam::{ACCOUNT}:root", action: str = "kms:*") -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*"}


def machine(definition: Any, **properties: Any) -> dict[str, Resource]:
    return {
        "Role": role("states.amazonaws.com"),
        "Machine": resource(
            "StepFunctions::StateMachine",
            **{"RoleArn": att("Role", "Arn"), "DefinitionString": definition} | properties,
        ),
    }


PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


def rule(**properties: Any) -> dict[str, Resource]:
    return {"Topic": resource("SNS::Topic"), "Rule": resource("Events::Rule", **properties)}


def group(**properties: Any) -> dict[str, Resource]:
    made = fleet()
    made["Hosts"]["Properties"] |= properties
    return {name: made[name] for name in ("Vpc", "Subnet", "Other", "Group", "Cluster", "Template", "Hosts")}


def template(**data: Any) -> dict[str, Resource]:
    return network() | {"Template": resource("EC2::LaunchTemplate", LaunchTemplateData=data)}


def securities(**properties: Any) -> dict[str, Resource]:
    return network() | {
        "More": resource("EC2::SecurityGroup", **{"VpcId": ref("Vpc"), "GroupDescription": "more"} | properties)
    }


def opened(port: int, **properties: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": "10.0.0.0/16"} | properties


def endpoint(service: str, *subnets: str, name: str = "Endpoint", **properties: Any) -> dict[str, Resource]:
    return network() | {
        name: resource(
            "EC2::VPCEndpoint",
            VpcId=ref("Vpc"),
            ServiceName=service,
            VpcEndpointType="Interface",
            SubnetIds=[ref(subnet) for subnet in subnets],
            **properties,
        )
    }


def without(resources: dict[str, Resource], name: str, *keys: str) -> dict[str, Resource]:
    """Return a template in which one resource lacks some properties."""
    kept = {key: value for key, value in resources[name]["Properties"].items() if key not in keys}
    return resources | {name: resources[name] | {"Properties": kept}}


def with_group(family: str, **properties: Any) -> dict[str, Resource]:
    """A database with a parameter group of its own."""
    made = database(DBParameterGroupName=ref("Parameters"), **properties)
    return made | {"Parameters": resource("RDS::DBParameterGroup", Family=family, Description="own")}


def service(**properties: Any) -> dict[str, Resource]:
    """A service of awsvpc tasks behind a balancer."""
    made = fleet(**properties) | balancer()
    made["Task"] = resource(
        "ECS::TaskDefinition",
        NetworkMode="awsvpc",
        ContainerDefinitions=[container(PortMappings=[{"ContainerPort": 443, "Protocol": "tcp"}])],
    )
    made["Service"]["Properties"].setdefault(
        "NetworkConfiguration", {"AwsvpcConfiguration": {"Subnets": [ref("Subnet")], "SecurityGroups": [ref("Group")]}}
    )
    made["Service"]["DependsOn"] = ["Associated", "Listener"]
    return made
