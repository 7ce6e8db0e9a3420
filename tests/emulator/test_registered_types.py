"""The target knows the CloudFormation types that our templates hold, and handlers exist for no other type."""

import json
import subprocess
import sys

import pytest

from tests.assembly import DEPLOYMENTS
from tests.conftest import Synth

# In a process of its own, because to register changes MiniStack's tables for good.
LIST_TYPES = """
import json
from emulator import handlers
from emulator.handlers import internals, registry
handlers.register()
print(json.dumps({"handled": sorted(registry.handled_types), "known": sorted(internals.resource_types)}))
"""


@pytest.fixture(scope="module")
def types() -> dict[str, set[str]]:
    """`handled`: types that a handler of ours adds or wraps. `known`: all types of the target."""
    command = [sys.executable, "-c", LIST_TYPES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return {name: set(found) for name, found in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.fixture(scope="module")
def in_templates(synth: Synth) -> set[str]:
    """The types of every deployment of cdk.json, with managed shards and without."""
    return {
        resource["Type"]
        for deployment in DEPLOYMENTS
        for manage_shards in ("true", "false")
        for _, resource in synth(deployment, manage_shards=manage_shards).everything()
    }


def test_every_handler_serves_a_type_of_our_templates(types: dict[str, set[str]], in_templates: set[str]) -> None:
    assert types["handled"] - in_templates == set()


def test_every_type_of_our_templates_is_known(types: dict[str, set[str]], in_templates: set[str]) -> None:
    # Custom resources need no entry: their function handles them.
    assert {name for name in in_templates if not name.startswith("Custom::")} - types["known"] == set()


def test_the_lists_are_not_empty(types: dict[str, set[str]], in_templates: set[str]) -> None:
    assert {"AWS::EC2::NatGateway", "AWS::ECS::Service"} <= types["handled"] & in_templates
