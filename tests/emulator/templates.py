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


def fleet(**service: Any) -> dict[str, Resource]:
    """A cluster with a capacity provider and one service on it."""
    data = {"InstanceType": "m6i.large", "ImageId": "ami-1"}
    trust = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]
    }
    strategy = [{"CapacityProvider": ref("Provider"), "Weight": 1}]
    container = {
        "Name": "main",
        "Image": "image",
        "Memory": 128,
        "Secrets": [{"Name": "PASSWORD", "ValueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"}],
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
        "Execution": resource("IAM::Role", AssumeRolePolicyDocument=trust),
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
