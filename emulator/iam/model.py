"""What a decision of IAM is about: calls, roles, and what an account holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One permission that a request needs.

    Attributes:
        action: Its IAM action, such as `ecs:DescribeServices`.
        resource: ARN of the resource; `*` for an action that IAM judges without one.
        context: Condition keys of the request, beside those that follow from the principal.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role with all that decides what its sessions may do.

    Attributes:
        arn: Its ARN.
        trust: Who may assume it.
        policies: Inline and attached policies.
        boundary: Permissions boundary. None: no limit.
    """

    arn: str
    trust: Document
    policies: Sequence[Document]
    boundary: Document | None = None

    @property
    def name(self) -> str:
        """Its name, without the path."""
        return self.arn.rsplit("/", 1)[-1]

    @property
    def account(self) -> str:
        """The account that it belongs to."""
        return self.arn.split(":")[4]


@dataclass(frozen=True, kw_only=True)
class Session:
    """A principal: somebody who has assumed a role."""

    role: Role
    name: str

    @property
    def arn(self) -> str:
        """The ARN that AWS writes into messages."""
        partition = self.role.arn.split(":")[1]
        return f"arn:{partition}:sts::{self.role.account}:assumed-role/{self.role.name}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A principal: a service of AWS that acts for a resource of the account.

    Attributes:
        host: Its name in policies, such as `cloudwatch.amazonaws.com`.
    """

    host: str

    @property
    def arn(self) -> str:
        """What takes the place of an ARN in messages."""
        return self.host


Principal = Session | Service


class Account(Protocol):
    """What an account holds: the tables of the running target, or the templates of a deployment."""

    @property
    def id(self) -> str:
        """Its 12 digits."""
        ...

    @property
    def region(self) -> str:
        """Its region."""
        ...

    def role(self, arn: str) -> Role | None:
        """Return a role; None if there is none with this ARN."""
        ...

    def resource_policy(self, arn: str) -> Document | None:
        """Return the policy of a key, topic, function, secret or file system; None if it has none."""
        ...

    def key_of(self, arn: str) -> str | None:
        """Return the ARN of the account's own key that encrypts a secret, topic or log group; None if none does."""
        ...

    def arn(self, resource_type: str, name: str) -> str | None:
        """Return the ARN of what has a name or id, for ARNs that hold more than that; None if nothing has it."""
        ...

    def described(self, resource_type: str, reference: str) -> Document | None:
        """Return the properties of a resource of the stacks by its ARN, id or name; None if there is none."""
        ...
