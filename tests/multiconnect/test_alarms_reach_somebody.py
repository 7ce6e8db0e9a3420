"""Every alarm of every deployment may notify its topic: the policies of topic and key let CloudWatch (T-8, T-39)."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.assembly import DEPLOYMENTS, Assembly
from tests.conftest import Synth
from tests.policies import ACCOUNT, REGION, Request, allowed

CLOUDWATCH = "cloudwatch.amazonaws.com"
EVERY = [*((name, {}) for name in DEPLOYMENTS), ("production", {"manage_shards": "true"})]

FROM_AN_ALARM = {
    "aws:SourceAccount": ACCOUNT,
    "aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:any",
    "aws:SecureTransport": "true",
}
"""What CloudWatch says of itself when it publishes."""


@pytest.fixture(params=EVERY, ids=str)
def made(request: pytest.FixtureRequest, synth: Synth) -> Assembly:
    deployment, context = request.param
    return synth(deployment, **context)


def topic_of(made: Assembly, stack: str, action: dict[str, Any]) -> tuple[str, str]:
    """Return the stack and the logical id of the topic that an alarm's action names, through an import too."""
    if "Fn::ImportValue" in action:
        stack, action = made.exports[action["Fn::ImportValue"]]
        stack = stack.removeprefix(f"{made.settings.name}-")
    return stack, action["Ref"]


def notified(made: Assembly) -> Iterator[tuple[str, str, str]]:
    """Yield each alarm with the stack and the logical id of each topic that it notifies."""
    for name, alarm in made.of("AWS::CloudWatch::Alarm").items():
        properties = alarm["Properties"]
        for action in (*properties["AlarmActions"], *properties["OKActions"]):
            yield name, *topic_of(made, name.partition("/")[0], action)


def topic_policies(made: Assembly, stack: str, topic: str) -> list[dict[str, Any]]:
    return [
        item["Properties"]["PolicyDocument"]
        for item in made.templates[stack].of("AWS::SNS::TopicPolicy").values()
        if {"Ref": topic} in item["Properties"]["Topics"]
    ]


def key_policy(made: Assembly, stack: str, topic: str) -> tuple[str, dict[str, Any]]:
    template = made.templates[stack]
    key = template.resources[topic]["Properties"]["KmsMasterKeyId"]["Fn::GetAtt"][0]
    return key, template.resources[key]["Properties"]["KeyPolicy"]


def test_every_alarm_may_publish_to_its_topic(made: Assembly) -> None:
    found = list(notified(made))
    assert {name for name, *_ in found} == set(made.of("AWS::CloudWatch::Alarm"))
    for name, stack, topic in found:
        # A policy of its own replaces the default one, which would let the account publish.
        (policy,) = topic_policies(made, stack, topic)
        assert allowed(policy, Request(CLOUDWATCH, "sns:Publish", topic, FROM_AN_ALARM)), name


def test_every_alarm_may_encrypt_what_it_publishes(made: Assembly) -> None:
    for name, stack, topic in notified(made):
        key, policy = key_policy(made, stack, topic)
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            # The context of a call to KMS has no `aws:SecureTransport` of the publisher's.
            context = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": FROM_AN_ALARM["aws:SourceArn"]}
            assert allowed(policy, Request(CLOUDWATCH, action, key, context)), (name, action)


@pytest.mark.parametrize(
    ("service", "changed"),
    [
        (CLOUDWATCH, {"aws:SecureTransport": "false"}),
        (CLOUDWATCH, {"aws:SourceAccount": "444455556666"}),
        (CLOUDWATCH, {"aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:444455556666:alarm:any"}),
        (CLOUDWATCH, {"aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:dashboard:any"}),
        ("events.amazonaws.com", {}),
    ],
)
def test_nobody_else_may_publish(production: Assembly, service: str, changed: dict[str, str]) -> None:
    for _, stack, topic in notified(production):
        (policy,) = topic_policies(production, stack, topic)
        assert not allowed(policy, Request(service, "sns:Publish", topic, FROM_AN_ALARM | changed))


def test_no_other_account_and_no_other_service_uses_the_key(production: Assembly) -> None:
    for _, stack, topic in notified(production):
        key, policy = key_policy(production, stack, topic)
        ours, others = {"aws:SourceAccount": ACCOUNT}, {"aws:SourceAccount": "444455556666"}
        assert not allowed(policy, Request(CLOUDWATCH, "kms:Decrypt", key, others))
        assert not allowed(policy, Request("events.amazonaws.com", "kms:Decrypt", key, ours))
        assert not allowed(policy, Request(CLOUDWATCH, "kms:ScheduleKeyDeletion", key, ours))
