"""`make cdk` hands on what a user gives, and refuses at once what the target cannot do."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from emulator import cdk, life, target
from emulator.workspace import Workspace

RECORDER = """#!/bin/sh
printf '%s\\n' "$@" >"$0.words"
exit "${CDK_STATUS:-0}"
"""


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    """A project whose CLI writes down what it is asked."""
    workspace = Workspace(project=tmp_path)
    workspace.tools.mkdir(parents=True)
    (workspace.tools / "cdk").write_text(RECORDER)
    (workspace.tools / "cdk").chmod(0o755)
    (tmp_path / "cdk.json").write_bytes((Workspace().project / "cdk.json").read_bytes())
    return workspace


def asked(workspace: Workspace, words: Sequence[str]) -> list[str]:
    cdk.pass_on(workspace, "http://127.0.0.1:9", words)
    return (workspace.tools / "cdk.words").read_text().splitlines()


@pytest.mark.parametrize(
    "words",
    [
        ["ls", "-c", "deployment=production"],
        ["ls", "--context", "deployment=production"],
        ["diff", "--context=deployment=production", "-c", "active_coreapps=8"],
        ["-cdeployment=production", "synth"],
    ],
)
def test_the_deployment_that_is_named_is_taken(project: Workspace, words: list[str]) -> None:
    assert asked(project, words) == words


def test_without_a_name_it_is_the_local_deployment(project: Workspace) -> None:
    assert asked(project, ["diff", "-c", "active_coreapps=8"]) == [
        *["diff", "-c", "active_coreapps=8"],
        *["-c", "deployment=local"],
    ]


def test_what_is_deployed_is_what_down_destroys(project: Workspace) -> None:
    assert asked(project, ["deploy", "--all"])[-2:] == ["--output", str(project.assembly)]
    assert "--output" not in asked(project, ["deploy", "--all", "--app", "elsewhere"])


@pytest.mark.parametrize("words", [["-c", "deployment=production"], ["-c", "database_user=client"]])
def test_a_deploy_that_would_wait_for_a_database_server_is_refused(project: Workspace, words: list[str]) -> None:
    with pytest.raises(SystemExit, match=r"runs no database server.*database_user=master"):
        cdk.pass_on(project, "http://127.0.0.1:9", ["deploy", "--all", *words])
    with pytest.raises(SystemExit, match=r"runs no database server"):
        life.up(project, cdk.given(words))
    assert not (project.tools / "cdk.words").exists()


def test_wrong_settings_are_refused_before_anything_starts(project: Workspace) -> None:
    with pytest.raises(SystemExit, match=r"active_coreapps: got '3'"):
        life.up(project, ["active_coreapps=3"])
    assert not (project.tools / "cdk.words").exists()


def test_the_cli_of_the_workspace_is_run_in_its_project(project: Workspace) -> None:
    (project.tools / "cdk").write_text('#!/bin/sh\necho "in $PWD: why"\nexit 3\n')
    with pytest.raises(cdk.CdkError, match=rf"in {project.project}: why\n.*cdk\.log\ncdk synth ended with status 3"):
        cdk.synth(project)


def test_a_failure_shows_what_failed_without_the_events_of_all_resources(project: Workspace) -> None:
    event = "wa-local | 68/12 | 6:03:03 AM | UPDATE_COMPLETE | AWS::IAM::Role | Role (Role1)"
    failed = "wa-local | 6:03:03 AM | UPDATE_FAILED | AWS::SNS::Topic | Topic (Topic1) why"
    (project.tools / "cdk").write_text(f"#!/bin/sh\necho '{failed}'\necho '{event}'\nexit 1\n")
    with pytest.raises(cdk.CdkError) as raised:
        cdk.synth(project)
    assert failed in str(raised.value)
    assert event not in str(raised.value)
    assert event in project.cli_log.read_text()


def test_a_target_is_stopped_although_the_cli_is_gone(
    project: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.tools / "cdk").unlink()
    stopped = list[Workspace]()
    monkeypatch.setattr(target, "find", lambda workspace: target.Target(pid=1, port=1))
    monkeypatch.setattr(target, "stop", stopped.append)
    life.down(project)
    assert stopped == [project]
    assert "The CDK CLI is missing" in capsys.readouterr().out


def test_settings_come_from_the_project_of_the_workspace(project: Workspace) -> None:
    path = project.project / "cdk.json"
    document = json.loads(path.read_text())
    document["context"]["deployments"]["local"]["active_coreapps"] = 16
    path.write_text(json.dumps(document))
    assert cdk.settings(project, ["deployment=local"])[1].active_coreapps == 16
