"""Who makes the request that is being answered."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import internals

_SESSION = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/(?P<session>.+)"
)
# The CDK CLI takes the roles that `cdk bootstrap` made for whoever deploys.
_OF_THE_DEPLOYER = re.compile(
    r"cdk-[a-z0-9]+-(deploy|lookup|file-publishing|image-publishing|cfn-exec)-role-\d{12}-[a-z0-9-]+"
)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A principal.

    Attributes:
        arn: Its ARN as AWS writes it into messages: of the account's root user, or of a session of a role.
        role: Name of the role whose session it is. None: the root user.
        role_arn: ARN of that role, without a path. None: the root user.
    """

    arn: str
    role: str | None = None
    role_arn: str | None = None

    @property
    def is_deployer(self) -> bool:
        """Whether this is who deploys: an administrator, alone or through a role that `cdk bootstrap` made."""
        return self.role is None or _OF_THE_DEPLOYER.fullmatch(self.role) is not None


def caller() -> Caller:
    """Return who makes the request that this thread or task answers; CloudFormation acts for who called it."""
    return parse(internals.caller_arn())


def parse(arn: str) -> Caller:
    """Return the principal with this ARN."""
    found = _SESSION.fullmatch(arn)
    if found is None:
        return Caller(arn=arn)
    role = found["role"]
    return Caller(arn=arn, role=role, role_arn=f"arn:{found['partition']}:iam::{found['account']}:role/{role}")
