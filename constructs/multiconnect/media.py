"""The shared file system that every webapp, coreapp and master mounts (D-7, facts 1.8)."""

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_efs as efs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from multiconnect import defaults

NFS_PORT: Final = 2049

FOLDERS: Final = {"data": "/usr/local/waent/data", "media": "/usr/local/wamedia"}
"""A folder of the file system for each path that all containers share (facts 1.8)."""

CLIENT_ACTIONS: Final = (
    "elasticfilesystem:ClientMount",
    "elasticfilesystem:ClientRootAccess",
    "elasticfilesystem:ClientWrite",
)
"""All that a client of a file system can be allowed."""


class Media(Construct):
    """EFS for the client's data and media, encrypted at rest and in transit, reached through one access point each.

    Attributes:
        file_system: Mounted by the task definitions, never by a boot script.
        access_points: The only ways in, by name (`FOLDERS`); each acts as root, as the client's containers do.
        mount_policy: Lets the roles that it is attached to mount and write through the access points, as root there,
            and no other way.
        security_group: Lets nobody in by itself.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        key: kms.IKey,
        removal_policy: RemovalPolicy = defaults.REMOVAL_POLICY,
    ) -> None:
        """Make the file system, a mount target in each private subnet and the access points.

        Args:
            scope: The stack.
            construct_id: A contract: another id is another file system.
            vpc: With private subnets.
            key: Encrypts the files.
            removal_policy: What happens to the files when the stack is deleted. Default: `defaults.REMOVAL_POLICY`.
        """
        super().__init__(scope, construct_id)
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="Media: NFS from the client alone",
            allow_all_outbound=False,
        )
        self.file_system = efs.FileSystem(
            self,
            "FileSystem",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_group=self.security_group,
            encrypted=True,
            kms_key=key,
            # Any policy takes the place of EFS's own, which lets everybody mount. This one allows nothing, since it is
            # enough that the policy of a role does. The CDK would write one that lets everybody be root (T-47):
            # https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html
            allow_anonymous_access=True,
            file_system_policy=_only_over_tls(),
            enable_automatic_backups=True,
            throughput_mode=efs.ThroughputMode.ELASTIC,
            # Inbound media is read soon after it came or never: the rest moves to a tenth of the price.
            lifecycle_policy=efs.LifecyclePolicy.AFTER_30_DAYS,
            out_of_infrequent_access_policy=efs.OutOfInfrequentAccessPolicy.AFTER_1_ACCESS,
            removal_policy=removal_policy,
        )
        self.access_points = {
            name: self.file_system.add_access_point(
                f"{name.capitalize()}AccessPoint",
                path=f"/{name}",
                create_acl=efs.Acl(owner_uid="0", owner_gid="0", permissions="755"),
                posix_user=efs.PosixUser(uid="0", gid="0"),
            )
            for name in FOLDERS
        }
        # One policy for the task roles of all services, since each of them may do the same.
        self.mount_policy = iam.Policy(
            self,
            "MountPolicy",
            statements=[
                iam.PolicyStatement(
                    # The access points act as uid 0, which needs the right to be root, whoever the client is (T-47):
                    # https://docs.aws.amazon.com/efs/latest/ug/enforce-identity-access-points.html
                    actions=list(CLIENT_ACTIONS),
                    resources=[self.file_system.file_system_arn],
                    conditions={
                        "StringEquals": {
                            "elasticfilesystem:AccessPointArn": [
                                point.access_point_arn for point in self.access_points.values()
                            ]
                        }
                    },
                )
            ],
        )


def _only_over_tls() -> iam.PolicyDocument:
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=list(CLIENT_ACTIONS),
                conditions={"Bool": {"aws:SecureTransport": "false"}},
            )
        ]
    )
