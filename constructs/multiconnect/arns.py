"""ARNs that end in a pattern, as a statement names them and as a rule pack's finding does."""

from dataclasses import dataclass

from aws_cdk import ArnFormat, Stack, Token


@dataclass(frozen=True)
class Arn:
    """One ARN in both ways.

    Attributes:
        value: For a statement.
        shown: For a waiver: `<AWS::AccountId>` and the like stand for what only a deploy knows.
    """

    value: str
    shown: str


def arn_of(
    stack: Stack, service: str, kind: str, name: str, arn_format: ArnFormat = ArnFormat.SLASH_RESOURCE_NAME
) -> Arn:
    """Return an ARN of the stack's account and region.

    Args:
        stack: Any stack of the account and the region.
        service: Such as `ecs`.
        kind: Kind of the resource, such as `service`.
        name: Its name, or a pattern of names.
        arn_format: What stands between kind and name. Default: a slash.
    """
    partition, region, account = (
        f"<AWS::{parameter}>" if Token.is_unresolved(value) else value
        for parameter, value in (("Partition", stack.partition), ("Region", stack.region), ("AccountId", stack.account))
    )
    separator = "/" if arn_format is ArnFormat.SLASH_RESOURCE_NAME else ":"
    return Arn(
        stack.format_arn(service=service, resource=kind, resource_name=name, arn_format=arn_format),
        f"arn:{partition}:{service}:{region}:{account}:{kind}{separator}{name}",
    )
