"""The life of the local deployment: up, down, and what to say about it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from . import cdk, report, target
from .processes import shown
from .screen import screen
from .workspace import ACCOUNT, REGION, Workspace

HINTS = """\
make status                 services, hosts and database too
make cdk ARGS="diff"        any command of the CDK, on the local deployment
make cdk ARGS="deploy --all -c active_coreapps=8"
eval "$(make env)"          lead this shell's own aws, cdk and boto3 to the target
make down                   destroy the stacks and stop the target"""


def up(workspace: Workspace, context: Sequence[str] = (), port: int = 0) -> target.Target:
    """Deploy all stacks of the local deployment to a target, which is started if none runs.

    Args:
        workspace: The CDK project and the state of its target.
        context: More settings as `key=value`.
        port: Port for a new target. Default: any free one.

    Returns:
        The target.

    Raises:
        cdk.CdkError: A command of the CDK failed; the text holds the end of its output.
        SystemExit: Settings are wrong or ask too much of the target, it does not start, or cfn-lint finds a fault.
    """
    cdk.refuse_undeployable(workspace, [f"deployment={cdk.DEPLOYMENT}", *context])
    with screen.step("Templates", usual_seconds=10):
        templates = cdk.synth(workspace, context)
    with screen.step("Check by cfn-lint", usual_seconds=10):
        lint(templates, workspace.state / "lint")
    with screen.step("Embedded target") as step:
        running = usable_target(workspace, port)
        step.result = f"{running.endpoint}, process {running.pid}, log in {shown(workspace.log)}"
    if report.BOOTSTRAP_STACK not in {stack.name for stack in report.stacks(running)}:
        with screen.step("Bootstrap"):
            words = ("bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", str(workspace.assembly))
            cdk.run_quietly(workspace, running.endpoint, *words)
    with screen.step("Deploy", usual_seconds=30):
        deploy(workspace, running)
    return running


def deploy(workspace: Workspace, running: target.Target) -> None:
    """Deploy the synthesized templates.

    Raises:
        cdk.CdkError: It failed; CloudFormation has rolled back.
    """
    words = ("deploy", "--all", "--require-approval", "never", "--app", str(workspace.assembly))
    cdk.run_quietly(workspace, running.endpoint, *words)


def lint(templates: Sequence[Path], passed: Path) -> None:
    """Refuse templates in which cfn-lint finds an error, and print its warnings: the target checks less than AWS.

    Args:
        templates: The files.
        passed: Folder that keeps, for each template free of findings, an empty file named by its digest: one takes
            seconds to judge.

    Raises:
        SystemExit: With cfn-lint's findings.
    """
    linter = version("cfn-lint").encode()
    digests = {path: hashlib.sha256(linter + b"\0" + path.read_bytes()).hexdigest() for path in templates}
    unknown = [path for path in templates if not (passed / digests[path]).exists()]
    if not unknown:
        return
    from cfnlint.api import ManualArgs, lint_file  # here: importing it takes half a second

    lines, refused = list[str](), False
    for path in unknown:
        screen.note(path.name)
        found = lint_file(path, ManualArgs(regions=[REGION]))
        lines += [f"{path.name}:{match.linenumber}: {match.rule.id} {match.message}" for match in found]
        refused = refused or any(match.rule.severity == "error" for match in found)
        if not found:
            passed.mkdir(parents=True, exist_ok=True)
            (passed / digests[path]).touch()
    if refused:
        raise SystemExit("\n".join(["cfn-lint refuses the templates:", *lines]))
    for line in lines:
        screen.detail(line)


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
    screen.detail(f"an earlier run was interrupted ({', '.join(unsettled)}): starting a new target")
    target.stop(workspace)
    return target.start(workspace, port)


def down(workspace: Workspace) -> None:
    """Destroy the stacks and stop the target; fine if none runs.

    Raises:
        cdk.CdkError: `cdk destroy` failed. The target is stopped all the same, and all its state is gone.
    """
    running = target.find(workspace)
    if running is None:
        screen.say("Nothing runs.")
        return
    try:
        if not cdk.installed(workspace):
            screen.say("The CDK CLI is missing, so nothing is destroyed one by one: the stacks end with the target.")
        elif running.answers():
            destroy(workspace, running)
    finally:
        with screen.step("Stop the target"):
            target.stop(workspace)


def destroy(workspace: Workspace, running: target.Target) -> None:
    """Destroy the stacks that were deployed last; fine if there are none.

    Raises:
        cdk.CdkError: `cdk destroy` failed.
    """
    if (workspace.assembly / "manifest.json").exists():
        with screen.step("Destroy", usual_seconds=15):
            words = ("destroy", "--all", "--force", "--app", str(workspace.assembly))
            cdk.run_quietly(workspace, running.endpoint, *words)


def tell(workspace: Workspace, running: target.Target, context: Sequence[str] = ()) -> None:
    """Print the sizing plan with its reasons, the stacks with their outputs, and how to look around."""
    _, plan = cdk.settings(workspace, [f"deployment={cdk.DEPLOYMENT}", *context])
    screen.say("\n".join(["", "Plan", *(f"- {reason}" for reason in plan.reasons), ""]))
    report.show_stacks(running)
    screen.say(HINTS)
