"""Run the CDK CLI of node_modules with the Node of `.venv`, against the target and nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .workspace import TOOLS, Workspace

DEPLOYMENT = "local"


class CdkError(Exception):
    """The CLI ended with an error, which it has printed itself."""


def run(workspace: Workspace, endpoint: str | None, *words: str, validate: bool = False) -> None:
    """Run one command of the CLI, with its output going straight to ours.

    Args:
        workspace: The CDK project and the state of its target.
        endpoint: Address of the target. None: for commands that ask no AWS, such as `synth`.
        words: The command and its options, such as `deploy`, `--all`.
        validate: Whether the CDK judges the templates itself. It is half of a synth; the gate to the target is
            cfn-lint (`life.lint`), and the tests run both.

    Raises:
        CdkError: Its exit status is not 0.
    """
    if not (TOOLS / "cdk").exists():
        raise SystemExit("the CDK CLI is missing: run `make up` or `make test`, which install it.")
    done = subprocess.run(
        [str(TOOLS / "cdk"), *words],
        cwd=workspace.project,
        # CI: one line for each stack event, and on standard output.
        env=workspace.cli_environment(endpoint) | {"CI": "1", "CDK_VALIDATION": str(validate).lower()},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise CdkError(f"cdk {words[0] if words else ''} ended with status {done.returncode}".replace("  ", " "))


def synth(workspace: Workspace, context: Sequence[str] = ()) -> list[Path]:
    """Write the templates of the local deployment to `workspace.assembly`.

    Args:
        workspace: The CDK project and the state of its target.
        context: More settings as `key=value`.

    Returns:
        The templates' files.

    Raises:
        CdkError: The settings are wrong, or the app failed.
    """
    run(workspace, None, "synth", "--quiet", "--output", str(workspace.assembly), *local(context))
    # By the manifest: the folder may hold templates of an earlier run under other names.
    artifacts = json.loads((workspace.assembly / "manifest.json").read_text())["artifacts"].values()
    stacks = [item for item in artifacts if item["type"] == "aws:cloudformation:stack"]
    return [workspace.assembly / stack["properties"]["templateFile"] for stack in stacks]


def options(context: Sequence[str]) -> list[str]:
    """Return the CLI's options for settings given as `key=value`."""
    return [word for pair in context for word in ("-c", pair)]


def local(context: Sequence[str]) -> list[str]:
    """Return the CLI's options for the local deployment with more settings as `key=value`."""
    return options([f"deployment={DEPLOYMENT}", *context])
