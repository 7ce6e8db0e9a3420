"""`python app.py`, run as the CDK CLI runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from stacks.settings import Settings
from stacks.settings.advice import advice
from tests.assembly import CDK_CONTEXT, ROOT, Assembly

# The CLI hands over `-c` in the environment, and where to write.
CONTEXT, FOLDER = "CDK_CONTEXT_JSON", "CDK_OUTDIR"


def start(folder: Path, context: dict[str, Any]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, ROOT / "app.py"],
        cwd=folder,  # the app finds its files from anywhere
        env={**os.environ, CONTEXT: json.dumps(context), FOLDER: str(folder / "out")}
        | {"PYTHONPATH": str(ROOT / "constructs")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_processes_write_the_same_bytes_templates_and_assets(tmp_path: Path, production: Assembly) -> None:
    # The other process is the one that made the templates which all tests read, at another time in another folder.
    process = start(tmp_path, {})
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert output == ""
    said = [line for line in errors.splitlines() if line.startswith(("WARNING", "ERROR"))]
    settings, plan = Settings.from_context(CDK_CONTEXT)
    assert said == [f"WARNING {each.text} (Annotation)" for each in advice(settings, plan)], "nothing else to remark"
    first, second = files(tmp_path / "out"), files(production.folder)
    assert sum(name.endswith(".template.json") for name in first) == 4
    assert any(name.startswith("asset.") for name in first)
    assert first == second


def test_bad_settings_end_it_with_status_1_and_a_line_for_each(tmp_path: Path) -> None:
    process = start(tmp_path, {"active_coreapps": "3", "tls": "false", "colour": "red", "spares": "x"})
    output, errors = process.communicate()
    assert process.returncode == 1
    assert output == ""
    given = {line.partition(";")[0] for line in errors.splitlines()}
    assert given == {"active_coreapps: got '3'", "tls: got false", "colour: got 'red'", "spares: got 'x'"}
    assert not list(tmp_path.glob("out/*.template.json"))
