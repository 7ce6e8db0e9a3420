"""The way in: a network load balancer in front of the webapps (D-5)."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct, IDependable

from multiconnect.monitoring import ABOVE, ALARM, BELOW, FINE, PERIOD, Alarms
from multiconnect.roles import API_PORT
from multiconnect.waivers import waive


class Entry(Construct):
    """An NLB that hands TCP 443 through to the webapps, which end TLS themselves.

    Attributes:
        load_balancer: One address in every zone; each address serves the targets of all zones.
        targets: The webapps, by the addresses of their tasks.
        security_group: Lets the allowed ranges in, and out to the webapps alone.
        internet_facing: Whether the load balancer has public addresses.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        allowed_cidrs: Sequence[str],
        internet_facing: bool = False,
    ) -> None:
        """Make the load balancer.

        Args:
            scope: The stack.
            construct_id: A contract: another id is another load balancer with another address.
            vpc: With private and public subnets.
            allowed_cidrs: The IPv4 ranges whose hosts may call the API; the load balancer has no IPv6 address.
            internet_facing: Whether it stands in the public subnets instead of the private ones. A change makes another
                load balancer with another address. Default: false.
        """
        super().__init__(scope, construct_id)
        self.internet_facing = internet_facing
        # A load balancer that was made without a security group can never be given one.
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="API callers to the load balancer",
            allow_all_outbound=False,
        )
        for cidr in allowed_cidrs:
            self.security_group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(API_PORT), "API callers")
        self.load_balancer = elb.NetworkLoadBalancer(
            self,
            "LoadBalancer",
            vpc=vpc,
            internet_facing=internet_facing,
            vpc_subnets=ec2.SubnetSelection(
                subnet_type=ec2.SubnetType.PUBLIC if internet_facing else ec2.SubnetType.PRIVATE_WITH_EGRESS
            ),
            security_groups=[self.security_group],
            cross_zone_enabled=True,
        )
        # The CDK writes the attribute even where nobody asks for it. What no template names stays as it is: the custom
        # resource Protection switches it on at the end, since a protected load balancer also refuses to be deleted by
        # the rollback of a failed create (T-3).
        self.load_balancer.remove_attribute("deletion_protection.enabled")
        self.targets = elb.NetworkTargetGroup(
            self,
            # Another scheme is another load balancer, which is made while the old one still stands, and a target group
            # belongs to one load balancer alone (T-7).
            "PublicWebapps" if internet_facing else "Webapps",
            vpc=vpc,
            port=API_PORT,
            protocol=elb.Protocol.TCP,
            target_type=elb.TargetType.IP,
            deregistration_delay=Duration.seconds(30),  # an API call ends within the client's read timeout of 30 s
            health_check=elb.HealthCheck(
                # `GET /` answers 200 without a token (facts 1.4), on the webapp's self-signed certificate.
                protocol=elb.Protocol.HTTPS,
                path="/",
                interval=Duration.seconds(10),
                timeout=Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=2,
            ),
        )
        self.load_balancer.add_listener(
            "Api", port=API_PORT, protocol=elb.Protocol.TCP, default_target_groups=[self.targets]
        )
        waive(
            self.load_balancer,
            "AwsSolutions-ELB2",
            "A network load balancer writes access logs for TLS listeners only; this one passes TCP through. The VPC's "
            "flow logs have every connection.",
        )

    def unhealthy_webapps(self) -> cloudwatch.IMetric:
        """Return how many webapps fail the load balancer's health check."""
        return self.targets.metrics.un_healthy_host_count(statistic="Maximum", period=PERIOD, label="unhealthy webapps")

    def healthy_webapps(self) -> cloudwatch.IMetric:
        """Return how many webapps pass the load balancer's health check."""
        return self.targets.metrics.healthy_host_count(statistic="Maximum", period=PERIOD, label="healthy webapps")

    def add_alarms(self, alarms: Alarms, *, after: IDependable) -> None:
        """Add an alarm for a webapp that does not answer, and one for none that answers.

        Args:
            alarms: Where the alarms are added.
            after: The service of the webapps. The second alarm is made after it, since it would fire before.
        """
        alarms.add(
            "UnhealthyWebapps",
            self.unhealthy_webapps(),
            ABOVE,
            0,
            missing_data=FINE,
            description="A webapp has not answered for five minutes: see its service's events and its log.",
        )
        # A target group without targets publishes nothing, unhealthy targets included (T-41).
        none = alarms.add(
            "NoHealthyWebapp",
            self.healthy_webapps(),
            BELOW,
            1,
            minutes=2,
            missing_data=ALARM,
            description="Fewer than 1 webapp answers: nobody can call the API. Look at the webapp service's events and "
            "log.",
        )
        none.node.add_dependency(after)
