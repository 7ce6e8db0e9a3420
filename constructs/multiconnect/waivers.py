"""A waiver stands beside the resource that it is about, names one finding and gives its reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def waive(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept one finding of a rule pack on one construct and everything below it.

    Args:
        construct: What the finding is about.
        finding: The finding's full name with its rule pack, such as `AwsSolutions::ELB2`.
        reason: Why a security reviewer would accept it.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
