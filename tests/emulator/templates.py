"""Parts of small templates for the target: a network, a fleet with a service, a database."""

from typing import Any

Resource = dict[str, Any]


def ref(name: str) -> Resource:
    return {"Ref": name}


def att(name: str, attribute: str) -> Resource:
    return {"Fn::GetAtt": [name, attribute]}


def resource(kind: str, /, **properties: Any) -> Resource:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def network() -> dict[str, Resource]:
    return {
        "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16"),
        "Subnet": resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a"),
        "Other": resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1b"),
        "Group": resource("EC2::SecurityGroup", VpcId=ref("Vpc"), GroupDescription="one"),
    }


SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"


def role(service: str, may: dict[str, list[str]] | None = None) -> Resource:
    """A role that a service may assume, with what it may do: actions by resource."""
    statements = [{"Effect": "Allow", "Action": actions, "Resource": where} for where, actions in (may or {}).items()]
    policy = {"PolicyName": "All", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return resource(
        "IAM::Role",
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]},
        **({"Policies": [policy]} if statements else {}),
    )


def fleet(**service: Any) -> dict[str, Resource]:
    """A cluster with a capacity provider and one service on it."""
    user_data = {"Fn::Base64": {"Fn::Sub": "echo ECS_CLUSTER=${Cluster} >> /etc/ecs/ecs.config"}}
    data = {"InstanceType": "m6i.large", "ImageId": "ami-1", "UserData": user_data}
    strategy = [{"CapacityProvider": ref("Provider"), "Weight": 1}]
    container = {
        "Name": "main",
        "Image": "image",
        "Memory": 128,
        "Secrets": [{"Name": "PASSWORD", "ValueFrom": SECRET}],
        "DockerLabels": {"MyLabel": "kept"},
    }
    return network() | {
        "Template": resource("EC2::LaunchTemplate", LaunchTemplateData=data),
        "Hosts": resource(
            "AutoScaling::AutoScalingGroup",
            MinSize="1",
            MaxSize="3",
            VPCZoneIdentifier=[ref("Subnet"), ref("Other")],
            LaunchTemplate={"LaunchTemplateId": ref("Template"), "Version": att("Template", "LatestVersionNumber")},
        ),
        "Cluster": resource("ECS::Cluster", ClusterSettings=[{"Name": "containerInsights", "Value": "enabled"}]),
        "Provider": resource("ECS::CapacityProvider", AutoScalingGroupProvider={"AutoScalingGroupArn": ref("Hosts")}),
        "Associated": resource(
            "ECS::ClusterCapacityProviderAssociations",
            Cluster=ref("Cluster"),
            CapacityProviders=[ref("Provider")],
            DefaultCapacityProviderStrategy=strategy,
        ),
        "Execution": role("ecs-tasks.amazonaws.com", {SECRET: ["secretsmanager:GetSecretValue"]}),
        "Task": resource(
            "ECS::TaskDefinition",
            Family="main",
            ContainerDefinitions=[container],
            ExecutionRoleArn=att("Execution", "Arn"),
        ),
        "Service": resource(
            "ECS::Service",
            **{
                "Cluster": ref("Cluster"),
                "TaskDefinition": ref("Task"),
                "DesiredCount": 2,
                "CapacityProviderStrategy": strategy,
                "PlacementStrategies": [{"Type": "spread", "Field": "attribute:ecs.availability-zone"}],
            }
            | service,
        )
        | {"DependsOn": "Associated"},
    }


def database(**properties: Any) -> dict[str, Resource]:
    subnets = [ref("Subnet"), ref("Other")]
    return network() | {
        "Subnets": resource("RDS::DBSubnetGroup", DBSubnetGroupDescription="two", SubnetIds=subnets),
        "Database": resource(
            "RDS::DBInstance",
            **{
                "Engine": "mysql",
                "EngineVersion": "8.4.9",
                "DBInstanceClass": "db.m7g.large",
                "AllocatedStorage": "20",
                "MasterUsername": "admin",
                "ManageMasterUserPassword": True,
                "DBSubnetGroupName": ref("Subnets"),
                "VPCSecurityGroups": [ref("Group")],
            }
            | properties,
        )
        | {"DeletionPolicy": "Delete"},
    }


THREE_TASKS_A_HOST_MIB = 2500
"""An m6i.large gives 7,577 of its 8,192 MiB to tasks."""


def tasks_on_hosts(
    *,
    tasks: int,
    hosts: tuple[int, int],
    protected: bool = False,
    spread_over_hosts: bool = True,
    minimum_healthy_percent: int = 90,
    maximum_percent: int = 200,
    container: dict[str, Any] | None = None,
    network_mode: str = "bridge",
    instance_type: str = "m6i.large",
    **group: Any,
) -> dict[str, Resource]:
    """A cluster that scales its hosts by what one service's tasks reserve, three tasks on each host.

    Args:
        tasks: Desired count of the service.
        hosts: Minimum and maximum of the group.
        protected: Whether ECS protects hosts with tasks from scale-in; if not, it drains them.
        spread_over_hosts: Whether tasks spread over hosts; if not, they are packed on few.
        minimum_healthy_percent: Of the service.
        maximum_percent: Of the service.
        container: More of the container's definition.
        network_mode: Of the task definition.
        instance_type: Of the hosts.
        group: More properties of the group.
    """
    resources = fleet()
    data = resources["Template"]["Properties"]["LaunchTemplateData"] | {"InstanceType": instance_type}
    strategies = [
        {"Type": "spread", "Field": "attribute:ecs.availability-zone"},
        {"Type": "spread", "Field": "instanceId"} if spread_over_hosts else {"Type": "binpack", "Field": "memory"},
    ]
    subnets = {"Subnets": [ref("Subnet"), ref("Other")]}
    changes: dict[str, dict[str, Any]] = {
        "Template": {"LaunchTemplateData": data},
        "Hosts": {
            "MinSize": str(hosts[0]),
            "MaxSize": str(hosts[1]),
            "NewInstancesProtectedFromScaleIn": protected,
            **group,
        },
        "Provider": {
            "AutoScalingGroupProvider": {
                "AutoScalingGroupArn": ref("Hosts"),
                "ManagedScaling": {"Status": "ENABLED", "TargetCapacity": 100},
                "ManagedDraining": "ENABLED",
                "ManagedTerminationProtection": "ENABLED" if protected else "DISABLED",
            }
        },
        "Task": {
            "NetworkMode": network_mode,
            "ContainerDefinitions": [
                {"Name": "main", "Image": "image", "MemoryReservation": THREE_TASKS_A_HOST_MIB} | (container or {})
            ],
        },
        "Service": {
            "DesiredCount": tasks,
            "PlacementStrategies": strategies,
            "DeploymentConfiguration": {
                "MinimumHealthyPercent": minimum_healthy_percent,
                "MaximumPercent": maximum_percent,
            },
        }
        | ({"NetworkConfiguration": {"AwsvpcConfiguration": subnets}} if network_mode == "awsvpc" else {}),
    }
    for name, properties in changes.items():
        resources[name] = resources[name] | {"Properties": resources[name]["Properties"] | properties}
    return resources
