"""In which order the stacks go up and come down: CloudFormation refuses to delete an export that is in use (T-6)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.assembly import DEPLOYMENTS
from tests.conftest import Synth


def imported(value: Any) -> Iterator[str]:
    """Yield the names of all exports that a template imports."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Fn::ImportValue":
                yield inner
            else:
                yield from imported(inner)
    elif isinstance(value, list):
        for item in value:
            yield from imported(item)


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_stack_is_made_after_those_whose_exports_it_imports_and_goes_before_them(
    synth: Synth, deployment: str
) -> None:
    made = synth(deployment)
    artifacts = json.loads((made.folder / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    for stack, template in made.templates.items():
        exporters = {f"{made.settings.name}-{made.exports[name][0]}" for name in imported(template.body)}
        assert exporters <= set(artifacts[f"{made.settings.name}-{stack}"]["dependencies"]), stack
