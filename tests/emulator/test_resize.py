"""A size change is one `cdk deploy`: real deploys on the embedded target, with messages to the stand-in meanwhile."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import cdk, life, rehearse
from emulator.workspace import Workspace

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("resize")]


def wait_for_a_message(stage: rehearse.Stage) -> None:
    """Wait until another message is accepted; its sender goes on all the while."""
    before = len(stage.waits)
    while len(stage.waits) == before:
        time.sleep(0.01)


def positions(stage: rehearse.Stage, since: int) -> Callable[[str], int]:
    """Return a function that tells where in the time line, from `since` on, a text stands."""
    texts = [text for _, text in stage.timeline.rows[since:]]
    return texts.index


def test_a_deploy_changes_the_size_in_the_documented_order_whatever_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # cfn-lint takes 6 s for each size. tests/stacks/test_rules.py has it judge such templates, and test_lifecycle shows
    # that it is the gate of a deploy.
    monkeypatch.setattr(life, "lint", lambda *_: None)
    with rehearse.stage(Workspace(state=tmp_path), coreapps=3, speed=60) as stage:
        stage.deploy(2)
        assert rehearse.shards_of(stage.standin) == 2

        # An increase that fails at the service: shards were not raised, and the stack is as it was.
        stage.running.fail_next("AWS::ECS::Service", "Coreapp", "no room on purpose")
        with pytest.raises(cdk.CdkError):
            stage.deploy(8)
        assert rehearse.shards_of(stage.standin) == 2

        # M-22: the service grows first, the shards follow.
        since = len(stage.timeline.rows)
        stage.deploy(8)
        where = positions(stage, since)
        assert where("the service runs 9 coreapps") < where("shards 2 -> 8")
        wait_for_a_message(stage)

        # A decrease that fails at the service: the shards were lowered, the coreapps are all there again ...
        stage.running.fail_next("AWS::ECS::Service", "Coreapp", "stuck on purpose")
        with pytest.raises(cdk.CdkError):
            stage.deploy(4)
        assert rehearse.running_coreapps(stage.running) == 9
        # ... and the reconciler, which AWS calls when the stack is settled, brings the declared number back.
        assert reconcile(stage) == {"Outcome": "set 8 shards; 4 were set"}
        serves_all: Callable[..., bool] = lambda state: all(shard["served"] for shard in state["shards"])  # noqa: E731
        stage.standin.wait_until(serves_all, within_seconds=300)
        assert rehearse.shards_of(stage.standin) == 8
        wait_for_a_message(stage)

        # M-23: the shards are lowered first, the service shrinks after all coreapps are back.
        since = len(stage.timeline.rows)
        stage.deploy(4)
        where = positions(stage, since)
        assert where("shards 8 -> 4") < where("the service runs 5 coreapps")
        assert rehearse.shards_of(stage.standin) == 4
        wait_for_a_message(stage)
        ledger = stage.settle()
    assert ledger["accepted"] == ledger["sent"] >= len(stage.waits)
    assert (ledger["lost"], ledger["doubled"]) == (0, 0)


def reconcile(stage: rehearse.Stage) -> dict[str, str]:
    """Call the reconciler with what its rules send, as EventBridge would."""
    functions = stage.running.client("lambda").list_functions()["Functions"]
    name = next(one["FunctionName"] for one in functions if "ShardsReconcile" in one["FunctionName"])
    rules = stage.running.client("events")
    rule = next(one["Name"] for one in rules.list_rules()["Rules"] if "StackSettled" in one["Name"])
    event = rules.list_targets_by_rule(Rule=rule)["Targets"][0]["Input"]
    answer = stage.running.client("lambda").invoke(FunctionName=name, Payload=event)
    return json.loads(answer["Payload"].read())
