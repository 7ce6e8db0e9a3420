"""EC2 types that MiniStack lacks: elastic addresses, NAT gateways, flow logs, single security group rules."""

from __future__ import annotations

import random

from . import internals
from .internals import Properties, apply_tags, rule_id, security_group_rule, timestamp
from .registry import Attributes, add, extend, new_id, require


def register() -> None:
    """Put the types of this module into the table."""
    extend("AWS::EC2::VPC", after=_vpc_attributes)
    add("AWS::EC2::EIP", create=_create_address, change=_tag_address, delete=_delete_address)
    add("AWS::EC2::NatGateway", create=_create_nat, change=_tag_nat, delete=_delete_nat)
    add("AWS::EC2::FlowLog", create=_create_flow_log, change=_tag_flow_log, delete=_delete_flow_log)
    _add_rule("Ingress", "IpPermissions", "SourceSecurityGroupId")
    _add_rule("Egress", "IpPermissionsEgress", "DestinationSecurityGroupId")


def _vpc_attributes(vpc: str, _: Properties) -> Attributes:
    return {
        "CidrBlock": internals.vpcs[vpc]["CidrBlock"],
        "CidrBlockAssociations": [f"vpc-cidr-assoc-{vpc[4:]}"],
        "Ipv6CidrBlocks": [],
    }


def _create_address(_: str, properties: Properties, __: str) -> tuple[str, Attributes]:
    allocation = new_id("eipalloc")
    # 198.18.0.0/15 is reserved for benchmarks (RFC 2544), so that the address belongs to nobody.
    address = f"198.18.{random.randint(0, 255)}.{random.randint(1, 254)}"  # noqa: S311 -- not a secret
    internals.elastic_addresses[allocation] = {
        "AllocationId": allocation,
        "PublicIp": address,
        "Domain": properties.get("Domain", "vpc"),
        "AssociationId": None,
        "InstanceId": properties.get("InstanceId"),
        "NetworkInterfaceId": None,
        "PrivateIpAddress": None,
    }
    apply_tags(allocation, properties)
    return address, {"AllocationId": allocation, "PublicIp": address}


def _allocation(address: str) -> str | None:
    return next((key for key, value in internals.elastic_addresses.items() if value["PublicIp"] == address), None)


def _tag_address(address: str, old: Properties, new: Properties) -> Attributes:
    allocation = _allocation(address)
    if allocation is None:
        raise ValueError(f"AWS::EC2::EIP: address {address} does not exist")
    apply_tags(allocation, new, old)
    return {"AllocationId": allocation, "PublicIp": address}


def _delete_address(address: str, _: Properties) -> None:
    allocation = _allocation(address)
    if allocation is None:
        return
    gateways = internals.nat_gateways.values()
    if any(nat.get("AllocationId") == allocation and nat["State"] != "deleted" for nat in gateways):
        raise ValueError(f"AWS::EC2::EIP: {allocation} is in use by a NAT gateway")
    del internals.elastic_addresses[allocation]


def _create_nat(_: str, properties: Properties, __: str) -> tuple[str, Attributes]:
    require("AWS::EC2::NatGateway", properties, "SubnetId")
    subnet = internals.subnets.get(properties["SubnetId"])
    if subnet is None:
        raise ValueError(f"AWS::EC2::NatGateway: subnet {properties['SubnetId']} does not exist")
    connectivity, allocation = properties.get("ConnectivityType", "public"), properties.get("AllocationId")
    if connectivity == "public" and allocation not in internals.elastic_addresses:
        raise ValueError(f"AWS::EC2::NatGateway: allocation {allocation} does not exist")
    nat = new_id("nat")
    internals.nat_gateways[nat] = {
        "NatGatewayId": nat,
        "SubnetId": properties["SubnetId"],
        "VpcId": subnet["VpcId"],
        "AllocationId": allocation,
        "State": "available",
        "ConnectivityType": connectivity,
        "CreateTime": timestamp(),
        "Tags": properties.get("Tags", []),
    }
    apply_tags(nat, properties)
    return nat, {"NatGatewayId": nat}


def _tag_nat(nat: str, old: Properties, new: Properties) -> Attributes:
    apply_tags(nat, new, old)
    return {"NatGatewayId": nat}


def _delete_nat(nat: str, _: Properties) -> None:
    if nat in internals.nat_gateways:
        # AWS keeps showing a deleted gateway for a while, in this state.
        internals.nat_gateways[nat]["State"] = "deleted"


def _create_flow_log(_: str, properties: Properties, __: str) -> tuple[str, Attributes]:
    require("AWS::EC2::FlowLog", properties, "ResourceId", "ResourceType")
    flow_log = new_id("fl")
    internals.flow_logs[flow_log] = {
        "FlowLogId": flow_log,
        "ResourceId": properties["ResourceId"],
        "ResourceType": properties["ResourceType"],
        "TrafficType": properties.get("TrafficType", "ALL"),
        "LogDestinationType": properties.get("LogDestinationType", "cloud-watch-logs"),
        "LogDestination": properties.get("LogDestination") or properties.get("LogGroupName"),
        "FlowLogStatus": "ACTIVE",
        "CreationTime": timestamp(),
    }
    apply_tags(flow_log, properties)
    return flow_log, {"Id": flow_log}


def _tag_flow_log(flow_log: str, old: Properties, new: Properties) -> Attributes:
    apply_tags(flow_log, new, old)
    return {"Id": flow_log}


def _delete_flow_log(flow_log: str, _: Properties) -> None:
    internals.flow_logs.pop(flow_log, None)


def _add_rule(direction: str, store: str, peer_key: str) -> None:
    """Add `AWS::EC2::SecurityGroup<direction>`, whose rules lie in `store` of the group's record."""
    resource_type = f"AWS::EC2::SecurityGroup{direction}"
    egress = direction == "Egress"

    def create(_: str, properties: Properties, __: str) -> tuple[str, Attributes]:
        require(resource_type, properties, "GroupId", "IpProtocol")
        group_id = properties["GroupId"]
        for name in filter(None, (group_id, properties.get(peer_key))):
            if name not in internals.security_groups:
                raise ValueError(f"{resource_type}: security group {name} does not exist")
        rules = internals.security_groups[group_id][store]
        rule = security_group_rule(properties)
        created_id = rule_id(group_id, egress, rule)
        if any(rule_id(group_id, egress, other) == created_id for other in rules):
            raise ValueError(f"{resource_type}: the specified rule already exists in {group_id}")
        rules.append(rule)
        return created_id, {"Id": created_id}

    def describe(changed_id: str, _: Properties, new: Properties) -> Attributes:
        # Only the description of a rule changes in place, and it is no part of the id.
        group_id = new["GroupId"]
        rules = internals.security_groups[group_id][store]
        described = security_group_rule(new)
        rules[:] = [described if rule_id(group_id, egress, rule) == changed_id else rule for rule in rules]
        return {"Id": changed_id}

    def delete(deleted_id: str, properties: Properties) -> None:
        group_id = properties["GroupId"]
        if group := internals.security_groups.get(group_id):
            group[store] = [rule for rule in group[store] if rule_id(group_id, egress, rule) != deleted_id]

    add(resource_type, create=create, change=describe, delete=delete)
