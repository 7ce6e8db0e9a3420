"""Run the CDK CLI of node_modules with the Node of `.venv`, against the target and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import processes
from .progress import EVENT, Progress
from .screen import screen
from .workspace import ACCOUNT, Workspace

DEPLOYMENT = "local"


class CdkError(Exception):
    """The CLI ended with an error. What it printed has been shown, or the text holds the end of it."""


def run(workspace: Workspace, endpoint: str | None, *words: str, validate: bool = False) -> None:
    """Run one command of the CLI, with its output going straight to ours.

    Args:
        workspace: The CDK project and the state of its target.
        endpoint: Address of the target. None: for commands that ask no AWS, such as `synth`.
        words: The command and its options, such as `diff`.
        validate: Whether the CDK judges the templates itself. It is half of a synth; the gate to the target is
            cfn-lint (`life.lint`), and the tests run both.

    Raises:
        CdkError: Its exit status is not 0.
        SystemExit: The CLI is not installed.
    """
    program, environment = _prepared(workspace, endpoint, validate)
    status = processes.run([program, *words], cwd=workspace.project, environment=environment)
    if status:
        raise CdkError(f"{_command(words)} ended with status {status}")


def run_quietly(workspace: Workspace, endpoint: str | None, *words: str) -> None:
    """Run one command of the CLI, with its output going to `workspace.cli_log`.

    The screen shows a line for each stack that is deployed or destroyed.

    Args:
        workspace: The CDK project and the state of its target.
        endpoint: Address of the target. None: for commands that ask no AWS, such as `synth`.
        words: The command and its options, such as `deploy`, `--all`.

    Raises:
        CdkError: Its exit status is not 0; the text holds the end of its output.
        SystemExit: The CLI is not installed.
    """
    program, environment = _prepared(workspace, endpoint, validate=False)
    status = processes.run_logged(
        [program, *words],
        cwd=workspace.project,
        environment=environment,
        log=workspace.cli_log,
        watch=Progress(screen, workspace.assembly).line,
    )
    if status:
        # Stack events come in no order; the CLI names those that failed once more, after all of them.
        end = processes.end_of(workspace.cli_log, EVENT)
        raise CdkError(f"{end}\n{_command(words)} ended with status {status}")


def _prepared(workspace: Workspace, endpoint: str | None, validate: bool) -> tuple[str, dict[str, str]]:
    """Return the CLI's path and environment."""
    if not installed(workspace):
        raise SystemExit("The CDK CLI is missing: run `make up` or `make test`, which install it.")
    # CI: one line for each stack event, and on standard output.
    more = {"CI": "1", "CDK_VALIDATION": str(validate).lower()}
    return str(workspace.tools / "cdk"), workspace.cli_environment(endpoint) | more


def _command(words: Sequence[str]) -> str:
    return " ".join(["cdk", *words[:1]])


def installed(workspace: Workspace) -> bool:
    """Tell whether the CLI is there."""
    return (workspace.tools / "cdk").exists()


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
    run_quietly(workspace, None, "synth", "--quiet", "--output", str(workspace.assembly), *local(context))
    # By the manifest: the folder may hold templates of an earlier run under other names.
    artifacts = json.loads((workspace.assembly / "manifest.json").read_text())["artifacts"].values()
    stacks = [item for item in artifacts if item["type"] == "aws:cloudformation:stack"]
    return [workspace.assembly / stack["properties"]["templateFile"] for stack in stacks]


def pass_on(workspace: Workspace, endpoint: str, words: Sequence[str]) -> None:
    """Run what a user asks of the CLI; the deployment is the local one unless the words name another.

    What changes the target is shown a line a stack; all else prints what it prints.

    Args:
        workspace: The CDK project and the state of its target.
        endpoint: Address of the target.
        words: The command and its options.

    Raises:
        CdkError: Its exit status is not 0.
        SystemExit: A deploy that the target cannot do.
    """
    context = given(words)
    if not any(pair.partition("=")[0] == "deployment" for pair in context):
        context = [f"deployment={DEPLOYMENT}", *context]
        words = [*words, *options(context[:1])]
    asked = {"deploy", "destroy", "bootstrap"} & set(words) if not {"--help", "-h"} & set(words) else set()
    if not asked:
        run(workspace, endpoint, *words)
        return
    if "deploy" in asked:
        refuse_undeployable(workspace, context)
        if not {"--app", "-a", "--output", "-o"} & {word.partition("=")[0] for word in words}:
            # `make down` destroys what was deployed last.
            words = [*words, "--output", str(workspace.assembly)]
    with screen.step(" ".join(["cdk", *sorted(asked)])):
        run_quietly(workspace, endpoint, *words)


def given(words: Sequence[str]) -> list[str]:
    """Return the settings, as `key=value`, among the words of a command."""

    def pairs() -> Iterator[str]:
        following = iter(words)
        for word in following:
            if word in ("-c", "--context"):
                yield next(following, "")
            elif word.startswith("--context="):
                yield word.removeprefix("--context=")
            elif word.startswith("-c"):
                yield word.removeprefix("-c").removeprefix("=")

    return list(pairs())


def settings(workspace: Workspace, context: Sequence[str]) -> tuple[Any, Any]:
    """Return the settings that cdk.json and `context` make, and their plan.

    Raises:
        stacks.settings.ContextError: cdk.json cannot be read.
        stacks.settings.SettingsError: They make none.
    """
    from stacks.settings import (  # here: most commands need no settings, and pydantic takes a while
        Settings,
        read_context,
    )

    base = read_context(workspace.project / "cdk.json")
    return Settings.from_context(base | dict(_split(pair) for pair in context))


def _split(pair: str) -> tuple[str, str]:
    key, _, value = pair.partition("=")
    return key, value


def refuse_undeployable(workspace: Workspace, context: Sequence[str]) -> None:
    """Refuse wrong settings, and a deploy that would wait ten minutes for a database server, which the target has not.

    Args:
        workspace: The CDK project.
        context: Settings as `key=value`, the deployment among them.

    Raises:
        SystemExit: With the settings to change.
    """
    from stacks.settings import ContextError, SettingsError

    try:
        asked, _ = settings(workspace, context)
    except (ContextError, SettingsError) as error:
        raise SystemExit(str(error)) from None
    if asked.database_user == "client":
        raise SystemExit(
            f"The embedded target runs no database server, in which the deployment {asked.deployment!r} would make "
            "the client's own user (database_user: 'client'). Deploy one whose database_user is 'master', as the "
            f"deployment {DEPLOYMENT!r} is, or add: -c database_user=master -c account={ACCOUNT}"
        )


def options(context: Sequence[str]) -> list[str]:
    """Return the CLI's options for settings given as `key=value`."""
    return [word for pair in context for word in ("-c", pair)]


def local(context: Sequence[str]) -> list[str]:
    """Return the CLI's options for the local deployment with more settings as `key=value`."""
    return options([f"deployment={DEPLOYMENT}", *context])
