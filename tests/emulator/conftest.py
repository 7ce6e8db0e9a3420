"""A target of the tests' own: its state folder and its port are never those of `make up`."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import target
from emulator.workspace import Workspace

Stack = dict[str, Any]
# (resources, outputs, stack's name) -> the settled stack, its outputs as a dict
Apply = Callable[..., Stack]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(state=tmp_path_factory.mktemp("target"))
    try:
        yield workspace
    finally:
        target.stop(workspace)


@pytest.fixture(scope="session")
def running(workspace: Workspace) -> target.Target:
    return target.start(workspace)


def settled(running: target.Target, name: str) -> Stack:
    client = running.client("cloudformation")
    for _ in range(600):
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack | {"Outputs": {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}}
        time.sleep(0.05)
    raise AssertionError(f"{name} does not settle: {stack['StackStatus']}")


def reasons(running: target.Target, name: str) -> list[str]:
    """What the stack's events say about resources that failed."""
    events = running.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return [event["ResourceStatusReason"] for event in events if event["ResourceStatus"].endswith("_FAILED")]


@pytest.fixture
def apply(running: target.Target, request: pytest.FixtureRequest) -> Iterator[Apply]:
    """Create or update the test's own stack from resources and outputs; all is deleted at the end."""
    client = running.client("cloudformation")
    base = "t-" + request.node.name.translate(str.maketrans("_[]:", "----")).strip("-")[:60]
    made: list[str] = []

    def apply(resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> Stack:
        template = {
            "Resources": resources,
            "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
        }
        body = {"StackName": base, "TemplateBody": json.dumps(template), "Capabilities": ["CAPABILITY_IAM"]}
        (client.update_stack if made else client.create_stack)(**body)
        made.append(base)
        return settled(running, base)

    yield apply
    if made:
        client.delete_stack(StackName=base)


@pytest.fixture(autouse=True)
def no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "running" in request.fixturenames:
        running: target.Target = request.getfixturevalue("running")
        running.forget_faults()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace in which nothing runs yet."""
    workspace = Workspace(state=tmp_path / "state")
    try:
        yield workspace
    finally:
        target.stop(workspace)
