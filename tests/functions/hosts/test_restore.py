"""A rollback gets its hosts at once, in whatever order it goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from functions.hosts import handler
from functions.hosts.restore import restore
from tests.functions.conftest import Context

from .conftest import Modelled


@dataclass
class Account:
    """CloudFormation and Auto Scaling: a stack with one group."""

    status: str = "UPDATE_ROLLBACK_IN_PROGRESS"
    outputs: dict[str, str] = field(default_factory=lambda: {"HostGroup": "hosts", "MaximumHosts": "15"})
    maximum: int | None = 4
    """Of the group; None when there is none."""

    def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:
        assert StackName == "wa-local-enterprise"
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {"Stacks": [{"StackStatus": self.status, "Outputs": outputs}]}

    def describe_auto_scaling_groups(self, *, AutoScalingGroupNames: list[str]) -> Mapping[str, Any]:
        assert AutoScalingGroupNames == ["hosts"]
        return {"AutoScalingGroups": [] if self.maximum is None else [{"MaxSize": self.maximum}]}

    def update_auto_scaling_group(self, *, AutoScalingGroupName: str, MaxSize: int) -> Mapping[str, Any]:
        assert AutoScalingGroupName == "hosts"
        self.maximum = MaxSize
        return {}


@pytest.mark.parametrize(
    ("changed", "maximum"),
    [
        ({}, 15),
        ({"maximum": 15}, 15),
        # After a failed raise the services shrink first.
        ({"maximum": 32}, 32),
        # The rollback is over, or a deploy has begun since.
        ({"status": "UPDATE_ROLLBACK_COMPLETE"}, 4),
        ({"status": "UPDATE_IN_PROGRESS"}, 4),
        ({"outputs": {}}, 4),
        ({"maximum": None}, None),
    ],
)
def test_the_maximum_is_raised_to_what_was_declared_and_never_lowered(
    changed: dict[str, Any], maximum: int | None
) -> None:
    account = Account(**changed)
    scaling: Any = Modelled("autoscaling", account)
    restore("wa-local-enterprise", scaling, account)
    assert account.maximum == maximum


def test_the_handler_knows_the_event_from_a_custom_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account()
    monkeypatch.setattr(handler, "auto_scaling", lambda: account)
    monkeypatch.setattr(handler, "cloudformation", lambda: account)
    handler.handle({"RolledBackStack": "wa-local-enterprise"}, Context())
    assert account.maximum == 15
