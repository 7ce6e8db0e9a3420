"""What the CDK CLI prints becomes one line a stack, with each resource counted once."""

import io
import json
import re
from pathlib import Path

import pytest

from emulator.progress import Progress
from emulator.screen import Screen

# As the CLI prints it: events of one second in no order, and a total that its change set did not name.
CREATE = """
wa-local-network: creating CloudFormation changeset...
wa-local-network: deploying... [1/4]
wa-local-network |  0/37 | 4:59:24 AM | CREATE_IN_PROGRESS      | AWS::CloudFormation::Stack | wa-local-network
wa-local-network | 68/2 | 4:59:24 AM | CREATE_COMPLETE         | AWS::Logs::LogGroup | FlowLogs (FlowLogs1)
wa-local-network | 68/2 | 4:59:24 AM | CREATE_IN_PROGRESS      | AWS::Logs::LogGroup | FlowLogs (FlowLogs1)
wa-local-network | 69/2 | 4:59:24 AM | UPDATE_COMPLETE         | AWS::Logs::LogGroup | FlowLogs (FlowLogs1)
wa-local-network | 70/2 | 4:59:24 AM | CREATE_COMPLETE         | AWS::CloudFormation::Stack | wa-local-network
wa-local-network | 71/2 | 4:59:24 AM | CREATE_COMPLETE         | AWS::EC2::VPC | Vpc

✅  wa-local-network

✨  Deployment time: 5.18s
✅  wa-local-database (no changes)
wa-local-lambda: destroying... [3/4]
✅  wa-local-lambda: destroyed
✨  Total time: 6.1s
"""


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    template = {"Resources": {"FlowLogs1": {}, "Vpc": {}, "Third": {}}}
    (tmp_path / "wa-local-network.template.json").write_text(json.dumps(template))
    return tmp_path


def test_one_line_for_each_stack(assembly: Path) -> None:
    out = io.StringIO()
    screen = Screen(out)
    with screen.step("Deploy"):
        progress = Progress(screen, assembly)
        for line in CREATE.splitlines():
            progress.line(line)
    rows = out.getvalue().splitlines()[1:-1]
    wanted = [
        r"      wa-local-network: 2/3 resources, \d\.\d s",
        r"      wa-local-database: no changes",
        r"      wa-local-lambda: destroyed, \d\.\d s",
    ]
    assert len(rows) == len(wanted)
    assert all(map(re.fullmatch, wanted, rows))


def test_the_note_of_a_terminal_counts_up_and_never_beyond_the_total(assembly: Path) -> None:
    notes = list[str]()

    class Notes(Screen):
        def note(self, text: str) -> None:
            notes.append(text)

    progress = Progress(Notes(io.StringIO()), assembly)
    for line in CREATE.splitlines():
        progress.line(line)
    assert notes == [
        "deploying wa-local-network",
        *[f"wa-local-network, {count}/3 resources" for count in (1, 1, 1, 2)],
        "destroying wa-local-lambda",
    ]
