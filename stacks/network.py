"""The network stack: the VPC and the key of all logs."""

from typing import Any, cast

from aws_cdk import Annotations, CfnOutput, CfnResource, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from multiconnect.encryption import allow_log_groups, encryption_key
from multiconnect.network import Network
from sizing import Plan
from stacks.retention import Retention
from stacks.settings import Settings


class NetworkStack(Stack):
    """Where everything else lives; the first stack to go up and the last to come down.

    Attributes:
        network: The VPC and its way out.
        log_key: Encrypts the log groups of all four stacks.
        nat_addresses: The public addresses of the NAT gateways, as other stacks import them.
    """

    network: Network
    log_key: kms.Key
    nat_addresses: list[str]

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, plan: Plan, **stack_options: Any
    ) -> None:
        # Before the stack is made, since the CDK asks for the zones while it makes the stack.
        names = settings.availability_zone_names
        self._zones = list(names) if names else first_zones(plan.hosts.availability_zones)
        super().__init__(scope, construct_id, **stack_options)
        retention = Retention.of(settings)
        self.log_key = encryption_key(
            self, "LogKey", description=f"Logs of {settings.name}", removal_policy=retention.keys_and_files
        )
        allow_log_groups(self.log_key)
        self.network = Network(
            self,
            "Network",
            zones=plan.hosts.availability_zones,
            cidr=settings.vpc_cidr,
            nat_gateways=plan.nat_gateways,
            zones_are_ids=settings.zones_are_ids,
            interface_endpoints=settings.interface_endpoints,
            without_endpoints=settings.without_endpoints,
            flow_log_group=logs.LogGroup(
                self,
                "FlowLogs",
                retention=retention.logs,
                encryption_key=self.log_key,
                removal_policy=retention.keys_and_files,
            ),
        )

        vpc = self.network.vpc
        self._vpc_id = self.export_value(vpc.vpc_id, name=f"{settings.name}:Vpc")
        self._subnet_ids = {
            tier: [
                self.export_value(subnet.subnet_id, name=f"{settings.name}:{tier}{number}")
                for number, subnet in enumerate(subnets, start=1)
            ]
            for tier, subnets in {
                "Private": vpc.private_subnets,
                "Public": vpc.public_subnets,
                "Isolated": vpc.isolated_subnets,
            }.items()
        }
        self.nat_addresses = [
            self.export_value(address, name=f"{settings.name}:Nat{number}")
            for number, address in enumerate(self.network.nat_addresses, start=1)
        ]
        CfnOutput(
            self,
            "NatAddresses",
            description="Where the cluster's own calls come from: let them in at webhook receivers",
            value=Fn.join(",", self.network.nat_addresses),
        )
        # The CDK's function that closes the default group waits for a role that its properties name (cfn-lint W3005).
        provider = self.node.find_child("Custom::VpcRestrictDefaultSGCustomResourceProvider")
        cast(CfnResource, provider.node.find_child("Handler")).add_deletion_override("DependsOn")

    def vpc_in(self, stack: Stack) -> ec2.IVpc:
        """Return the VPC as another stack sees it: by exports of this stack.

        The names of the exports are a contract, since CloudFormation refuses to drop one that another stack imports.
        """
        vpc = ec2.Vpc.from_vpc_attributes(
            stack,
            "Vpc",
            vpc_id=self._vpc_id,
            availability_zones=self.availability_zones,
            private_subnet_ids=self._subnet_ids["Private"],
            public_subnet_ids=self._subnet_ids["Public"],
            isolated_subnet_ids=self._subnet_ids["Isolated"],
        )
        Annotations.of(vpc).acknowledge_warning(
            "@aws-cdk/aws-ec2:noSubnetRouteTableId", "Routes are made in the network stack alone."
        )
        return vpc

    @property
    def availability_zones(self) -> list[str]:
        """The zones that are asked for, else the region's first in the order of their names, by CloudFormation.

        The CDK would otherwise look the zones of a known account up, during synth.
        """
        return self._zones


def first_zones(count: int) -> list[str]:
    """Return the first zones of the region that a stack is deployed to, as CloudFormation fills them in."""
    zones = Fn.get_azs()
    return [Fn.select(number, zones) for number in range(count)]
