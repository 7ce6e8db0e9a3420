"""The VPC: public, private and isolated subnets, the way out, the endpoints and the flow logs."""

import re
from collections.abc import Collection, Iterator
from ipaddress import ip_network
from typing import Final, cast

from aws_cdk import Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from multiconnect.waivers import waive_validation
from sizing.planning.cost import INTERFACE_ENDPOINTS

DEFAULT_ZONES: Final = 3

DEFAULT_CIDR: Final = "10.0.0.0/16"

MAX_AVAILABILITY_ZONES: Final = 4
"""Address space is kept for this many zones, so that adding one later changes no existing subnet (M-14, D-11)."""

PRIVATE_EXTRA_BITS: Final = 4
"""A private subnet is 1/16 of the VPC: a /20 with 4,091 addresses in a /16. Every task takes one (D-4)."""

SMALL_EXTRA_BITS: Final = 6
"""A public or isolated subnet is 1/64 of the VPC: load balancer, NAT and database need few addresses."""

ENDPOINT_WORDS: Final = {
    "ecr.dkr": ("ecr", "docker"),
    "secretsmanager": ("secrets", "manager"),
    "ssmmessages": ("ssm", "messages"),
    "ec2messages": ("ec2", "messages"),
}
"""The words of a construct id where they are not those of the service's name.

They are a contract. Another id is another endpoint, and CloudFormation could not make it beside the old one, since a
VPC takes one endpoint with private DNS for each service.
"""


class Network(Construct):
    """A VPC over two to four zones with a public, a private and an isolated tier in each (D-5).

    Hosts and functions live in the private tier, the database in the isolated one. Only the NAT gateways and, if asked
    for, an internet-facing load balancer live in the public one.

    Attributes:
        vpc: The VPC with its subnets.
        nat_addresses: The public addresses of the NAT gateways: what everything in the VPC shows to the internet.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        flow_log_group: logs.ILogGroup,
        zones: int = DEFAULT_ZONES,
        cidr: str = DEFAULT_CIDR,
        nat_gateways: int | None = None,
        zones_are_ids: bool = False,
        interface_endpoints: bool = True,
        without_endpoints: Collection[str] = (),
    ) -> None:
        """Lay out the VPC.

        Args:
            scope: The stack.
            construct_id: A contract: another id is another VPC.
            flow_log_group: Where the flow logs of all traffic go.
            zones: How many of the stack's availability zones to use, two to `MAX_AVAILABILITY_ZONES`; one more later
                changes no subnet. Default: `DEFAULT_ZONES`.
            cidr: The VPC's addresses, /16 to /20. Default: `DEFAULT_CIDR`.
            nat_gateways: How many to make. One is cheaper; one in each zone survives the loss of a zone. Default: one
                in each zone.
            zones_are_ids: Whether the stack's availability zones are ids such as `use1-az1`, which name the same place
                in every account, instead of names. Default: false.
            interface_endpoints: Whether hosts reach AWS through `INTERFACE_ENDPOINTS` instead of the NAT gateways.
                WhatsApp's servers are reached through NAT in any case. Default: true.
            without_endpoints: Those of `INTERFACE_ENDPOINTS` that are not made; their services are reached through NAT.
                AWS refuses an endpoint in a zone that does not have it (T-14). Default: none.
        """
        super().__init__(scope, construct_id)
        prefix = ip_network(cidr).prefixlen
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(cidr),
            max_azs=zones,
            reserved_azs=MAX_AVAILABILITY_ZONES - zones,
            nat_gateways=zones if nat_gateways is None else nat_gateways,
            restrict_default_security_group=True,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="private",
                    subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS,
                    cidr_mask=prefix + PRIVATE_EXTRA_BITS,
                ),
                ec2.SubnetConfiguration(
                    name="public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=prefix + SMALL_EXTRA_BITS,
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(
                    name="isolated",
                    subnet_type=ec2.SubnetType.PRIVATE_ISOLATED,
                    cidr_mask=prefix + SMALL_EXTRA_BITS,
                ),
            ],
            gateway_endpoints={
                # Image layers come from S3; through the gateway they cost nothing and need no NAT.
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        addresses = [cast(ec2.CfnEIP, subnet.node.try_find_child("EIP")) for subnet in self.vpc.public_subnets]
        self.nat_addresses = [address.ref for address in addresses if address]
        if not Token.is_unresolved(self.vpc.availability_zones[0]):
            self._accept_named_zones()
        if zones_are_ids:
            self._name_zones_by_id()
        flow_log_role = iam.Role(self, "FlowLogRole", assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com"))
        ec2.FlowLog(
            self,
            "FlowLog",
            resource_type=ec2.FlowLogResourceType.from_vpc(self.vpc),
            traffic_type=ec2.FlowLogTrafficType.ALL,
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(flow_log_group, flow_log_role),
        )
        if interface_endpoints:
            self._add_interface_endpoints(cidr, without_endpoints)

    def _subnets(self) -> Iterator[ec2.CfnSubnet]:
        for subnet in (*self.vpc.private_subnets, *self.vpc.public_subnets, *self.vpc.isolated_subnets):
            yield cast(ec2.CfnSubnet, subnet.node.default_child)

    def _accept_named_zones(self) -> None:
        """Accept what two linters say of a zone that is named, since they know only templates for many accounts."""
        for subnet in self._subnets():
            subnet.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3010"]}})
            waive_validation(
                subnet,
                "W3010",
                "The operator of this account has chosen the zone. A zone by its position may become another one when "
                "AWS adds one, and a subnet cannot move (T-13).",
            )

    def _name_zones_by_id(self) -> None:
        """Move each subnet's zone to the property for ids.

        The CDK's own `Vpc` knows names alone: https://github.com/aws/aws-cdk/issues/28265.
        """
        for subnet in self._subnets():
            subnet.availability_zone_id = subnet.availability_zone
            subnet.availability_zone = None

    def _add_interface_endpoints(self, cidr: str, without: Collection[str]) -> None:
        group = ec2.SecurityGroup(
            self,
            "EndpointSecurityGroup",
            vpc=self.vpc,
            description="Interface endpoints: HTTPS from inside the VPC",
            allow_all_outbound=False,
        )
        # The range itself, not a reference to the VPC's: rule packs cannot judge a range that they cannot read.
        group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(443), "AWS APIs from the VPC")
        for name in (name for name in INTERFACE_ENDPOINTS if name not in without):
            self.vpc.add_interface_endpoint(
                endpoint_id(name),
                service=ec2.InterfaceVpcEndpointAwsService(name),
                subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
                security_groups=[group],
                open=False,
            )


def endpoint_id(name: str) -> str:
    """Return the construct id of an endpoint.

    Args:
        name: The last part of the service's name, such as `ecr.api`.

    >>> endpoint_id("ecs-agent"), endpoint_id("secretsmanager")
    ('EcsAgentEndpoint', 'SecretsManagerEndpoint')
    """
    words = ENDPOINT_WORDS.get(name) or re.split("[.-]", name)
    return "".join(word.capitalize() for word in words) + "Endpoint"
