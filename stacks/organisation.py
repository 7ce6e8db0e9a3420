"""What an organisation asks of every stack and every resource: tags, a bound on roles, its own bootstrap (T-46)."""

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import CfnResource, DefaultStackSynthesizer, Stack, TagManager, Tags
from aws_cdk import aws_iam as iam

from stacks.settings import Settings

TAGGED_BY_HAND: Final = ("AWS::IAM::Role", "AWS::Lambda::Function")
"""What the CDK makes for its own functions without a class that knows of tags."""


def stack_options(settings: Settings) -> dict[str, Any]:
    """Return the options that every stack of a deployment is made with."""
    return {
        # A stack's own tags are given to CloudFormation, which hands them on. Those of `tag_and_bind` stand in the
        # template, where a reviewer sees them, and reach what CloudFormation does not: volumes and network interfaces.
        "tags": dict(settings.tags),
        "synthesizer": DefaultStackSynthesizer(qualifier=settings.bootstrap_qualifier),
    }


def tag_and_bind(stack: Stack, settings: Settings) -> None:
    """Tag every resource of a stack, and bound every role, those of the CDK's own functions included."""
    if settings.tags:
        for key, value in settings.tags.items():
            Tags.of(stack).add(key, value)
        _tag_resources_without_class(stack, settings.tags)
    if settings.permissions_boundary:
        import_policy = (
            iam.ManagedPolicy.from_managed_policy_arn
            if settings.permissions_boundary.startswith("arn:")
            else iam.ManagedPolicy.from_managed_policy_name
        )
        policy = import_policy(stack, "PermissionsBoundary", settings.permissions_boundary)
        iam.PermissionsBoundary.of(stack).apply(policy)


def _tag_resources_without_class(stack: Stack, tags: Mapping[str, str]) -> None:
    listed = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
    for construct in stack.node.find_all():
        if (
            isinstance(construct, CfnResource)
            and construct.cfn_resource_type in TAGGED_BY_HAND
            and not TagManager.is_taggable(construct)
        ):
            construct.add_property_override("Tags", listed)
