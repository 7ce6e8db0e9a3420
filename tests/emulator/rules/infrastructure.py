"""Faulty templates of networks, hosts, tasks and balancers."""

import base64
from typing import Any

from tests.emulator.rules.cases import (
    ACCOUNT,
    NO_KEY,
    NOBODY,
    Case,
    balancer,
    container,
    endpoint,
    files,
    group,
    listener,
    mount,
    opened,
    role,
    securities,
    service,
    targets,
    task,
    template,
    without,
)
from tests.emulator.templates import Resource, att, fleet, network, ref, resource

GATEWAYS = {"First": resource("EC2::InternetGateway"), "Second": resource("EC2::InternetGateway")}


def attach(gateway: str) -> Resource:
    return resource("EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref(gateway))


WAY_OUT = {"Gate": GATEWAYS["First"], "In": attach("Gate")}


def facing() -> dict[str, Resource]:
    """A balancer that faces the internet."""
    made = balancer(Scheme="internet-facing") | WAY_OUT
    made["Balancer"]["DependsOn"] = "In"
    return made


def subnet(**properties: Any) -> dict[str, Resource]:
    return network() | {"More": resource("EC2::Subnet", VpcId=ref("Vpc"), **properties)}


def routes(*destinations: str) -> dict[str, Resource]:
    made = network() | {
        "Table": resource("EC2::RouteTable", VpcId=ref("Vpc")),
        "Gate": GATEWAYS["First"],
        "In": attach("Gate"),
    }
    for index, destination in enumerate(destinations):
        route = resource(
            "EC2::Route", RouteTableId=ref("Table"), DestinationCidrBlock=destination, GatewayId=ref("Gate")
        )
        made[f"Route{index}"] = route | {"DependsOn": "In"}
    return made


def flow_log(role_arn: Any, **roles: Any) -> dict[str, Resource]:
    log = resource(
        "EC2::FlowLog",
        ResourceId=ref("Vpc"),
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="flows",
        DeliverLogsPermissionArn=role_arn,
    )
    return network() | roles | {"Flows": log}


def provider(**properties: Any) -> dict[str, Resource]:
    made = fleet()
    hosts = made["Hosts"]["Properties"] | {"NewInstancesProtectedFromScaleIn": properties.pop("protected", False)}
    made["Hosts"]["Properties"] = hosts | {"MinSize": "0"}
    auto_scaling = {"AutoScalingGroupArn": ref("Hosts")} | properties.pop("group", {})
    kept = ("Vpc", "Subnet", "Other", "Group", "Cluster", "Template", "Hosts")
    return {name: made[name] for name in kept} | {
        "Provider": resource("ECS::CapacityProvider", AutoScalingGroupProvider=auto_scaling, **properties)
    }


SECRET = {"Name": "PASSWORD", "ValueFrom": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:x"}
EXECUTION = {"Execution": role("ecs-tasks.amazonaws.com")}
PROTECTION = {"ManagedTerminationProtection": "ENABLED", "ManagedScaling": {"Status": "ENABLED"}}
ZONES = [{"Type": "spread", "Field": "attribute:ecs.availability-zone"}]

EC2 = {
    "a network that is too large": Case(
        rule="block_size",
        words="The CIDR '10.0.0.0/8' is invalid.",
        faulty={"Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/8")},
        right={"Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16")},
    ),
    "a subnet in a zone that does not exist": Case(
        rule="unknown_zone",
        words="Value (us-east-1x) for parameter availabilityZone is invalid. Subnets can currently only be created in",
        faulty=subnet(CidrBlock="10.0.7.0/24", AvailabilityZone="us-east-1x"),
        right=subnet(CidrBlock="10.0.7.0/24", AvailabilityZone="us-east-1c"),
    ),
    "a zone by its position, beyond the last": Case(
        rule="",
        words="Fn::Select cannot select nonexistent value at index 3",
        faulty=subnet(CidrBlock="10.0.7.0/24", AvailabilityZone={"Fn::Select": [3, {"Fn::GetAZs": ""}]}),
        right=subnet(CidrBlock="10.0.7.0/24", AvailabilityZone={"Fn::Select": [2, {"Fn::GetAZs": ""}]}),
    ),
    "a subnet outside its network": Case(
        rule="subnet_block",
        words="The CIDR '10.1.0.0/24' is invalid.",
        faulty=subnet(CidrBlock="10.1.0.0/24"),
        right=subnet(CidrBlock="10.0.9.0/24"),
    ),
    "a subnet over another": Case(
        rule="subnet_block",
        words="The CIDR '10.0.1.128/25' conflicts with another subnet",
        faulty={
            name: item | ({"DependsOn": "Other"} if name == "More" else {})
            for name, item in subnet(CidrBlock="10.0.1.128/25").items()
        },
        right=subnet(CidrBlock="10.0.2.128/25"),
    ),
    "an endpoint in a zone without its service": Case(
        rule="endpoint_zones",
        words="The VPC endpoint service com.amazonaws.us-east-1.email-smtp does not support the availability zone",
        faulty=endpoint("com.amazonaws.us-east-1.email-smtp", "Subnet", "Other"),
        right=endpoint("com.amazonaws.us-east-1.email-smtp", "Other"),
    ),
    "an endpoint of another region's service": Case(
        rule="endpoint_service",
        words="The Vpc Endpoint Service 'com.amazonaws.eu-west-1.logs' does not exist",
        faulty=endpoint("com.amazonaws.eu-west-1.logs", "Subnet"),
        right=endpoint("com.amazonaws.us-east-1.logs", "Subnet"),
    ),
    "two endpoints with the same private names": Case(
        rule="private_names_conflict",
        words="private-dns-enabled cannot be set because there is already a conflicting DNS domain for",
        faulty=endpoint("com.amazonaws.us-east-1.logs", "Subnet", PrivateDnsEnabled=True)
        | endpoint("com.amazonaws.us-east-1.logs", "Other", name="Twin", PrivateDnsEnabled=True),
        right=endpoint("com.amazonaws.us-east-1.logs", "Subnet", PrivateDnsEnabled=True)
        | endpoint("com.amazonaws.us-east-1.logs", "Other", name="Twin", PrivateDnsEnabled=False),
    ),
    "61 rules in a group": Case(
        rule="sixty_rules",
        words="The maximum number of rules per security group has been reached.",
        faulty=securities(SecurityGroupIngress=[opened(port) for port in range(1, 62)]),
        right=securities(SecurityGroupIngress=[opened(port) for port in range(1, 61)]),
    ),
    "a rule of its own in a group that has 60": Case(
        rule="sixty_rules",
        words="The maximum number of rules per security group has been reached.",
        faulty=securities(SecurityGroupIngress=[opened(port) for port in range(1, 61)])
        | {"Rule": resource("EC2::SecurityGroupIngress", GroupId=ref("More"), **opened(99))},
        right=securities(SecurityGroupIngress=[opened(port) for port in range(1, 60)])
        | {"Rule": resource("EC2::SecurityGroupIngress", GroupId=ref("More"), **opened(99))},
    ),
    "a tag of AWS's own": Case(
        rule="tags",
        words="Tag keys starting with 'aws:' are reserved for internal use: aws:team",
        faulty=securities(Tags=[{"Key": "aws:team", "Value": "one"}]),
        right=securities(Tags=[{"Key": "team", "Value": "one"}]),
    ),
    "51 tags": Case(
        rule="tags",
        words="The maximum number of tags is 50",
        faulty=securities(Tags=[{"Key": f"key{index}", "Value": "one"} for index in range(51)]),
        right=securities(Tags=[{"Key": f"key{index}", "Value": "one"} for index in range(50)]),
    ),
    "letters beyond ASCII in a description": Case(
        rule="group_text",
        words="Character sets beyond ASCII are not supported.",
        faulty=securities(GroupDescription="Datenbank für alle"),
        right=securities(GroupDescription="Datenbank fuer alle"),
    ),
    "the same rule twice in a group": Case(
        rule="same_rule_twice",
        words="The same permission must not appear multiple times",
        faulty=securities(SecurityGroupIngress=[opened(443, Description="one"), opened(443, Description="two")]),
        right=securities(SecurityGroupIngress=[opened(443, Description="one"), opened(444, Description="two")]),
    ),
    "a block of 33 bits": Case(
        rule="rule_values",
        words="CIDR block 10.0.0.0/33 is malformed",
        faulty=securities(SecurityGroupIngress=[opened(443, CidrIp="10.0.0.0/33")]),
        right=securities(SecurityGroupIngress=[opened(443, CidrIp="10.0.0.1/16")]),
    ),
    "ports in the wrong order": Case(
        rule="rule_values",
        words="Invalid TCP/UDP port range (6253:6250)",
        faulty=securities(SecurityGroupIngress=[opened(6253, ToPort=6250)]),
        right=securities(SecurityGroupIngress=[opened(6250, ToPort=6253)]),
    ),
    "a sixth elastic address": Case(
        rule="five_addresses",
        words="The maximum number of addresses has been reached.",
        faulty={f"Address{index}": resource("EC2::EIP", Domain="vpc") for index in range(6)},
        right={f"Address{index}": resource("EC2::EIP", Domain="vpc") for index in range(3)},
    ),
    "a host type that does not exist": Case(
        rule="template_data",
        words="Invalid value 'm6i.3xlarge' for InstanceType.",
        faulty=template(InstanceType="m6i.3xlarge", ImageId="ami-1"),
        right=template(InstanceType="m6i.2xlarge", ImageId="ami-1"),
    ),
    "user data in the clear": Case(
        rule="template_data",
        words="Invalid BASE64 encoding of user data.",
        faulty=template(UserData="#!/bin/bash"),
        right=template(UserData=base64.b64encode(b"#!/bin/bash").decode()),
    ),
    "user data of more than 16 KB": Case(
        rule="template_data",
        words="User data is limited to 16384 bytes",
        faulty=template(UserData=base64.b64encode(b"#" * 16_385).decode()),
        right=template(UserData=base64.b64encode(b"#" * 16_384).decode()),
    ),
    "an unknown instance profile": Case(
        rule="template_references",
        words="Value (nobody) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
        faulty=template(IamInstanceProfile={"Name": "nobody"}),
        right=template(IamInstanceProfile={"Arn": att("Profile", "Arn")})
        | {"Role": role("ec2.amazonaws.com"), "Profile": resource("IAM::InstanceProfile", Roles=[ref("Role")])},
    ),
    "an unknown key of a volume": Case(
        rule="template_references",
        words="does not exist",
        faulty=template(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"KmsKeyId": NO_KEY}}]),
        right=template(BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"KmsKeyId": "alias/aws/ebs"}}]),
    ),
    "two routes to one place": Case(
        rule="route_exists",
        words="The route identified by 0.0.0.0/0 already exists.",
        faulty=routes("0.0.0.0/0", "0.0.0.0/0"),
        right=routes("0.0.0.0/0", "192.0.2.0/24"),
    ),
    "a flow log with a role of another service": Case(
        rule="flow_log_target",
        words="Access Denied for LogDestination. Unable to assume given IAM role.",
        faulty=flow_log(att("Role", "Arn"), Role=role("ec2.amazonaws.com")),
        right=flow_log(att("Role", "Arn"), Role=role("vpc-flow-logs.amazonaws.com")),
    ),
    "a second internet gateway": Case(
        rule="one_internet_gateway",
        words="already has an internet gateway attached",
        faulty=network() | GATEWAYS | {"A": attach("First"), "B": attach("Second") | {"DependsOn": "A"}},
        right=network() | GATEWAYS | {"A": attach("First")},
    ),
}

AUTO_SCALING = {
    "a lifetime of less than a day": Case(
        rule="lifetime",
        words="Maximum instance lifetime must be equal to 0 or between 86400 and 31536000 seconds.",
        faulty=group(MaxInstanceLifetime=3600),
        right=group(MaxInstanceLifetime=2_592_000),
    ),
    "a maintenance policy that is too wide": Case(
        rule="maintenance_policy",
        words="maximum healthy percentage and minimum healthy percentage must not exceed 100",
        faulty=group(InstanceMaintenancePolicy={"MinHealthyPercentage": 50, "MaxHealthyPercentage": 200}),
        right=group(InstanceMaintenancePolicy={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200}),
    ),
    "a lifecycle hook that waits three hours": Case(
        rule="hook_timeout",
        words="Heartbeat Timeout must be between 30 and 7200 seconds",
        faulty=group(
            LifecycleHookSpecificationList=[
                {
                    "LifecycleHookName": "h",
                    "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
                    "HeartbeatTimeout": 10_800,
                }
            ]
        ),
        right=group(
            LifecycleHookSpecificationList=[
                {
                    "LifecycleHookName": "h",
                    "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
                    "HeartbeatTimeout": 7200,
                }
            ]
        ),
    ),
    "a group without a launch template": Case(
        rule="hosts_need_a_template",
        words="Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or",
        faulty=without(group(), "Hosts", "LaunchTemplate"),
        right=group(),
    ),
    "a group in a zone that does not exist": Case(
        rule="group_zones",
        words="Invalid Availability Zone(s): [us-east-1x]",
        faulty=without(group(AvailabilityZones=["us-east-1x"]), "Hosts", "VPCZoneIdentifier"),
        right=without(group(AvailabilityZones=["us-east-1b"]), "Hosts", "VPCZoneIdentifier"),
    ),
    "a group whose name is taken": Case(
        rule="group_exists",
        words="A group with the name hosts-of-all already exists",
        faulty=group(AutoScalingGroupName="hosts-of-all")
        | {"Twin": group(AutoScalingGroupName="hosts-of-all")["Hosts"] | {"DependsOn": "Hosts"}},
        right=group(AutoScalingGroupName="hosts-of-all")
        | {"Twin": group(AutoScalingGroupName="hosts-of-few")["Hosts"]},
    ),
}

ECS = {
    "a capacity provider by the name of ECS's own": Case(
        rule="provider_name",
        words="The specified capacity provider name is invalid.",
        faulty=provider(Name="ecs-hosts"),
        right=provider(Name="hosts"),
    ),
    "termination protection without protected hosts": Case(
        rule="termination_protection_of_group",
        words="the Auto Scaling group must have instance protection from scale in enabled.",
        faulty=provider(group=PROTECTION),
        right=provider(group=PROTECTION, protected=True),
    ),
    "a reservation above the limit": Case(
        rule="container_memory",
        words="Invalid setting for container 'main'. The Memory limit must be greater than or equal to",
        faulty=task(container(Memory=128, MemoryReservation=256)),
        right=task(container(Memory=256, MemoryReservation=128)),
    ),
    "containers larger than their task": Case(
        rule="container_memory",
        words="the memory of all containers is greater than the memory of the task",
        faulty=task(container(), container("more", Memory=512), Memory="512"),
        right=task(container(), container("more", Memory=384), Memory="512"),
    ),
    "two containers of one name": Case(
        rule="container_names",
        words="Container.name must be unique in a task definition.",
        faulty=task(container(), container()),
        right=task(container(), container("more")),
    ),
    "a task without an essential container": Case(
        rule="container_names",
        words="A task definition must have at least one essential container.",
        faulty=task(container(Essential=False)),
        right=task(container(Essential=True)),
    ),
    "an unknown volume": Case(
        rule="container_references",
        words="Unknown volume 'media'.",
        faulty=task(container(MountPoints=[{"SourceVolume": "media", "ContainerPath": "/media"}])),
        right=task(
            container(MountPoints=[{"SourceVolume": "media", "ContainerPath": "/media"}]), Volumes=[{"Name": "media"}]
        ),
    ),
    "a variable that is a secret, too": Case(
        rule="container_variables",
        words="The secret name must be unique and not shared with any new or existing environment variables",
        faulty=EXECUTION
        | task(
            container(Secrets=[SECRET], Environment=[{"Name": "PASSWORD", "Value": "x"}]),
            ExecutionRoleArn=att("Execution", "Arn"),
        ),
        right=EXECUTION
        | task(
            container(Secrets=[SECRET], Environment=[{"Name": "USER", "Value": "x"}]),
            ExecutionRoleArn=att("Execution", "Arn"),
        ),
    ),
    "a secret without an execution role": Case(
        rule="secrets_need_an_execution_role",
        words="When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        faulty=task(container(Secrets=[SECRET])),
        right=EXECUTION | task(container(Secrets=[SECRET]), ExecutionRoleArn=att("Execution", "Arn")),
    ),
    "a task role that does not exist": Case(
        rule="task_roles",
        words="Role is not valid",
        faulty=task(container(), TaskRoleArn=NOBODY),
        right=EXECUTION | task(container(), TaskRoleArn=att("Execution", "Arn")),
    ),
    "another port on the host in awsvpc": Case(
        rule="container_ports",
        words="When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        faulty=task(container(PortMappings=[{"ContainerPort": 443, "HostPort": 8443}]), NetworkMode="awsvpc"),
        right=task(container(PortMappings=[{"ContainerPort": 443, "HostPort": 443}]), NetworkMode="awsvpc"),
    ),
    "a start period of ten minutes": Case(
        rule="container_health",
        words="Invalid 'healthCheck.startPeriod' setting for container 'main'.",
        faulty=task(container(HealthCheck={"Command": ["CMD", "true"], "StartPeriod": 600})),
        right=task(container(HealthCheck={"Command": ["CMD", "true"], "StartPeriod": 300})),
    ),
    "a service without a network": Case(
        rule="service_network",
        words="Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        faulty=service(NetworkConfiguration={"Ref": "AWS::NoValue"}),
        right=service(),
    ),
    "a target group without a balancer": Case(
        rule="service_balancer",
        words="does not have an associated load balancer.",
        faulty={
            name: item
            for name, item in service(
                LoadBalancers=[{"TargetGroupArn": ref("Targets"), "ContainerName": "main", "ContainerPort": 443}]
            ).items()
            if name != "Listener"
        }
        | {"Listener": resource("SNS::Topic")},
        right=service(
            LoadBalancers=[{"TargetGroupArn": ref("Targets"), "ContainerName": "main", "ContainerPort": 443}]
        ),
    ),
    "a grace period without a balancer": Case(
        rule="service_balancer",
        words="Health check grace period is only valid for services configured to use load balancers",
        faulty=service(HealthCheckGracePeriodSeconds=300),
        right=service(
            HealthCheckGracePeriodSeconds=300,
            LoadBalancers=[{"TargetGroupArn": ref("Targets"), "ContainerName": "main", "ContainerPort": 443}],
        ),
    ),
    "a deployment that cannot move": Case(
        rule="deployment_percentages",
        words="Cannot set both maximumPercent and minimumHealthyPercent to 100 as this will block deployments.",
        faulty=service(DeploymentConfiguration={"MinimumHealthyPercent": 100, "MaximumPercent": 100}),
        right=service(DeploymentConfiguration={"MinimumHealthyPercent": 50, "MaximumPercent": 100}),
    ),
    "packing by what is no resource": Case(
        rule="placement",
        words="Invalid binpack field: disk",
        faulty=service(PlacementStrategies=[{"Type": "binpack", "Field": "disk"}]),
        right=service(PlacementStrategies=[{"Type": "binpack", "Field": "memory"}]),
    ),
    "rebalancing over zones without spread": Case(
        rule="rebalancing",
        words="Availability Zone rebalancing is not supported",
        faulty=service(
            AvailabilityZoneRebalancing="ENABLED", PlacementStrategies=[{"Type": "binpack", "Field": "memory"}]
        ),
        right=service(
            AvailabilityZoneRebalancing="ENABLED", PlacementStrategies=[*ZONES, {"Type": "binpack", "Field": "memory"}]
        ),
    ),
    "a launch type beside a strategy": Case(
        rule="launch_type_and_strategy",
        words="Specifying both a launch type and capacity provider strategy is not supported.",
        faulty=service(LaunchType="EC2"),
        right=service(),
    ),
}

BALANCERS = {
    "a balancer with a long name": Case(
        rule="balancer_name",
        words="cannot be longer than '32' characters",
        faulty=balancer(Name="a" * 33),
        right=balancer(Name="a" * 32),
    ),
    "a balancer whose name is taken": Case(
        rule="balancer_name_taken",
        words="A load balancer with the same name 'the-one' exists, but with different settings",
        faulty=balancer(Name="the-one") | {"Twin": balancer(Name="the-one")["Balancer"] | {"DependsOn": "Balancer"}},
        right=balancer(Name="the-one") | {"Twin": balancer(Name="the-other")["Balancer"]},
    ),
    "a balancer twice in a zone": Case(
        rule="balancer_subnets",
        words="A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        faulty=balancer(Subnets=[ref("Subnet"), ref("More")])
        | subnet(CidrBlock="10.0.5.0/24", AvailabilityZone="us-east-1a"),
        right=balancer(Subnets=[ref("Subnet"), ref("More")])
        | subnet(CidrBlock="10.0.5.0/24", AvailabilityZone="us-east-1c"),
    ),
    "a balancer in an unknown security group": Case(
        rule="balancer_groups",
        words="One or more security groups are invalid: sg-0",
        faulty=balancer(SecurityGroups=["sg-0"]),
        right=balancer(SecurityGroups=[ref("Group")]),
    ),
    "an attribute that no balancer has": Case(
        rule="balancer_attribute",
        words="Load balancer attribute key 'idle_timeout.timeout_seconds' is not recognized",
        faulty=balancer(LoadBalancerAttributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "60"}]),
        right=balancer(LoadBalancerAttributes=[{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}]),
    ),
    "a target group of two balancers": Case(
        rule="one_balancer_for_each_group",
        words="The following target groups cannot be associated with more than one load balancer: arn:aws:elastic",
        faulty=balancer() | {"Second": balancer()["Balancer"], "Twin": listener("Second") | {"DependsOn": "Listener"}},
        right=balancer()
        | {
            "Second": balancer()["Balancer"],
            "Own": targets(),
            "Twin": listener("Second", DefaultActions=[{"Type": "forward", "TargetGroupArn": ref("Own")}]),
        },
    ),
    "a changed scheme with the old target group": Case(
        rule="one_balancer_for_each_group",
        words="The following target groups cannot be associated with more than one load balancer: arn:aws:elastic",
        before=balancer() | WAY_OUT,
        faulty=facing(),
        right=facing()
        | {
            "Fresh": targets(),
            "Listener": listener("Balancer", DefaultActions=[{"Type": "forward", "TargetGroupArn": ref("Fresh")}]),
        },
    ),
    "a balancer that faces the internet without a gateway": Case(
        rule="no_way_out",
        words="has no internet gateway",
        faulty=balancer(Scheme="internet-facing"),
        right=facing(),
    ),
    "a listener of an unknown balancer": Case(
        rule="listener_of_nothing",
        words="Load balancer 'arn:aws:nobody' not found",
        faulty=balancer() | {"Listener": listener("Balancer", LoadBalancerArn="arn:aws:nobody")},
        right=balancer(),
    ),
    "two listeners on one port": Case(
        rule="listener_port_taken",
        words="A listener already exists on this port for this load balancer",
        faulty=balancer() | {"Twin": listener("Balancer") | {"DependsOn": "Listener"}},
        right=balancer() | {"Twin": listener("Balancer", Port=444)},
    ),
    "a target group whose name is taken": Case(
        rule="group_name_taken",
        words="A target group with the same name 'all' exists, but with different settings",
        faulty=network() | {"A": targets(Name="all"), "B": targets(Name="all") | {"DependsOn": "A"}},
        right=network() | {"A": targets(Name="all"), "B": targets(Name="few")},
    ),
    "a health check slower than its interval": Case(
        rule="health_check",
        words="Health check interval must be greater than the timeout.",
        faulty=network() | {"A": targets(HealthCheckIntervalSeconds=10, HealthCheckTimeoutSeconds=10)},
        right=network() | {"A": targets(HealthCheckIntervalSeconds=10, HealthCheckTimeoutSeconds=6)},
    ),
}

EFS = {
    "a key that no file system may use": Case(
        rule="file_system_key",
        words=NO_KEY,
        faulty=files(Encrypted=True, KmsKeyId=NO_KEY),
        right=files(Encrypted=True, KmsKeyId="alias/aws/elasticfilesystem"),
    ),
    "provisioned throughput without a number": Case(
        rule="throughput",
        words="ProvisionedThroughputInMibps must be specified when ThroughputMode is set to 'provisioned'",
        faulty=files(ThroughputMode="provisioned"),
        right=files(ThroughputMode="provisioned", ProvisionedThroughputInMibps=10),
    ),
    "two mount targets in a zone": Case(
        rule="one_mount_target_for_each_zone",
        words="mount target already exists in this AZ",
        faulty=files() | {"Twin": mount("Subnet") | {"DependsOn": "Mount"}},
        right=files() | {"Twin": mount("Other")},
    ),
    "a mount target of an unknown file system": Case(
        rule="mount_target_of_nothing",
        words="File system 'fs-0' does not exist.",
        faulty=network()
        | {
            "Mount": resource(
                "EFS::MountTarget", FileSystemId="fs-0", SubnetId=ref("Subnet"), SecurityGroups=[ref("Group")]
            )
        },
        right=files(),
    ),
    "an access point of an unknown file system": Case(
        rule="access_point_of_nothing",
        words="File system 'fs-0' does not exist.",
        faulty=files() | {"Point": resource("EFS::AccessPoint", FileSystemId="fs-0")},
        right=files() | {"Point": resource("EFS::AccessPoint", FileSystemId=ref("Files"))},
    ),
}

CASES = EC2 | AUTO_SCALING | ECS | BALANCERS | EFS
