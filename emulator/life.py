"""The life of the local deployment: up, down, and what to say about it."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from . import cdk, report, target
from .workspace import ACCOUNT, PROJECT, REGION, Workspace

# Where nobody says how wide the paper is, wide enough for the tables.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)

HINTS = """
make status                 what runs, again
make cdk ARGS="diff"        any command of the CDK, on the local deployment
make cdk ARGS="deploy --all -c active_coreapps=8"
eval "$(make env)"          lead this shell's own aws, cdk and boto3 to the target
make down                   destroy the stacks and stop the target"""


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print the title of a step, and how long it took when it ends well."""
    console.rule(f"[bold]{title}", align="left") if console.is_terminal else console.print(f"--- {title}")
    started = time.monotonic()
    yield
    console.print(f"  [green]ok[/]  {title}: {time.monotonic() - started:.1f} s")


def up(workspace: Workspace, context: Sequence[str] = (), port: int = 0) -> target.Target:
    """Deploy all stacks of the local deployment to a target, which is started if none runs.

    Args:
        workspace: The CDK project and the state of its target.
        context: More settings as `key=value`.
        port: Port for a new target. Default: any free one.

    Returns:
        The target.

    Raises:
        cdk.CdkError: A command of the CDK failed; it has printed why.
        SystemExit: The target does not start, or cfn-lint finds a fault.
    """
    with step("Templates"):
        templates = cdk.synth(workspace, context)
        lint(templates, workspace.state / "linted")
    with step("Embedded target"):
        running = usable_target(workspace, port)
        console.print(f"      {running.endpoint}, process {running.pid}, log in {workspace.log}")
    if report.BOOTSTRAP_STACK not in {stack.name for stack in report.stacks(running)}:
        with step("Bootstrap"):
            words = ("bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", str(workspace.assembly))
            cdk.run(workspace, running.endpoint, *words)
    with step("Deploy"):
        deploy(workspace, running)
    return running


def deploy(workspace: Workspace, running: target.Target) -> None:
    """Deploy the synthesized templates.

    Raises:
        cdk.CdkError: It failed; CloudFormation has rolled back.
    """
    words = ("deploy", "--all", "--require-approval", "never", "--app", str(workspace.assembly))
    cdk.run(workspace, running.endpoint, *words)


def lint(templates: Sequence[Path], passed: Path) -> None:
    """Refuse templates in which cfn-lint finds an error, and print its warnings: the target checks less than AWS.

    Args:
        templates: The files.
        passed: Keeps a digest of templates that are free of findings, which takes ten seconds to find out.

    Raises:
        SystemExit: With cfn-lint's findings.
    """
    parts = [version("cfn-lint").encode(), *(path.read_bytes() for path in templates)]
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
    if passed.exists() and passed.read_text() == digest:
        return
    from cfnlint.api import ManualArgs, lint_file  # here: importing it takes half a second

    found = [match for path in templates for match in lint_file(path, ManualArgs(regions=[REGION]))]
    lines = [
        f"{Path(match.filename or '').name}:{match.linenumber}: {match.rule.id} {match.message}" for match in found
    ]
    if any(match.rule.severity == "error" for match in found):
        raise SystemExit("\n".join(["cfn-lint refuses the templates:", *lines]))
    for line in lines:
        console.print(f"      {line}", style="yellow", markup=False)
    if not found:
        passed.write_text(digest)


def usable_target(workspace: Workspace, port: int = 0) -> target.Target:
    """Return a target that a deploy can start from.

    One whose stacks an interrupted run left in the middle of something is replaced: its state lives in memory, so
    a new one is always clean.

    Args:
        workspace: The state of the target.
        port: Port for a new target. Default: any free one.
    """
    running = target.start(workspace, port)
    unsettled = [f"{stack.name} is {stack.status}" for stack in report.stacks(running) if not stack.settled]
    if not unsettled:
        return running
    console.print(f"      an earlier run was interrupted ({', '.join(unsettled)}): starting a new target")
    target.stop(workspace)
    return target.start(workspace, port)


def down(workspace: Workspace) -> None:
    """Destroy the stacks and stop the target; fine if none runs.

    Raises:
        cdk.CdkError: `cdk destroy` failed. The target is stopped all the same, and all its state is gone.
    """
    running = target.find(workspace)
    if running is None:
        console.print("Nothing runs.")
        return
    try:
        if running.answers():
            destroy(workspace, running)
    finally:
        with step("Stop the target"):
            target.stop(workspace)


def destroy(workspace: Workspace, running: target.Target) -> None:
    """Destroy the stacks that were deployed last; fine if there are none.

    Raises:
        cdk.CdkError: `cdk destroy` failed.
    """
    if (workspace.assembly / "manifest.json").exists():
        with step("Destroy"):
            words = ("destroy", "--all", "--force", "--app", str(workspace.assembly))
            cdk.run(workspace, running.endpoint, *words)


def tell(running: target.Target, context: Sequence[str] = ()) -> None:
    """Print the sizing plan with its reasons, what runs, and how to look around."""
    from stacks.settings import Settings  # here: it starts the CDK, which takes a second

    given = json.loads((PROJECT / "cdk.json").read_text())["context"]
    extra = dict(pair.split("=", 1) for pair in context)
    _, plan = Settings.from_context(given | {"deployment": cdk.DEPLOYMENT} | extra)
    console.print("\n[bold]Plan[/]")
    for reason in plan.reasons:
        console.print(f"- {reason}", markup=False)
    console.print()
    report.show(running, console)
    console.print(HINTS, markup=False)
