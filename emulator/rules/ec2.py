"""EC2: zones, addresses, networks, endpoints, launch templates."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from typing import Any

from emulator.handlers import internals
from emulator.handlers.internals import Step
from sizing.facts import catalogue

from .book import is_true, properties_of, refuse
from .iam import trusts
from .kms import exists

_VPC, _SUBNET = "AWS::EC2::VPC", "AWS::EC2::Subnet"
_ENDPOINT, _TEMPLATE, _ADDRESS = "AWS::EC2::VPCEndpoint", "AWS::EC2::LaunchTemplate", "AWS::EC2::EIP"
_ROUTE, _FLOW_LOG, _GATEWAY = "AWS::EC2::Route", "AWS::EC2::FlowLog", "AWS::EC2::VPCGatewayAttachment"
_SUBNETS = "https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"
_ADDRESSES = 5
# Endpoint services and the zones of the target's account that lack them: AWS has such gaps, another account has them
# under other names (terraform-aws-modules/terraform-aws-vpc#462 and #785).
_ZONES_WITHOUT = {"email-smtp": {"us-east-1a"}, "cognito-idp": {"us-east-1a"}, "transfer.server": {"us-east-1b"}}


def network_of(text: Any) -> ipaddress.IPv4Network | None:
    """Return a block, None when it is malformed; EC2 itself puts the first address in the place of another one."""
    try:
        return ipaddress.IPv4Network(str(text), strict=False)
    except ValueError:
        return None


@refuse(_VPC, _SUBNET, source=_SUBNETS)
def block_size(step: Step) -> str | None:
    """An IPv4 block of a network or subnet is a /16 to a /28."""
    text = properties_of(step).get("CidrBlock")
    if text is None:
        return None
    block = network_of(text)
    if block is None:
        return f"Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
    what = "vpc" if step.resource_type == _VPC else "subnet"
    return (
        None
        if 16 <= block.prefixlen <= 28
        else f"The CIDR '{text}' is invalid."
        if what == "subnet"
        else f"The CIDR '{text}' is invalid. (The VPC's netmask must be between /16 and /28)"
    )


@refuse(_SUBNET, source="T-13")
def unknown_zone(step: Step) -> str | None:
    """The zone of a subnet is one that the account has."""
    zone = properties_of(step).get("AvailabilityZone")
    if not zone or zone in internals.zones():
        return None
    return (
        f"Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the "
        f"following availability zones: {', '.join(internals.zones())}."
    )


@refuse(_SUBNET, source=_SUBNETS, moment="create")
def subnet_block(step: Step) -> str | None:
    """The block of a subnet lies within its network and overlaps no other."""
    given = properties_of(step)
    block, vpc = network_of(given.get("CidrBlock")), internals.vpcs.get(str(given.get("VpcId")))
    if vpc is None:
        return f"The vpc ID '{given.get('VpcId')}' does not exist"
    whole = network_of(vpc.get("CidrBlock"))
    if block is None or whole is None:
        return None
    if not block.subnet_of(whole):
        return f"The CIDR '{block}' is invalid."
    for subnet in internals.subnets.values():
        other = network_of(subnet.get("CidrBlock"))
        if subnet.get("VpcId") == given["VpcId"] and other and block.overlaps(other):
            return f"The CIDR '{block}' conflicts with another subnet"
    return None


@refuse(_ENDPOINT, source="T-14")
def endpoint_zones(step: Step) -> str | None:
    """An interface endpoint lies in zones that have its service, one subnet in each."""
    given = properties_of(step)
    if given.get("VpcEndpointType") != "Interface":
        return None
    service, zones = str(given.get("ServiceName")), set[str]()
    for subnet in given.get("SubnetIds") or []:
        zone = internals.subnets.get(subnet, {}).get("AvailabilityZone")
        if zone is None:
            return f"The subnet ID '{subnet}' does not exist"
        if zone in _ZONES_WITHOUT.get(".".join(service.split(".")[3:]), ()):
            return f"The VPC endpoint service {service} does not support the availability zone of the subnet: {subnet}."
        if zone in zones:
            return (
                f"Found another VPC endpoint subnet in the availability zone of {subnet}. VPC endpoint subnets "
                "should be in different availability zones supported by the VPC endpoint service."
            )
        zones.add(zone)
    return None


@refuse(_ENDPOINT, source="https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html")
def endpoint_service(step: Step) -> str | None:
    """The service of an endpoint belongs to the region of its network."""
    service = str(properties_of(step).get("ServiceName"))
    region = internals.zones()[0][:-1]
    return (
        None
        if re.match(rf"(com|aws)\.(amazonaws|sagemaker|api)\.(vpce\.)?({region}|global)\.", service)
        else f"The Vpc Endpoint Service '{service}' does not exist"
    )


@refuse(
    _ENDPOINT,
    source="https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html",
    moment="create",
)
def private_names_conflict(step: Step) -> str | None:
    """A network has one endpoint with private names for a service."""
    given = properties_of(step)
    if given.get("VpcEndpointType") != "Interface" or not is_true(given.get("PrivateDnsEnabled")):
        return None
    for other in internals.vpc_endpoints.values():
        same = (other.get("VpcId"), other.get("ServiceName")) == (given.get("VpcId"), given.get("ServiceName"))
        if same and is_true(other.get("PrivateDnsEnabled")) and other.get("State") != "deleted":
            host = ".".join(reversed(str(given["ServiceName"]).split(".")))
            return (
                f"private-dns-enabled cannot be set because there is already a conflicting DNS domain for {host} "
                f"in the VPC {given['VpcId']}"
            )
    return None


@refuse(
    _VPC,
    source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html",
    moment="delete",
    code="ResourceConflict",
)
def network_in_use(step: Step) -> str | None:
    """A network is not deleted while subnets, other security groups or an internet gateway are in it."""
    name = str(step.physical_id)
    used = any(record.get("VpcId") == name for record in internals.subnets.values())
    used = used or any(
        record.get("VpcId") == name and record.get("GroupName") != "default"
        for record in internals.security_groups.values()
    )
    return f"The vpc '{name}' has dependencies and cannot be deleted." if used else None


@refuse(
    _SUBNET,
    source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html",
    moment="delete",
    code="ResourceConflict",
)
def subnet_in_use(step: Step) -> str | None:
    """A subnet is not deleted while a mount target, a load balancer or a NAT gateway is in it."""
    name = str(step.physical_id)
    used = any(record.get("SubnetId") == name for record in internals.mount_targets.values())
    used = used or any(name in (record.get("Subnets") or []) for record in internals.load_balancers.values())
    used = used or any(
        record.get("SubnetId") == name and record.get("State") != "deleted"
        for record in internals.nat_gateways.values()
    )
    return f"The subnet '{name}' has dependencies and cannot be deleted." if used else None


@refuse(_ADDRESS, source="T-29", moment="create", code="ServiceLimitExceeded")
def five_addresses(step: Step) -> str | None:
    """An account has five elastic addresses in a region, unless its quota (L-0263D0A3) was raised."""
    return (
        "The maximum number of addresses has been reached." if len(internals.elastic_addresses) >= _ADDRESSES else None
    )


@refuse(
    _TEMPLATE,
    source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html",
    own_words=True,
)
def template_data(step: Step) -> str | None:
    """A launch template has an instance type that exists, and user data of at most 16 KB in base 64."""
    data = properties_of(step).get("LaunchTemplateData") or {}
    kind = data.get("InstanceType")
    if kind and not re.fullmatch(
        r"[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|\d*xlarge|metal(-\d+xl)?)", str(kind)
    ):
        return (
            "The requested configuration is currently not supported. Please check the documentation for supported "
            f"configurations: instance type {kind}"
        )
    family = str(kind).split(".")[0]
    known = catalogue.host_types()
    if kind and kind not in known and family in {name.split(".")[0] for name in known} and "metal" not in str(kind):
        return f"Invalid value '{kind}' for InstanceType."
    if data.get("UserData"):
        try:
            size = len(base64.b64decode(data["UserData"], validate=True))
        except (binascii.Error, ValueError):
            return "Invalid BASE64 encoding of user data."
        if size > 16_384:
            return "User data is limited to 16384 bytes"
    return None


@refuse(
    _TEMPLATE, source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html", own_words=True
)
def template_references(step: Step) -> str | None:
    """The instance profile, security groups and keys of a launch template exist."""
    data = properties_of(step).get("LaunchTemplateData") or {}
    profile = data.get("IamInstanceProfile") or {}
    name = str(profile.get("Name") or str(profile.get("Arn") or "").rsplit("/", 1)[-1])
    if profile and name not in internals.instance_profiles:
        return f"Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
    for group in data.get("SecurityGroupIds") or []:
        if group not in internals.security_groups:
            return f"The security group '{group}' does not exist"
    for mapping in data.get("BlockDeviceMappings") or []:
        volume = mapping.get("Ebs") or {}
        if volume.get("KmsKeyId") and not exists(volume["KmsKeyId"]):
            return f"The key {volume['KmsKeyId']} does not exist"
        if volume.get("VolumeType") == "gp3" and not 3000 <= int(volume.get("Iops", 3000)) <= 16_000:
            return (
                f"Volume iops of {volume['Iops']} is not supported for gp3 volumes: minimum is 3000, maximum is 16000"
            )
    return None


@refuse(
    _ROUTE,
    source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html",
    moment="create",
    code="AlreadyExists",
)
def route_exists(step: Step) -> str | None:
    """A route table has one route for a destination."""
    given = properties_of(step)
    table = internals.route_tables.get(str(given.get("RouteTableId")))
    if table is None:
        return f"The routeTable ID '{given.get('RouteTableId')}' does not exist"
    wanted = given.get("DestinationCidrBlock")
    taken = any(route.get("DestinationCidrBlock") == wanted for route in table.get("Routes") or [])
    return f"The route identified by {wanted} already exists." if wanted and taken else None


@refuse(_FLOW_LOG, source="https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-cwl.html", moment="create")
def flow_log_target(step: Step) -> str | None:
    """A flow log watches what exists, and writes to a log group through a role that its service may assume."""
    given = properties_of(step)
    watched = str(given.get("ResourceId"))
    if watched.startswith("vpc-") and watched not in internals.vpcs:
        return f"The vpc ID '{watched}' does not exist"
    if given.get("LogDestinationType", "cloud-watch-logs") != "cloud-watch-logs":
        return None
    role = given.get("DeliverLogsPermissionArn")
    if not role:
        return "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."
    return (
        None
        if trusts(role, "vpc-flow-logs.amazonaws.com")
        else "Access Denied for LogDestination. Unable to assume given IAM role."
    )


@refuse(
    _GATEWAY,
    source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachInternetGateway.html",
    moment="create",
    own_words=True,
)
def one_internet_gateway(step: Step) -> str | None:
    """A network has one internet gateway."""
    given = properties_of(step)
    for name, record in internals.internet_gateways.items():
        attached = {item.get("VpcId") for item in record.get("Attachments") or []}
        if given.get("InternetGatewayId") and name != given["InternetGatewayId"] and given.get("VpcId") in attached:
            return f"Network {given['VpcId']} already has an internet gateway attached"
    return None
