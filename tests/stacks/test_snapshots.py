"""The production templates with 8 active coreapps, as they were last looked at.

A change shows here as a difference to read; when it is wanted: pytest tests/stacks --renew-snapshots.
"""

import json
import re
from pathlib import Path

import pytest

from tests.assembly import STACKS
from tests.conftest import Synth

FOLDER = Path(__file__).parent / "snapshots"
ASSET = re.compile(r"\b[0-9a-f]{64}\b")


@pytest.mark.parametrize("stack", STACKS)
def test_the_template_is_as_it_was_last_looked_at(synth: Synth, request: pytest.FixtureRequest, stack: str) -> None:
    body = synth(active_coreapps=8).templates[stack].body
    # The hash of an asset changes with every line of a function's code, which has tests of its own.
    now = ASSET.sub("<asset>", json.dumps(body, indent=2)) + "\n"
    path = FOLDER / f"{stack}.json"
    if request.config.getoption("--renew-snapshots"):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")
    assert now == path.read_text(encoding="utf-8"), "wanted? pytest tests/stacks --renew-snapshots"
