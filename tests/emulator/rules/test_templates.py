"""Each faulty template is refused in AWS's words, and each of them corrected passes."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulator import report, target
from tests.emulator.rules import infrastructure, services
from tests.emulator.rules.cases import Case

CASES = infrastructure.CASES | services.CASES


@pytest.fixture
def deploy(running: target.Target, settle: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., dict[str, Any]]]:
    """Create or update the test's own stack, a failed one anew; it is deleted at the end."""
    client = running.client("cloudformation")

    def deploy(resources: dict[str, Any], name: str = "case", update: bool = False) -> dict[str, Any]:
        body = {
            "StackName": name,
            "TemplateBody": json.dumps({"Resources": resources}),
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }
        (client.update_stack if update else client.create_stack)(**body)
        return settle(running, name)

    yield deploy
    client.delete_stack(StackName="case")


@pytest.mark.parametrize("name", CASES)
def test_what_aws_refuses_is_refused_and_corrected_it_passes(
    running: target.Target, deploy: Callable[..., dict[str, Any]], name: str
) -> None:
    case: Case = CASES[name]
    update = case.before is not None
    if case.before is not None:
        assert deploy(case.before)["StackStatus"] == "CREATE_COMPLETE", report.failures(running, "case")
    stack = deploy(case.faulty, update=update)
    assert stack["StackStatus"] == ("UPDATE_ROLLBACK_COMPLETE" if update else "ROLLBACK_COMPLETE")
    reasons = report.failures(running, "case")
    assert any(case.words in reason for reason in reasons), reasons

    stack = deploy(case.right, update=update)
    assert stack["StackStatus"] == ("UPDATE_COMPLETE" if update else "CREATE_COMPLETE"), report.failures(
        running, "case"
    )
