"""The VPC: public, private and isolated subnets, the way out, the endpoints and the flow logs."""

from ipaddress import ip_network

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

MAX_AVAILABILITY_ZONES = 4
"""Address space is kept for this many zones, so that adding one later changes no existing subnet (M-14, D-11)."""

PRIVATE_EXTRA_BITS = 4
"""A private subnet is 1/16 of the VPC: a /20 with 4,091 addresses in a /16. Every task takes one (D-4)."""

SMALL_EXTRA_BITS = 6
"""A public or isolated subnet is 1/64 of the VPC: load balancer, NAT and database need few addresses."""

HOST_ENDPOINTS = {
    "Ecs": ec2.InterfaceVpcEndpointAwsService.ECS,
    "EcsAgent": ec2.InterfaceVpcEndpointAwsService.ECS_AGENT,
    "EcsTelemetry": ec2.InterfaceVpcEndpointAwsService.ECS_TELEMETRY,
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrDocker": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "Ssm": ec2.InterfaceVpcEndpointAwsService.SSM,
    "SsmMessages": ec2.InterfaceVpcEndpointAwsService.SSM_MESSAGES,
    "Ec2Messages": ec2.InterfaceVpcEndpointAwsService.EC2_MESSAGES,
}
"""What ECS hosts in private subnets talk to.

Source: https://docs.aws.amazon.com/AmazonECS/latest/userguide/vpc-endpoints.html; the last three serve Session Manager.
"""


class Network(Construct):
    """A VPC over two to four zones with a public, a private and an isolated tier in each (D-5).

    Hosts and functions live in the private tier, the database in the isolated one. Only the NAT gateways and, if asked
    for, an internet-facing load balancer live in the public one.

    Attributes:
        vpc: The VPC with its subnets.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        zones: int,
        cidr: str,
        nat_gateways: int,
        interface_endpoints: bool,
        flow_log_group: logs.ILogGroup,
    ) -> None:
        """Lay out the VPC.

        Args:
            scope: The stack.
            construct_id: A contract: another id is another VPC.
            zones: How many of the stack's availability zones, two to four; one more later changes no subnet.
            cidr: The VPC's addresses, /16 to /20.
            nat_gateways: One per zone survives the loss of a zone; one is cheaper.
            interface_endpoints: Whether hosts reach AWS through `HOST_ENDPOINTS` instead of the NAT gateways;
                WhatsApp's servers are reached through NAT in any case.
            flow_log_group: Where the flow logs of all traffic go.
        """
        super().__init__(scope, construct_id)
        prefix = ip_network(cidr).prefixlen
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(cidr),
            max_azs=zones,
            reserved_azs=MAX_AVAILABILITY_ZONES - zones,
            nat_gateways=nat_gateways,
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
        flow_log_role = iam.Role(self, "FlowLogRole", assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com"))
        ec2.FlowLog(
            self,
            "FlowLog",
            resource_type=ec2.FlowLogResourceType.from_vpc(self.vpc),
            traffic_type=ec2.FlowLogTrafficType.ALL,
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(flow_log_group, flow_log_role),
        )
        if interface_endpoints:
            self._add_interface_endpoints(cidr)

    def _add_interface_endpoints(self, cidr: str) -> None:
        group = ec2.SecurityGroup(
            self,
            "EndpointSecurityGroup",
            vpc=self.vpc,
            description="Interface endpoints: HTTPS from inside the VPC",
            allow_all_outbound=False,
        )
        # The range itself, not a reference to the VPC's: rule packs cannot judge a range that they cannot read.
        group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(443), "AWS APIs from the VPC")
        for name, service in HOST_ENDPOINTS.items():
            self.vpc.add_interface_endpoint(
                f"{name}Endpoint",
                service=service,
                subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
                security_groups=[group],
                open=False,
            )
