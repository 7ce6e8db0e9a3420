"""Tags: how many a resource has, and what their keys and values may be."""

from __future__ import annotations

from typing import Any

from emulator.handlers.internals import Step

from .book import properties_of, refuse

_LIMITS = "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"
_MOST = 50
_KEY_CHARACTERS, _VALUE_CHARACTERS = 128, 256
_TAGGED = (
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBInstance",
    "AWS::SecretsManager::Secret",
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
)


@refuse(*_TAGGED, source=_LIMITS, own_words=True)
def tags(step: Step) -> str | None:
    """A resource has at most 50 tags with keys of their own, none of which begins with `aws:`."""
    given: Any = properties_of(step).get("Tags") or []
    # CloudFormation's own three do not count.
    given = [tag for tag in given if not str(tag.get("Key", "")).startswith("aws:cloudformation:")]
    keys = [str(tag.get("Key", "")) for tag in given]
    if len(keys) > _MOST:
        return f"The maximum number of tags is {_MOST}, and this resource would have {len(keys)}"
    if len(set(keys)) < len(keys):
        return "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    for tag, key in zip(given, keys, strict=True):
        if key.lower().startswith("aws:"):
            return f"Tag keys starting with 'aws:' are reserved for internal use: {key}"
        if not 0 < len(key) <= _KEY_CHARACTERS or len(str(tag.get("Value", ""))) > _VALUE_CHARACTERS:
            return f"A key has 1 to {_KEY_CHARACTERS} characters and its value up to {_VALUE_CHARACTERS}: {key}"
    return None
