"""Whoever calls the handlers waits longer than they take, as the deployed template says."""

import json
import re

import pytest

from functions import contract
from functions.shards.decision import GIVE_BACK_SECONDS, REACH_SECONDS
from functions.shards.handler import AWS
from tests.assembly import Template
from tests.conftest import Synth

CLOUDFORMATION_SECONDS = 3600
"""How long CloudFormation waits for a custom resource without a ServiceTimeout."""


@pytest.fixture
def template(synth: Synth) -> Template:
    return synth(manage_shards="true").functions


def state_machine(template: Template, part: str) -> str:
    """Return the definition of a state machine as text, with a letter in the place of each reference."""
    pieces = template.one("AWS::StepFunctions::StateMachine", part)["DefinitionString"]["Fn::Join"][1]
    return "".join(piece if isinstance(piece, str) else "x" for piece in pieces)


def test_the_provider_lets_a_raise_be_given_back_and_ends_before_cloudformation_does(template: Template) -> None:
    definition = json.loads(state_machine(template, "waiter"))
    (retry,) = definition["States"][definition["StartAt"]]["Retry"]
    assert retry["BackoffRate"] == 1
    total_seconds = retry["IntervalSeconds"] * retry["MaxAttempts"]
    assert REACH_SECONDS + GIVE_BACK_SECONDS < total_seconds < CLOUDFORMATION_SECONDS


def test_the_runbook_lets_a_raise_be_given_back(template: Template) -> None:
    total_seconds = json.loads(state_machine(template, "Runbook"))["TimeoutSeconds"]
    assert total_seconds > REACH_SECONDS + GIVE_BACK_SECONDS


@pytest.mark.parametrize(
    "handler",
    [
        contract.SHARDS_ON_EVENT_HANDLER,
        contract.SHARDS_IS_COMPLETE_HANDLER,
        contract.SHARDS_RECONCILE_HANDLER,
    ],
)
def test_lambda_lets_one_call_look_and_set(template: Template, handler: str) -> None:
    (timeout_seconds,) = (
        item["Properties"]["Timeout"]
        for item in template.of("AWS::Lambda::Function").values()
        if item["Properties"]["Handler"] == handler
    )
    assert timeout_seconds > AWS.observe_seconds + AWS.call_seconds


def test_the_runbook_hands_on_what_the_handlers_return(template: Template) -> None:
    definition = state_machine(template, "Runbook")
    read = set(re.findall(r"Payload\.(\w+)", definition))
    assert read == {contract.STARTED, contract.FLOOR, contract.IS_COMPLETE}
    look = json.loads(definition)["States"]["Look"]["Parameters"]["Payload"]
    assert {f"{contract.STARTED}.$", f"{contract.FLOOR}.$"} < set(look)
