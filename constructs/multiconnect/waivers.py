"""A waiver stands beside the resource that it is about, names one finding and gives its reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def waive(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept one finding of a cdk-nag rule pack on one construct and everything below it.

    Args:
        construct: What the finding is about.
        finding: The finding's name, which starts with its pack's: `AwsSolutions-ELB2`.
        reason: Why a security reviewer would accept it.
    """
    pack = finding.partition("-")[0]
    Validations.of(construct).acknowledge(Acknowledgment(id=f"{pack}::{finding}", reason=reason))


def waive_validation(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept one finding of the CDK's own check of templates on one construct and everything below it.

    Args:
        construct: What the finding is about.
        finding: Its name, such as `E9006`.
        reason: Why a security reviewer would accept it.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=f"CloudFormation-Validate::{finding}", reason=reason))
