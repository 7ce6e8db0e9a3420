"""A target of the tests' own: its state folder and its port are never those of `make up`."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import target
from emulator.workspace import Workspace

FOLDER = Path(__file__).parent

Stack = dict[str, Any]
# (resources, outputs) -> the settled stack, its outputs as a dict
Apply = Callable[..., Stack]

# A bound for a target that hangs, not an expectation: a stack of a test settles within a second.
SETTLE_SECONDS = 120.0


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that starts a target, or copies an environment to run pip in, whatever its file."""
    for item in items:
        if {"running", "empty", "tiny"} & set(getattr(item, "fixturenames", ())) and item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.emulator)


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


@pytest.fixture(scope="session")
def settle() -> Callable[[target.Target, str], Stack]:
    """Wait until nothing is under way in a stack, and return it with its outputs as a dict."""

    def settle(running: target.Target, name: str) -> Stack:
        client = running.client("cloudformation")
        deadline = time.monotonic() + SETTLE_SECONDS
        while (stack := client.describe_stacks(StackName=name)["Stacks"][0])["StackStatus"].endswith("_IN_PROGRESS"):
            assert time.monotonic() < deadline, f"{name} does not settle: {stack['StackStatus']}"
            time.sleep(0.05)
        return stack | {"Outputs": {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}}

    return settle


@pytest.fixture
def apply(running: target.Target, settle: Callable[[target.Target, str], Stack]) -> Iterator[Apply]:
    """Create or update the test's own stack from resources and outputs; all is deleted at the end."""
    client = running.client("cloudformation")
    base = f"test-{secrets.token_hex(4)}"
    made: list[str] = []

    def apply(resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> Stack:
        template = {
            "Resources": resources,
            "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
        }
        body = {"StackName": base, "TemplateBody": json.dumps(template), "Capabilities": ["CAPABILITY_IAM"]}
        (client.update_stack if made else client.create_stack)(**body)
        made.append(base)
        return settle(running, base)

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
